"""Which recorded episodes a program puts in the wrong order, and by which terms (CARD).

It shows the better episode with the lowest score and the worse episode with the highest. The better
ones are the successes; without successes, the better half by fitness, if the rule reads fitness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.episodes.preflight import Arguments
from rewardsmith.evidence.rewards import BankRewards, extremes
from rewardsmith.maths.preference import Measure, Rule
from rewardsmith.run.records import EpisodeSummary, PreferenceSummary, TermSummary
from rewardsmith.types import Array, FloatArray
from rewardsmith.writers.feedback.moments import episode_table

_PER = {"mean": "per step", "discounted": "as a discounted sum", "sum": "in all"}


def preference_summary(
    rewards: BankRewards,
    rule: Rule,
    measure: Measure,
    threshold: float,
    fields: Sequence[str],
    arguments: Arguments,
) -> PreferenceSummary:
    """How a program orders the episodes of a bank.

    Args:
        fields: those that the program reads.
        arguments: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`.

    Raises:
        ValueError: the bank has no better or no worse episodes.
    """
    kept = rewards.agreement(rule, measure)
    better = rewards.better_by(rule)
    if kept is None or better is None:
        raise ValueError("expected better and worse trajectories, found only one kind")
    scores = rewards.scores(measure)
    places = extremes(scores, better)
    by_success = rewards.better is not None and rewards.bank.successes is not None
    titles = (
        "the solved episode with the lowest reward",
        "the unsolved episode with the highest reward",
    )
    if not by_success:
        titles = (
            "the episode of the better half with the lowest reward",
            "the episode of the worse half with the highest reward",
        )
    return PreferenceSummary(
        rule=rule,
        per=_PER[measure],
        share=kept.share,
        threshold=threshold,
        by_success=by_success,
        better=int(better.sum()),
        worse=int((~better).sum()),
        above=int((scores[better] > scores[places[1]]).sum()),
        terms=_term_rows(rewards, measure, better, places),
        episodes=[
            episode_summary(rewards, title, place, fields, arguments)
            for title, place in zip(titles, places, strict=True)
        ],
    )


def _term_rows(
    rewards: BankRewards, measure: Measure, better: Array, places: Sequence[int]
) -> list[TermSummary]:
    """The scores of each term, those that favour the worse episodes first; the sum last."""
    rows = [(name, rewards.scores(measure, values)) for name, values in rewards.terms.items()]
    rows.sort(key=lambda row: _gain(row[1], better))
    return [
        _row(name, scores, better, places)
        for name, scores in [*rows, ("the whole", rewards.scores(measure))]
    ]


def _row(name: str, scores: FloatArray, better: Array, places: Sequence[int]) -> TermSummary:
    return TermSummary(
        name=name,
        better=float(scores[better].mean()),
        worse=float(scores[~better].mean()),
        cells=[float(scores[place]) for place in places],
    )


def _gain(scores: FloatArray, better: Array) -> float:
    """By how much the mean score of the better episodes is larger."""
    return float(np.nan_to_num(scores[better].mean() - scores[~better].mean(), nan=0.0))


def episode_summary(
    rewards: BankRewards, title: str, place: int, fields: Sequence[str], arguments: Arguments
) -> EpisodeSummary:
    """An episode of a bank at its most informative steps.

    Args:
        place: in the bank.
        fields: those that the program reads.
        arguments: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`.
    """
    found = rewards.bank.trajectories[place]
    table = episode_table(found.episode, rewards.of(place), fields, arguments)
    return EpisodeSummary(
        title=title,
        origin=found.whose,
        steps=len(found.episode),
        fitness=found.fitness,
        success=found.success,
        columns=table.columns,
        rows=table.rows,
    )
