"""The yardstick for the lava: a planner that reads the picture, and a hand-written reward."""

import numpy as np

TILE = 8  # pixels along each side of a cell
GOAL = 3  # its column and its row
LEFT, RIGHT, FORWARD = range(3)


def policy(observation: np.ndarray) -> int:
    """Walk along the first column to the row of the gap, through it, and down to the goal."""
    red, green, _ = np.moveaxis(observation.astype(int), -1, 0)
    lava = cells((red > 200) & (green > 80)) > TILE * TILE / 4
    agent = (red > 150) & (green < 80)
    y, x = np.unravel_index(np.argmax(cells(agent)), lava.shape)
    gap_x = int(np.argmax(lava.sum(axis=0)))
    gap_y = int(np.argmin(lava[1:-1, gap_x])) + 1
    wanted_y = gap_y if x <= gap_x else GOAL
    wanted = (1 if wanted_y > y else 3) if y != wanted_y else 0  # 0 right, 1 down, 2 left, 3 up
    turn = (wanted - looks_to(agent)) % 4
    return FORWARD if turn == 0 else LEFT if turn == 3 else RIGHT


def cells(pixels: np.ndarray) -> np.ndarray:
    """How many pixels of each cell are true."""
    height, width = pixels.shape
    count: np.ndarray = pixels.reshape(height // TILE, TILE, width // TILE, TILE).sum(axis=(1, 3))
    return count


def looks_to(agent: np.ndarray) -> int:
    """Direction of the agent's triangle, whose pixels lie mostly behind the middle of its cell."""
    rows, columns = np.nonzero(agent)
    down, right = (float(np.mean(places % TILE)) - (TILE - 1) / 2 for places in (rows, columns))
    if abs(right) > abs(down):
        return 0 if right < 0 else 2
    return 1 if down < 0 else 3


def reward(
    agent_x: np.ndarray,
    agent_y: np.ndarray,
    gap_x: np.ndarray,
    gap_y: np.ndarray,
    next_agent_x: np.ndarray,
    next_agent_y: np.ndarray,
    next_in_lava: np.ndarray,
    terminated: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward each move saved on the way through the gap, and the goal; punish the lava."""
    saved = moves_left(agent_x, agent_y, gap_x, gap_y) - moves_left(
        next_agent_x, next_agent_y, gap_x, gap_y
    )
    return {
        "nearer": 0.2 * saved * ~next_in_lava,
        "goal": 1.0 * (terminated & ~next_in_lava),
        "lava": -0.3 * next_in_lava,
        "time": np.full_like(saved, -0.02),
    }


def moves_left(x: np.ndarray, y: np.ndarray, gap_x: np.ndarray, gap_y: np.ndarray) -> np.ndarray:
    """Moves to the goal: before the lava by way of the gap."""
    through_gap = (GOAL - x) + np.abs(gap_y - y) + np.abs(GOAL - gap_y)
    moves: np.ndarray = np.where(x < gap_x, through_gap, (GOAL - x) + np.abs(GOAL - y))
    return moves
