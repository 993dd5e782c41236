"""Fitness: reaching the goal, soon; otherwise, the share of the way done, less in the lava."""

from typing import Any

STEP_LIMIT = 40
GOAL = 3  # its column and its row
MOVES = 4  # from the start to the goal at best


def fitness(episode: Any) -> tuple[float, bool]:
    """0.9 for the goal plus up to 0.1 for the time left; 0.2 to 0.5 for neither; at most 0.2 in the
    lava.
    """
    last = {name: float(values[-1]) for name, values in episode.fields.items()}
    done = 1.0 - (GOAL - last["agent_x"] + GOAL - last["agent_y"]) / MOVES
    if last["in_lava"]:
        return 0.2 * done, False
    # Apart from the lava, the goal is the only thing that terminates an episode of this
    # environment.
    if episode.terminated:
        return 0.9 + 0.1 * (1.0 - len(episode) / STEP_LIMIT), True
    return 0.2 + 0.3 * done, False
