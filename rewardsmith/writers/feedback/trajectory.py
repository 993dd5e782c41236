"""What the best and the worst episode of a trained policy looked like (CARD's trajectory feedback)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.episodes.preflight import Arguments
from rewardsmith.types import Episode, Output
from rewardsmith.writers.feedback.moments import episode_table


class Played(NamedTuple):
    """An episode, what it was worth, and what the program pays for it."""

    episode: Episode
    fitness: float
    success: bool | None
    output: Output


def trajectory_rows(
    played: Sequence[Played], fields: Sequence[str], seen: Arguments
) -> dict[str, Any]:
    """Values of ``shared/trajectory``: the best and the worst episode; one where all are worth the same.

    CARD takes the extremes of the reward that is being judged; here they are those of fitness,
    which that reward cannot bend, and among equals those of the reward.

    Args:
        fields: those that the program reads.
        seen: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`.
    """
    ranked = sorted(played, key=lambda one: (one.fitness, float(one.output.total.sum())))
    if not ranked:
        return {"episodes": []}
    ends = [("the best", ranked[-1]), ("the worst", ranked[0])]
    alike = (
        np.isclose(ranked[0].fitness, ranked[-1].fitness, rtol=1e-3)
        and ranked[0].success == ranked[-1].success
    )
    return {
        "episodes": [
            _told(title, one, fields, seen) for title, one in (ends[:1] if alike else ends)
        ]
    }


def _told(title: str, one: Played, fields: Sequence[str], seen: Arguments) -> dict[str, Any]:
    return {
        "title": title,
        "steps": len(one.episode),
        "fitness": one.fitness,
        "success": one.success,
        "paid": float(one.output.total.sum()),
        **episode_table(one.episode, one.output, fields, seen),
    }
