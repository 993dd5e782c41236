import numpy as np

G = 9.8


def reward(foot_clearance, next_foot_clearance, next_z_velocity, next_torso_angle,
           next_angular_velocity, next_x_velocity, terminated):
    c = np.clip(next_foot_clearance, 0.0, 1.0)
    vz = np.clip(next_z_velocity, -4.0, 4.0)
    in_air = next_foot_clearance > 0.01

    # time until the foot is down again, and the lean then (half of the turning, which legs can correct)
    t_down = np.where(in_air, np.clip((vz + np.sqrt(vz ** 2 + 2.0 * G * c)) / G, 0.0, 0.5), 0.05)
    lean_down = next_torso_angle + 0.5 * t_down * next_angular_velocity
    will_stand = 1.0 / (1.0 + (lean_down / 0.15) ** 2)
    # running off sideways makes landing hard too
    will_stand = will_stand / (1.0 + (next_x_velocity / 1.5) ** 2)

    # apex of this flight: rising, what height the speed still gives; falling, what is left of it
    apex = c + np.where(vz > 0.0, vz ** 2 / (2.0 * G), 0.0)
    # 1.5 per step in a flight of 30 cm, growing faster than the height
    jump = np.where(in_air, will_stand * (3.0 * apex + 7.0 * np.minimum(apex, 0.8) ** 2), 0.0)

    # still on the ground: extending upwards is paid a little, as the beginning of a jump
    extend = np.where(in_air, 0.0, will_stand * 0.25 * np.clip(vz, 0.0, 3.0))

    # upright on each step, small beside a jump
    balance = 0.1 * will_stand

    # falling
    fall = -6.0 * (terminated > 0)

    return {
        "jump": jump,
        "extend": extend,
        "balance": balance,
        "fall": fall,
    }
