import numpy as np

G = 9.8


def reward(foot_clearance, z_velocity, next_foot_clearance, next_z_velocity,
           next_torso_angle, next_angular_velocity, next_x_velocity, terminated):
    # balance: lean (with where it is heading) and drift, 1 when upright and on the spot
    lean = next_torso_angle + 0.05 * next_angular_velocity
    balanced = np.exp(-(lean / 0.18) ** 2) / (1.0 + (next_x_velocity / 1.2) ** 2)

    # CHANGED: a part in proportion to the height, so that the first centimetres pay; before,
    # 3 cm brought 0.04. Now 0.5 per step at 10 cm, 2.1 at 30 cm, 4.5 at 50 cm. One centimetre
    # is free, so that rocking on the edge of the foot earns nothing
    c = np.clip(next_foot_clearance - 0.01, 0.0, 0.7)
    in_air = balanced * (4.5 * c + 9.0 * c ** 2)

    # CHANGED: in proportion to the upward speed, with the square on top, so that stretching the
    # leg faster pays from the first bobbing on: 0.1 at 0.3 m/s, 0.45 at 1 m/s, 1.6 at 2.4 m/s
    up = np.clip(next_z_velocity, 0.0, 3.5)
    push_off = balanced * (0.3 * up + 0.15 * up ** 2)

    # CHANGED: with a part in proportion, too: 2.5 after a flight from 10 cm, 14 from 30 cm; this
    # is what a leap into a fall, out of balance, does not get
    touches = (foot_clearance > 0.01) & (next_foot_clearance <= 0.01) & (z_velocity < 0.0)
    fell_from = np.minimum(np.clip(-z_velocity, 0.0, 4.0) ** 2 / (2.0 * G), 0.6)
    landed = np.where(touches, balanced * (13.0 * fell_from + 110.0 * fell_from ** 2), 0.0)

    # DROPPED: upright. Standing still earned 24.9 of 25.3; it is worth nothing without a jump,
    # and balance counts already as the gate of all other terms.

    # CHANGED from -12 to -4: at 12 it forbade trying; the end of all further pay is the real loss
    fall = -4.0 * (terminated > 0)

    return {
        "in_air": in_air,
        "push_off": push_off,
        "landed": landed,
        "fall": fall,
    }
