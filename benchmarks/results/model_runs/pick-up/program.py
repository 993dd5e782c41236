import numpy as np


def reward(actions_to_target, next_actions_to_target,
           next_holding_target, next_holding_other,
           action, facing_target):
    # pays each action that brings the target closer and takes back each that leads away;
    # clipped, for the distance jumps when a box is destroyed or no way is left
    change = np.clip(actions_to_target - next_actions_to_target, -2.0, 2.0)
    ended = (next_holding_target > 0) | (next_holding_other > 0)
    approach = np.where(ended, 0.0, 0.4 * change)

    # the right thing in hand: the goal, ends the episode
    right_thing = 10.0 * (next_holding_target > 0)

    # the wrong thing in hand: clearly bad, but less than the right one is good
    wrong_thing = -3.0 * (next_holding_other > 0)

    # finish soon
    time = np.full(right_thing.shape, -0.05)

    # destroying the very thing that is wanted makes the mission hopeless
    broke_target = -1.0 * ((action == 5) & (facing_target > 0))

    return {
        "approach": approach,
        "right_thing": right_thing,
        "wrong_thing": wrong_thing,
        "time": time,
        "broke_target": broke_target,
    }
