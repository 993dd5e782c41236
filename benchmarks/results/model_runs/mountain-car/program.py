import numpy as np

V_TOP = 0.04    # a brisk speed through the valley floor on the last swing


def reward(position, velocity, next_position, next_velocity, action, terminated):
    push = action.astype(np.float64) - 1.0
    mean_v = 0.5 * (velocity + next_velocity)
    # pays for the work the engine does on the car in this step (negative when braking)
    engine_work = np.clip(0.8 * push * mean_v / V_TOP, -0.8, 0.8)
    # charges for running into the left wall, where the energy gained is lost
    hit_wall = np.where((next_position <= -1.19) & (velocity < 0.0),
                        -20.0 * np.abs(velocity), 0.0)
    # pays for reaching the flag
    at_flag = np.where(terminated & (next_position >= 0.49), 60.0, 0.0)
    # charge per step, so that going on rocking is worse than finishing
    step_cost = np.full(position.shape, -0.4)
    return {
        "engine_work": engine_work,
        "hit_wall": hit_wall,
        "at_flag": at_flag,
        "step_cost": step_cost,
    }
