import numpy as np

STEP = 0.01     # a full action moves about one centimetre


def reward(fingertips, next_fingertips, goal):
    to_goal = goal - fingertips
    before = np.linalg.norm(to_goal, axis=-1)
    after = np.linalg.norm(next_fingertips - goal, axis=-1)

    # far: share of a full step by which the hand came nearer; a change, so that
    # going to and fro earns nothing; limited against jumps
    approach = 0.8 * np.clip((before - after) / STEP, -2.0, 2.0)

    # being there and staying: 1 at the goal, 0.5 at 5 cm, 0.03 at the start,
    # and below 0 further out, for the time that is lost there
    closeness = 1.3 / (1.0 + (after / 0.05) ** 2) - 0.3

    return {
        "approach": approach,
        "closeness": closeness,
    }
