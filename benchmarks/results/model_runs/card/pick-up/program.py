import numpy as np


def distance(actions):
    # 25 stands for "no way": capped, so that a blocked way makes no huge jump
    return np.minimum(actions, 12.0)


def reward(actions_to_target, next_actions_to_target, next_holding_target, next_holding_other,
           agent_x, next_agent_x, agent_y, next_agent_y, direction, next_direction,
           facing, next_facing, holding, next_holding):
    # pays for each move or turn that brings the named thing nearer to lying right ahead,
    # takes it back for each that leads away.
    # Changed: 0.5 in place of 0.3, so that the right turn at an obstacle is heard beside the goal.
    progress = 0.5 * (distance(actions_to_target) - distance(next_actions_to_target))
    # charges for an action without any effect: pushing against a thing or a wall, doing nothing.
    # Changed: new, because the worst episode pushes against a blue ball to its end.
    same_place = ((agent_x == next_agent_x) & (agent_y == next_agent_y)
                  & (direction == next_direction))
    same_view = np.all(facing == next_facing, axis=-1) & np.all(holding == next_holding, axis=-1)
    no_effect = np.where(same_place & same_view, -0.3, 0.0)
    # pays for holding the named thing. Unchanged: it is the goal, and may be the largest.
    got_it = np.where(next_holding_target, 10.0, 0.0)
    # charges for taking another thing. Unchanged: it is hardly ever met any more.
    wrong = np.where(next_holding_other, -2.0, 0.0)
    # charges for each step.
    # Changed: 0.1 in place of 0.05, so that going round in circles is worth less.
    time_cost = np.full(next_actions_to_target.shape, -0.1)
    return {"progress": progress, "no_effect": no_effect, "got_it": got_it, "wrong": wrong,
            "time_cost": time_cost}
