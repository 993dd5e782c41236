import numpy as np

G = 9.8


def energy(upper_cosine, tip_height, upper_velocity, joint_velocity):
    # heights of the two links' middles above the bar, from cosine and tip height
    first = -0.5 * upper_cosine
    second = 0.5 * (-upper_cosine + tip_height)
    lower_velocity = upper_velocity + joint_velocity
    kinetic = 0.5 * (upper_velocity**2 + 0.4 * lower_velocity**2)
    return G * (first + second) + kinetic


def reward(upper_cosine, next_upper_cosine, tip_height, next_tip_height, upper_velocity, next_upper_velocity,
           joint_velocity, next_joint_velocity, terminated):
    before = energy(upper_cosine, tip_height, upper_velocity, joint_velocity)
    after = energy(next_upper_cosine, next_tip_height, next_upper_velocity, next_joint_velocity)
    return {
        "energy_gained": 0.1 * np.clip(after - before, -10, 10),  # pays for: swinging up, also when the tip is low
        "line_crossed": np.where(terminated, 20.0, 0.0),          # pays for: the goal, more than all swinging
        "time": np.full(tip_height.shape, -0.02),                 # pays for: nothing; being slow costs
    }
