import numpy as np


def _schedule_value(x, y, vx, vy, angle, turning, left, right):
    l = 1.0 * (left > 0)
    r = 1.0 * (right > 0)
    touching = (l + r) > 0.5

    # wanted speeds: sink the slower the lower, drift towards the middle; none once a leg is down
    want_vy = np.where(touching, 0.0, -np.clip(0.1 + 0.5 * y, 0.1, 0.7))
    want_vx = np.where(touching, 0.0, -np.clip(1.2 * x, -0.6, 0.6))
    # wanted tilt: against the drift and towards the middle (positive is left), level when low
    low = np.clip(y / 0.4, 0.2, 1.0)
    want_angle = np.where(touching, 0.0, low * np.clip(0.5 * x + 0.8 * vx, -0.35, 0.35))

    return (-8.0 * np.abs(x) - 5.0 * np.clip(y, 0.0, 2.0)
            - 6.0 * np.abs(vy - want_vy) - 4.0 * np.abs(vx - want_vx)
            - 6.0 * np.minimum(np.abs(angle - want_angle), 2.0)
            - 0.8 * np.minimum(np.abs(turning), 3.0)
            + 0.5 * (l + r) + 1.5 * l * r)


def reward(x, y, x_velocity, y_velocity, angle, angular_velocity, left_leg, right_leg,
           next_x, next_y, next_x_velocity, next_y_velocity, next_angle, next_angular_velocity,
           next_left_leg, next_right_leg, action, terminated):
    over = terminated > 0

    before = _schedule_value(x, y, x_velocity, y_velocity, angle, angular_velocity,
                             left_leg, right_leg)
    after = _schedule_value(next_x, next_y, next_x_velocity, next_y_velocity, next_angle,
                            next_angular_velocity, next_left_leg, next_right_leg)
    # closer to the schedule and to the pad, as a change; limited against impacts
    on_schedule = np.where(over, 0.0, np.clip(after - before, -2.5, 2.5))

    # really at rest at the end: still and level before and after the last step, on both legs
    still_before = ((np.abs(x_velocity) < 0.05) & (np.abs(y_velocity) < 0.05)
                    & (np.abs(angular_velocity) < 0.1))
    still_after = ((np.abs(next_x_velocity) < 0.05) & (np.abs(next_y_velocity) < 0.05)
                   & (np.abs(next_angular_velocity) < 0.1))
    both_legs = (next_left_leg > 0) & (next_right_leg > 0)
    at_rest = over & still_before & still_after & both_legs & (np.abs(next_angle) < 0.35)
    # most in the middle of the pad, little beside it
    off = np.abs(next_x)
    rest = at_rest * np.where(off < 0.2, 24.0 - 40.0 * np.maximum(off - 0.08, 0.0), 2.0)

    # any other end: a loss, somewhat larger the faster it was going before
    impact = np.clip(np.sqrt(x_velocity ** 2 + y_velocity ** 2), 0.0, 1.5)
    crash = -(8.0 + 3.0 * impact) * (over & ~at_rest)

    # with both legs down: engines off, so that it comes to rest
    standing = (left_leg > 0) & (right_leg > 0)
    firing_on_ground = -0.15 * (standing & (action != 0))

    # time
    time = np.full(on_schedule.shape, -0.03)

    return {
        "on_schedule": on_schedule,
        "rest": rest,
        "crash": crash,
        "firing_on_ground": firing_on_ground,
        "time": time,
    }
