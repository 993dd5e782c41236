import numpy as np

# step ahead for direction 0 right, 1 down, 2 left, 3 up
DX = np.array([1.0, 0.0, -1.0, 0.0])
DY = np.array([0.0, 1.0, 0.0, -1.0])


def _actions_until_ahead(x, y, d, tx, ty):
    # moves and turns until the cell (tx, ty) lies right ahead, in an empty room
    k = np.clip(np.round(d), 0, 3).astype(int)
    fx, fy = DX[k], DY[k]
    dx, dy = tx - x, ty - y
    along = fx * dx + fy * dy
    aside = np.abs(fx * dy - fy * dx)
    turns = np.where(aside < 0.5,
                     np.where(along > 0.5, 0.0, 2.0),
                     np.where(along < -0.5, 2.0, 1.0))
    cells = np.abs(dx) + np.abs(dy)
    return np.where(cells < 0.5, 3.0, cells - 1.0 + turns)


def _actions_until_place(x, y, d, fixed_x, fixed_y, ahead_taken):
    # the same for the best of the four cells beside the second thing
    px = fixed_x[:, None] + DX[None, :]
    py = fixed_y[:, None] + DY[None, :]
    need = _actions_until_ahead(x[:, None], y[:, None], d[:, None], px, py)
    outside = (px < 0.5) | (px > 4.5) | (py < 0.5) | (py > 4.5)
    # a cell right ahead in which something stands is no place
    blocked = (need < 0.5) & ahead_taken[:, None]
    return np.min(need + 20.0 * outside + 3.0 * blocked, axis=-1)


def _value(x, y, d, moved_x, moved_y, fixed_x, fixed_y, holds, holds_other, facing):
    to_thing = _actions_until_ahead(x, y, d, moved_x, moved_y)
    to_place = _actions_until_place(x, y, d, fixed_x, fixed_y, facing[:, 0] > 0)
    return np.where(holds > 0,
                    3.0 - 0.25 * to_place,
                    -0.25 * to_thing - 1.0 * (holds_other > 0))


def reward(agent_x, agent_y, direction, next_agent_x, next_agent_y, next_direction,
           moved_x, moved_y, next_moved_x, next_moved_y,
           fixed_x, fixed_y, next_fixed_x, next_fixed_y,
           holding_moved, next_holding_moved, holding_other, next_holding_other,
           facing, next_facing, action, terminated):
    done = terminated > 0

    before = _value(agent_x, agent_y, direction, moved_x, moved_y, fixed_x, fixed_y,
                    holding_moved, holding_other, facing)
    after = _value(next_agent_x, next_agent_y, next_direction, next_moved_x, next_moved_y,
                   next_fixed_x, next_fixed_y, next_holding_moved, next_holding_other, next_facing)
    # nearer to the end of the mission, in actions and stages; taken back when it is undone
    progress = np.where(done, 0.0, after - before)

    # the one thing lies beside the other: the mission is done
    mission_done = 10.0 * done

    # a box that is destroyed can be neither moved nor found again
    box_ahead = (facing[:, 1] == 8) & (facing[:, 0] > 0)
    box_destroyed = -1.0 * ((action == 5) & box_ahead)

    # actions that do nothing
    hands_full = (holding_moved > 0) | (holding_other > 0)
    something_ahead = facing[:, 0] > 0
    stood = (np.abs(next_agent_x - agent_x) + np.abs(next_agent_y - agent_y)) < 0.5
    idle = ((action == 6)
            | ((action == 2) & stood)
            | ((action == 3) & (hands_full | ~something_ahead))
            | ((action == 4) & (~hands_full | something_ahead))
            | ((action == 5) & ~box_ahead))
    no_effect = -0.08 * idle

    # as soon as possible
    time = np.full(mission_done.shape, -0.03)

    return {
        "progress": progress,
        "mission_done": mission_done,
        "box_destroyed": box_destroyed,
        "no_effect": no_effect,
        "time": time,
    }
