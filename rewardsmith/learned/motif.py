"""Motif's post-processing of a learned reward: a threshold, and less for what is seen again.

Source: Klissarov et al. 2023, arXiv 2310.00166. Its reward is
``r / N(caption)^3 * [r > threshold]``, with r normalised over the data and N counted in the
episode.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.learned.model import RewardModel, Threshold
from rewardsmith.types import Array, Columns, FloatArray


def quantile_threshold(
    rewards: FloatArray, keys: Sequence[Hashable], quantile: float = 0.5
) -> float:
    """A quantile of the rewards of distinct captions or states; each counts once.

    Args:
        rewards: shape (n,).
        keys: what identifies each row, n of them; rows with the same key have the same reward.
        quantile: in [0, 1].

    Raises:
        UsageError: there is no row, the numbers of rewards and keys differ, or ``quantile`` is
            out of range.

    Example:
        quantile_threshold(np.array([5.0, 5.0, 5.0, 1.0, 2.0]), ["a", "a", "a", "b", "c"])  # 2.0
    """
    if len(rewards) != len(keys) or not len(keys) or not 0 <= quantile <= 1:
        raise UsageError(
            f"expected as many rewards as keys, at least one, and a quantile in [0, 1]; found "
            f"{len(rewards)}, {len(keys)} and {quantile}"
        )
    distinct = dict(zip(keys, np.asarray(rewards, np.float64).tolist(), strict=True))
    return float(np.quantile(list(distinct.values()), quantile))


def with_threshold(model: RewardModel, columns: Columns, quantile: float = 0.5) -> RewardModel:
    """The same model, its rewards 0 below a quantile over the distinct rows of its inputs.

    Args:
        columns: name -> array of shape (n, ...): the transitions the quantile is taken over.
        quantile: in [0, 1]; the paper takes one half.

    Example:
        model = with_threshold(fit.model, segments[0])
    """
    plain = model.model_copy(update={"post": None})
    keys = [row.tobytes() for row in plain.features(columns)]
    below = quantile_threshold(plain(columns), keys, quantile)
    return model.model_copy(update={"post": Threshold(below=below)})


def episodic_counts(keys: Sequence[Hashable], first_steps: Array) -> Array:
    """How often each row's caption or state has occurred in its episode, itself included.

    Args:
        keys: what identifies each row, n of them, in order of time.
        first_steps: whether each row is the first of an episode, shape (n,), bool.

    Returns:
        Shape (n,), int, at least 1.

    Example:
        episodic_counts(["a", "b", "a", "a"], np.array([True, False, False, True]))  # [1, 1, 2, 1]
    """
    counts: dict[Hashable, int] = {}
    found = []
    for key, first in zip(keys, first_steps, strict=True):
        if first:
            counts = {}
        counts[key] = counts.get(key, 0) + 1
        found.append(counts[key])
    return np.array(found, int)


def divided_by_counts(rewards: FloatArray, counts: Array, power: float = 3.0) -> FloatArray:
    """Rewards divided by a power of the counts of :func:`episodic_counts`, both of shape (n,).

    Example:
        divided_by_counts(np.array([8.0, 8.0]), np.array([1, 2]))  # [8.0, 1.0]
    """
    return np.asarray(rewards / np.asarray(counts, np.float64) ** power)
