import numpy as np

FAR = 12.0


def _sweep(table, open_cells, at_goal):
    # value of a move ahead for direction 0 right, 1 down, 2 left, 3 up
    # (axes: gap column, gap row, column, row, direction)
    ahead = np.stack([
        np.roll(table[..., 0], -1, axis=2),
        np.roll(table[..., 1], -1, axis=3),
        np.roll(table[..., 2], 1, axis=2),
        np.roll(table[..., 3], 1, axis=3),
    ], axis=-1)
    turned = np.minimum(np.roll(table, 1, axis=-1), np.roll(table, -1, axis=-1))
    better = np.minimum(table, 1.0 + np.minimum(ahead, turned))
    return np.where(at_goal, 0.0, np.where(open_cells, better, FAR))


def _build_table():
    # actions needed to the goal at (3, 3), for each gap, cell and direction; walls and lava stay FAR
    gx, gy, x, y, d = np.meshgrid(np.arange(5), np.arange(5), np.arange(5), np.arange(5),
                                  np.arange(4), indexing="ij")
    at_goal = (x == 3) & (y == 3)
    inside = (x >= 1) & (x <= 3) & (y >= 1) & (y <= 3)
    open_cells = inside & ~((x == gx) & (y != gy) & ~at_goal)
    table = np.where(at_goal, 0.0, FAR)
    for _ in range(15):
        table = _sweep(table, open_cells, at_goal)
    return table


ACTIONS_LEFT = _build_table()


def _index(v, low, high):
    return np.clip(np.round(v), low, high).astype(int)


def _actions_left(x, y, d, gx, gy):
    return ACTIONS_LEFT[_index(gx, 2, 3), _index(gy, 1, 3),
                        _index(x, 1, 3), _index(y, 1, 3), _index(d, 0, 3)]


def _stage(x, y, d, gx, gy):
    # value of where the agent is: actions saved, and stages on the way
    looks_through = (np.abs(y - gy) < 0.5) & (np.abs(d) < 0.5) & (x < gx)
    in_gap = (np.abs(x - gx) < 0.5) & (np.abs(y - gy) < 0.5)
    past = x > gx
    return (-0.7 * _actions_left(x, y, d, gx, gy)
            + 0.5 * looks_through + 2.0 * in_gap + 3.5 * past)


def reward(agent_x, agent_y, direction, next_agent_x, next_agent_y, next_direction,
           gap_x, gap_y, next_in_lava, terminated, action):
    burnt = next_in_lava > 0
    arrived = (terminated > 0) & ~burnt

    # change of the stage: forward is paid, backward takes it back; the lava pays nothing
    before = _stage(agent_x, agent_y, direction, gap_x, gap_y)
    after = _stage(next_agent_x, next_agent_y, next_direction, gap_x, gap_y)
    way = np.where(burnt, 0.0, after - before)

    # the goal
    goal_reached = 10.0 * arrived

    # the four actions without use, which only dilute the search
    useless = -0.15 * (action >= 3)

    return {
        "way": way,
        "goal_reached": goal_reached,
        "useless": useless,
    }
