import numpy as np

# step ahead for direction 0 right, 1 down, 2 left, 3 up
DX = np.array([1, 0, -1, 0])
DY = np.array([0, 1, 0, -1])


def subgoals(next_agent_x, next_agent_y, next_direction,
             next_moved_x, next_moved_y, next_fixed_x, next_fixed_y,
             next_facing, next_holding, next_holding_moved):
    holds_it = np.asarray(next_holding_moved).astype(bool)
    hands_empty = next_holding[:, 0] == 0
    cell_empty = next_facing[:, 0] == 0

    looks = np.clip(np.round(next_direction), 0, 3).astype(int)
    ahead_x = next_agent_x + DX[looks]
    ahead_y = next_agent_y + DY[looks]

    # the thing to be moved lies right ahead and can be taken, or has been
    lies_ahead = (np.abs(ahead_x - next_moved_x) < 0.5) & (np.abs(ahead_y - next_moved_y) < 0.5)
    moved_ahead = (lies_ahead & hands_empty & ~cell_empty) | holds_it

    # the thing to be moved is in hand
    moved_in_hand = holds_it

    # with it in hand, a free cell beside the other thing lies right ahead
    inside = (ahead_x > 0.5) & (ahead_x < 4.5) & (ahead_y > 0.5) & (ahead_y < 4.5)
    beside = np.abs(np.abs(ahead_x - next_fixed_x) + np.abs(ahead_y - next_fixed_y) - 1.0) < 0.5
    place_ahead = holds_it & cell_empty & inside & beside

    return {
        "moved_ahead": moved_ahead,
        "moved_in_hand": moved_in_hand,
        "place_ahead": place_ahead,
    }
