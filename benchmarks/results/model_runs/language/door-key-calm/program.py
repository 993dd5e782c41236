import numpy as np


def subgoals(next_carrying_key, next_agent_x, next_agent_y, next_direction,
             next_door_x, next_door_y, next_door_open):
    carrying = np.asarray(next_carrying_key).astype(bool)
    door_open = np.asarray(next_door_open).astype(bool)

    # the key is in the agent's hand
    key_in_hand = carrying

    # with the key, right in front of the closed door and looking at it
    in_front = (
        (np.abs(next_agent_x - (next_door_x - 1)) < 0.5)
        & (np.abs(next_agent_y - next_door_y) < 0.5)
        & (np.abs(next_direction - 0) < 0.5)
    )
    key_brought_to_door = carrying & in_front & ~door_open

    # the locked door has been opened
    door_opened = door_open

    # past the wall, in the room of the goal
    in_far_room = next_agent_x > next_door_x + 0.5

    return {
        "key_in_hand": key_in_hand,
        "key_brought_to_door": key_brought_to_door,
        "door_opened": door_opened,
        "in_far_room": in_far_room,
    }
