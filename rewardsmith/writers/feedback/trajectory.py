"""The best and the worst evaluation episode of a trained policy (CARD's trajectory feedback)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.episodes.preflight import Arguments
from rewardsmith.types import Episode, Output
from rewardsmith.writers.feedback.moments import episode_table
from rewardsmith.writers.feedback.records import EvaluationSummary, TrajectoryFeedback


class ScoredEpisode(NamedTuple):
    """An episode with its fitness, its success, and the output of the program."""

    episode: Episode
    fitness: float
    success: bool | None
    output: Output


def trajectory_feedback(
    episodes: Sequence[ScoredEpisode], fields: Sequence[str], arguments: Arguments
) -> TrajectoryFeedback:
    """The best and the worst episode; one where all have the same fitness.

    CARD takes the highest and the lowest return under the program's own reward. Here they are the
    extremes of the fitness, which that reward cannot distort; its return only breaks ties.

    Args:
        fields: those that the program reads.
        arguments: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`.
    """
    ranked = sorted(episodes, key=lambda one: (one.fitness, float(one.output.total.sum())))
    if not ranked:
        return TrajectoryFeedback([])
    ends = [("the best", ranked[-1]), ("the worst", ranked[0])]
    alike = (
        np.isclose(ranked[0].fitness, ranked[-1].fitness, rtol=1e-3)
        and ranked[0].success == ranked[-1].success
    )
    shown = ends[:1] if alike else ends
    return TrajectoryFeedback([_summary(title, one, fields, arguments) for title, one in shown])


def _summary(
    title: str, one: ScoredEpisode, fields: Sequence[str], arguments: Arguments
) -> EvaluationSummary:
    table = episode_table(one.episode, one.output, fields, arguments)
    return EvaluationSummary(
        title=title,
        steps=len(one.episode),
        fitness=one.fitness,
        success=one.success,
        own_return=float(one.output.total.sum()),
        columns=table.columns,
        rows=table.rows,
    )
