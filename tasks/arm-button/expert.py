"""The human yardstick for the button: to a place before it, then straight in; and a hand-written
reward.
"""

import numpy as np

BEFORE = np.array([0.0, -0.15, 0.0])  # from the button, where the push begins


def policy(observation: np.ndarray) -> np.ndarray:
    """Move before the button, then against it, with closed fingers."""
    hand, button = observation[:3], observation[4:7]
    aside = np.hypot(hand[0] - button[0], hand[2] - button[2])
    target = button + BEFORE if aside > 0.03 else button + [0.0, 0.1, 0.0]
    return np.array([*np.clip(10.0 * (target - hand), -1.0, 1.0), 1.0], dtype=np.float32)


def reward(
    hand: np.ndarray,
    button: np.ndarray,
    next_hand: np.ndarray,
    next_button: np.ndarray,
    next_pressed: np.ndarray,
) -> dict[str, np.ndarray]:
    """Reward coming nearer to the button, every centimetre that it is pressed even more, and
    the pressed button.
    """
    nearer = np.linalg.norm(hand - button, axis=1) - np.linalg.norm(next_hand - next_button, axis=1)
    going_in = next_button[:, 1] - button[:, 1]
    is_in = np.abs(next_pressed[:, 1] - next_button[:, 1]) < 0.02
    return {"nearer": 30.0 * nearer, "going_in": 200.0 * going_in, "is_in": 1.0 * is_in}
