import numpy as np

# step ahead for direction 0 right, 1 down, 2 left, 3 up
DX = np.array([1, 0, -1, 0])
DY = np.array([0, 1, 0, -1])
GOAL_X = 4
GOAL_Y = 4


def subgoals(next_carrying_key, next_agent_x, next_agent_y, next_direction,
             next_door_x, next_door_y, next_door_open):
    carrying = np.asarray(next_carrying_key).astype(bool)
    door_open = np.asarray(next_door_open).astype(bool)
    looks = np.clip(np.round(next_direction), 0, 3).astype(int)
    ahead_x = next_agent_x + DX[looks]
    ahead_y = next_agent_y + DY[looks]

    # use the <key>
    used_thing_is_key = carrying

    # open the <door>: the key is before it, still closed, right ahead, from the left
    door_ahead = (
        (np.abs(ahead_x - next_door_x) < 0.5) & (np.abs(ahead_y - next_door_y) < 0.5)
        & (next_agent_x < next_door_x)
    )
    key_is_for_door = carrying & door_ahead & ~door_open

    # to <open> it
    door_is_opened = door_open

    # and <then>: through it, in the far room
    in_far_room = next_agent_x > next_door_x + 0.5

    # get to the <goal>: it lies right ahead
    goal_ahead = (
        (np.abs(ahead_x - GOAL_X) < 0.5) & (np.abs(ahead_y - GOAL_Y) < 0.5)
        & in_far_room
    )

    # at the goal itself (a walk of one step) the room has been passed as well
    at_goal = (np.abs(next_agent_x - GOAL_X) < 0.5) & (np.abs(next_agent_y - GOAL_Y) < 0.5)

    return {
        "used_thing_is_key": used_thing_is_key,
        "key_is_for_door": key_is_for_door,
        "door_is_opened": door_is_opened,
        "in_far_room": in_far_room,
        "goal_is_ahead": goal_ahead & ~at_goal,
    }
