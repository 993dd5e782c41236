import numpy as np

FLAG = 0.45
GRAVITY = 0.0025


def energy(x, v):
    # mechanical energy above the valley floor, 0 at rest on the floor,
    # 1 at rest on the height of the flag
    height = GRAVITY / 3.0 * np.sin(3.0 * x)
    floor = -GRAVITY / 3.0
    top = GRAVITY / 3.0 * np.sin(3.0 * FLAG)
    return (0.5 * v ** 2 + height - floor) / (top - floor)


def reward(position, next_position, velocity, next_velocity, terminated):
    # pays for energy put into the swing, charges for energy braked away
    energy_gain = 20.0 * (energy(next_position, next_velocity)
                          - energy(position, velocity))

    # pays once for reaching the flag, more than all the energy together
    flag = np.where(terminated & (next_position >= FLAG - 0.01), 50.0, 0.0)

    # small cost of every step, so that finishing soon is better
    time = np.full(position.shape, -0.03)

    return {"energy_gain": energy_gain, "flag": flag, "time": time}
