import numpy as np


def _named(mission, low, high):
    # the mission's word between low and high (a colour or a kind), 0 where it names none
    hit = (mission >= low) & (mission <= high)
    return np.max(np.where(hit, mission, 0), axis=-1)


def subgoals(first_mission, next_facing, next_facing_target, next_actions_to_target,
             next_holding_target):
    held = np.asarray(next_holding_target).astype(bool)
    ahead = np.asarray(next_facing_target).astype(bool)

    # colours are 6 to 11 in the mission and 1 to 6 in facing; kinds 12 to 14 and 7 to 9
    colour = _named(first_mission, 6, 11)
    kind = _named(first_mission, 12, 14)
    colour_fits = (colour == 0) | (next_facing[:, 0] == colour - 5)
    kind_fits = (kind == 0) | (next_facing[:, 1] == kind - 5)

    # which thing: the one right ahead fits every word of the mission
    right_thing_ahead = (ahead & colour_fits & kind_fits) | held

    # where is it: at most one turn or step until it lies right ahead
    right_thing_near = (next_actions_to_target <= 1.5) | right_thing_ahead

    return {
        "right_thing_near": right_thing_near,
        "right_thing_ahead": right_thing_ahead,
    }
