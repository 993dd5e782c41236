import numpy as np

# falling from upright to hanging gives 7.7 rad/s: 0.5 * 7.7**2 = 2 * K
K = 15.0


def reward(next_height, next_sideways, next_angular_velocity, action):
    w = next_angular_velocity
    energy = (0.5 * w ** 2 + K * next_height) / K       # -1 hanging still, 1 upright still

    # pumping: 0 at the energy of the upright pendulum, -0.6 when hanging still;
    # too much energy (whirling) is charged twice as steeply
    gap = energy - 1.0
    right_energy = np.where(gap < 0.0, 0.3 * gap, -0.6 * gap)

    # high and slow together: a whirling pendulum earns little of it
    high_and_slow = 0.5 * (0.5 * (1.0 + next_height)) ** 2 / (1.0 + (w / 2.0) ** 2) * (next_height > -0.9)

    # standing: upright and still, the goal itself
    angle = np.arctan2(next_sideways, next_height)
    standing = np.exp(-(angle / 0.3) ** 2 - (w / 1.0) ** 2)

    # tiny charge for torque, too small to make hanging attractive
    torque_cost = -0.002 * np.sum(action ** 2, axis=-1)

    return {
        "right_energy": right_energy,
        "high_and_slow": high_and_slow,
        "standing": standing,
        "torque_cost": torque_cost,
    }
