import numpy as np

FLAG = 0.5
# The slope adds -0.0025*cos(3x) to the velocity: the potential is 0.0025/3*sin(3x).
# Energy is scaled so that 0 is rest at the valley floor and 1 is rest at a hill top.
KIN = 0.5 / (2.0 * 0.0025 / 3.0)   # = 300


def amplitude(x, v):
    energy = 0.5 * (np.sin(3.0 * x) + 1.0) + KIN * v ** 2
    # the small constant keeps the root smooth at the valley floor
    return np.sqrt(np.maximum(energy, 0.0) + 0.002)


def reward(position, velocity, next_position, next_velocity):
    # pays for a swing that grew in this step, on either side of the valley.
    # Changed: the root of the energy in place of the energy, because the energy
    # hardly changes for a car that starts at rest (0.017 per step in the worst episode);
    # the clip is gone, it hid the last climb.
    swing_gain = 25.0 * (amplitude(next_position, next_velocity) - amplitude(position, velocity))
    # pays for reaching the flag. Unchanged.
    goal = np.where(next_position >= FLAG, 50.0, 0.0)
    # charges for each step.
    # Changed: 0.1 in place of 0.05, so that leaning in the balance point costs more.
    time_cost = np.full(next_position.shape, -0.1)
    return {"swing_gain": swing_gain, "goal": goal, "time_cost": time_cost}
