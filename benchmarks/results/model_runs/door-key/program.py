import numpy as np

GOAL_X, GOAL_Y = 4, 4


def apart(x, y, to_x, to_y):
    return np.abs(x - to_x) + np.abs(y - to_y)


def way_left(agent_x, agent_y, key_x, key_y, carrying_key, door_x, door_y, door_open):
    to_goal = apart(agent_x, agent_y, GOAL_X, GOAL_Y)
    from_door = apart(door_x, door_y, GOAL_X, GOAL_Y)
    to_door = apart(agent_x, agent_y, door_x, door_y)
    to_key = apart(agent_x, agent_y, key_x, key_y)
    key_to_door = apart(key_x, key_y, door_x, door_y)
    beyond = agent_x > door_x
    left = np.where(
        beyond, to_goal,
        np.where(door_open, to_door + from_door,
                 np.where(carrying_key, 2 + to_door + from_door, 4 + to_key + key_to_door + from_door)))
    return left * 1.0


def reward(agent_x, agent_y, key_x, key_y, carrying_key, door_x, door_y, door_open,
           next_agent_x, next_agent_y, next_key_x, next_key_y, next_carrying_key, next_door_open, terminated):
    before = way_left(agent_x, agent_y, key_x, key_y, carrying_key, door_x, door_y, door_open)
    after = way_left(next_agent_x, next_agent_y, next_key_x, next_key_y, next_carrying_key, door_x, door_y,
                     next_door_open)
    return {
        "way_made": 0.3 * (before - after),                # pays for: every cell and stage nearer; gives back on return
        "goal": np.where(terminated, 10.0, 0.0),           # pays for: arriving
        "time": np.full(agent_x.shape, -0.02),             # costs: standing about
    }
