"""What remains of a shaped reward if advantages are divided by the spread of their group.

GRPO divides by the standard deviation of each group, and by default so does TRL. That removes every
positive factor and every constant inside a group. So the size of a bounded reward is scaled up
again, and a penalty of any weight acts with full force in a group whose rewards are otherwise
equal. What remains is the order inside a group. If the size of the shaping is its purpose, take
:func:`rewardsmith.maths.group_advantages.centred` (TRL: ``scale_rewards="none"``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.maths.completions import Groups
from rewardsmith.types import Array, FloatArray


class ScalingReport(NamedTuple):
    """What a shaping does to each group, and what of it group scaling removes.

    Attributes:
        reordered: the share of pairs that the shaped reward orders otherwise: reversed, made equal,
            or made different; NaN in groups of one. Shape (m,). This part remains.
        spacing: 1 minus the correlation of scores and shaped rewards, in [0, 2]; NaN where one has
            no spread. Shape (m,). This part remains, too: the scaled advantages differ.
        damping: the standard deviation of the shaped rewards over that of the scores; NaN where the
            scores have none. Shape (m,). This part is removed: every group counts as 1.
        amplified: groups whose scores are all equal and whose shaped rewards are not. Shape (m,),
            bool. There the weight of the shaping makes no difference.
    """

    reordered: FloatArray
    spacing: FloatArray
    damping: FloatArray
    amplified: Array


def scaling_report(scores: Array, shaped: Array, groups: Array) -> ScalingReport:
    """Compare scores with what a shaping makes of them, group by group.

    Source: our derivation from the invariance of GRPO's advantages (Shao et al. 2024, arXiv
    2402.03300).

    Args:
        scores: before the shaping, shape (n,).
        shaped: after it, shape (n,).
        groups: shape (n,).

    Example:
        >>> scores, groups = np.array([1.0, 1.0, 1.0]), np.zeros(3)
        >>> bool(scaling_report(scores, scores - 1e-6 * np.arange(3), groups).amplified[0])
        True
    """
    within = Groups(groups)
    scores, shaped = within.of(scores=scores, shaped=shaped)
    reordered = np.full(len(within.sizes), np.nan)
    for group, size in enumerate(within.sizes):
        if size > 1:
            members = within.index == group
            one, other = scores[members], shaped[members]
            signs = np.sign(one[:, None] - one) != np.sign(other[:, None] - other)
            reordered[group] = signs.sum() / (size * (size - 1))
    std, std_shaped = within.std(scores), within.std(shaped)
    gaps, gaps_shaped = (
        values - within.spread_out(within.mean(values)) for values in (scores, shaped)
    )
    covariance = within.total(gaps * gaps_shaped) / np.maximum(within.sizes - 1, 1)
    nothing = np.full(len(within.sizes), np.nan)
    both = (std > 0) & (std_shaped > 0)
    correlation = np.divide(covariance, std * std_shaped, out=nothing.copy(), where=both)
    return ScalingReport(
        reordered=reordered,
        spacing=1.0 - np.clip(correlation, -1.0, 1.0),
        damping=np.divide(std_shaped, std, out=nothing.copy(), where=std > 0),
        amplified=(std == 0) & (std_shaped > 0),
    )


def survives_group_scaling(
    scores: Array, shaped: Array, groups: Array, tolerance: float = 0.01
) -> bool:
    """Whether a shaping still decides anything after the advantages are scaled by their group.

    It does if it changes the order of completions inside groups, as a length bonus for right
    answers does. A bounded or otherwise monotone shaping keeps the order: its saturation, which was
    its purpose, is scaled away. That is a rule of thumb: the spacing inside a group may still
    differ, and :func:`scaling_report` says by how much.

    Args:
        scores, shaped, groups: as in :func:`scaling_report`.
        tolerance: the share of pairs whose order must change at least, on average over the groups.

    Returns:
        False also if each group has one member, or no shaping was applied.

    Example:
        >>> scores, groups = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])
        >>> survives_group_scaling(scores, np.tanh(scores), groups)
        False
        >>> survives_group_scaling(scores, -scores, groups)
        True
    """
    shares = scaling_report(scores, shaped, groups).reordered
    return bool((shares[~np.isnan(shares)].mean() if (~np.isnan(shares)).any() else 0) > tolerance)
