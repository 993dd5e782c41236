"""Answers to the question which of two episodes is better: preferences over trajectories.

Source: Christiano et al. 2017, Deep reinforcement learning from human preferences,
arXiv 1706.03741.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, Self

import numpy as np

from rewardsmith.maths.strengths import strengths
from rewardsmith.run.outcomes import Record, TrialKey

PREFLIGHT = "preflight"  # in place of the rung of a trial: an episode of a random policy
_SAME_STRENGTH = 1e-6  # strengths are computed step by step, so equal ones differ by less
Answer = Literal["first", "second", "same", "withdrawn"]


class Clip(NamedTuple):
    """A recorded episode of a run, or a part of one.

    Attributes:
        program, seed, rung: the trial that recorded it, or a policy of the preflight.
        episode: number of the episode, see :meth:`rewardsmith.run.folder.RunFolder.episodes_of`.
        start: steps before the part.
        steps: of the part; 0 for all steps from ``start`` on.
    """

    program: str
    seed: int
    rung: str
    episode: int = 0
    start: int = 0
    steps: int = 0

    @classmethod
    def of(cls, trial: TrialKey) -> Self:
        """The first evaluation episode of a trial, whole."""
        return cls(*trial)

    @property
    def trial(self) -> TrialKey:
        """The trial that recorded it."""
        return self.program, self.seed, self.rung

    @property
    def span(self) -> slice:
        """The steps of the part."""
        return slice(self.start, self.start + self.steps if self.steps else None)


Pair = tuple[Clip, Clip]  # in sorted order


class Judgement(Record):
    """Which of two episodes is better, by one labeller.

    Attributes:
        first, second: the episodes that were shown, the first one on the left.
        answer: which one is better.
        by: name of the labeller.
        words: what the labeller said about it; may be empty.
    """

    first: Clip
    second: Clip
    answer: Answer
    by: str
    words: str = ""

    @property
    def pair(self) -> Pair:
        """The two episodes, whichever was shown first."""
        return pair_of(self.first, self.second)

    @property
    def trials(self) -> set[TrialKey]:
        """The trials that recorded the two episodes."""
        return {self.first.trial, self.second.trial}

    @property
    def better(self) -> Clip | None:
        """The better one; None if they are equally good, or the answer was withdrawn."""
        return {"first": self.first, "second": self.second}.get(self.answer)


class AskedPairs(NamedTuple):
    """Pairs that somebody is asked to compare, and the number of answers that are needed."""

    pairs: tuple[Pair, ...]
    needed: int


class KnownJudgement(NamedTuple):
    """A judgement, and the last round that had begun when it was made."""

    judgement: Judgement
    after: int


class Standing(NamedTuple):
    """Where a program stands among those whose agents judges compared.

    Attributes:
        above: number of programs that judges prefer to it.
        below: number of programs to which they prefer it.
        others: number of the other programs; those that are neither above nor below are as good.
    """

    above: int
    below: int
    others: int


class Tally(NamedTuple):
    """How a program's agents did in comparisons with those of other programs."""

    won: int
    lost: int
    same: int


def comparisons(judgements: Iterable[Judgement]) -> dict[str, dict[str, Tally]]:
    """Program -> other program -> how the comparisons of their agents ended."""
    found: dict[str, dict[str, Tally]] = {}
    for one in judgements:
        names = one.first.program, one.second.program
        if one.answer == "withdrawn" or names[0] == names[1]:
            continue
        for own, other in (names, names[::-1]):
            record = found.setdefault(own, {}).get(other, Tally(0, 0, 0))
            better = one.better.program if one.better is not None else None
            outcome = Tally(better == own, better == other, better is None)
            found[own][other] = Tally(*map(sum, zip(record, outcome, strict=True)))
    return found


def program_strengths(judgements: Iterable[Judgement]) -> dict[str, float]:
    """Program -> its strength in comparisons of agents, see :mod:`rewardsmith.maths.strengths`."""
    known = comparisons(judgements)
    names = sorted(known)
    wins = np.zeros((len(names), len(names)))
    for row, name in enumerate(names):
        for other, record in known[name].items():
            wins[row, names.index(other)] = record.won + 0.5 * record.same
    return dict(zip(names, map(float, strengths(wins)), strict=True))


def standing_of(program: str, strength: Mapping[str, float]) -> Standing:
    """Where a program stands by these strengths; it is one of them."""
    gaps = np.array([*strength.values()]) - strength[program]
    above, below = np.sum(gaps > _SAME_STRENGTH), np.sum(gaps < -_SAME_STRENGTH)
    return Standing(int(above), int(below), len(gaps) - 1)


def pair_of(one: Clip, other: Clip) -> Pair:
    """Two episodes in sorted order."""
    return (one, other) if one <= other else (other, one)
