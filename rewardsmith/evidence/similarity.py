"""How similar the rewards of programs are on recorded transitions.

Two programs whose rewards differ by a positive factor only teach the same policies, so it is a
waste to train both; and a search that varies rewards which are nearly the same learns little. The
measure is the cosine of the angle between the two vectors of rewards. The last step of each episode
is always among the transitions, because bonuses are often paid there and nowhere else.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.rewards import columns_read, hosted
from rewardsmith.program import CheckedProgram
from rewardsmith.types import Array, FloatArray

_TRANSITIONS = 2000  # at most, besides the last step of each episode


def reward_vector(program: CheckedProgram, bank: Bank, gamma: float) -> FloatArray | None:
    """The rewards of a program on the transitions of a bank that are compared, shape (k,).

    Returns:
        None if the program fails on them.

    Raises:
        BoundaryError: the sandbox failed.
    """
    rows = compared_rows(bank.lengths)
    try:
        with hosted(program, bank.columns(columns_read(program.verdict)), gamma) as running:
            columns = bank.columns(running.arguments)
            total = running({name: column[rows] for name, column in columns.items()}).total
    except ProgramError:
        return None
    return total if np.isfinite(total).all() else None


def compared_rows(lengths: Array) -> Array:
    """The last step of each episode, and others at even distances; shape (k,), sorted.

    Args:
        lengths: steps of each episode, shape (m,).
    """
    total = int(lengths.sum())
    spread = np.linspace(0, total - 1, min(total, _TRANSITIONS)).round().astype(np.int64)
    return np.union1d(np.cumsum(lengths) - 1, spread)


def cosine(one: FloatArray, other: FloatArray) -> float:
    """The cosine of the angle between two vectors; 1 for two that are zero, 0 for one.

    Example:
        >>> round(cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])), 3)
        0.707
    """
    sizes = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    if not all(sizes):
        return float(sizes[0] == sizes[1])
    return float(np.clip(np.dot(one / sizes[0], other / sizes[1]), -1.0, 1.0))
