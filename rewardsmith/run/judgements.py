"""Answers to the question which of two episodes is better: preferences over trajectories.

Source: Christiano et al. 2017, Deep reinforcement learning from human preferences,
arXiv 1706.03741.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

from rewardsmith.run.outcomes import Record, TrialKey

Answer = Literal["first", "second", "same", "withdrawn"]


class Clip(NamedTuple):
    """A recorded episode of a run, or a part of one.

    Attributes:
        program, seed, rung: the trial that recorded it.
        episode: number among the evaluation episodes of the trial.
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
    def better(self) -> Clip | None:
        """The better one; None if they are equally good, or the answer was withdrawn."""
        return {"first": self.first, "second": self.second}.get(self.answer)


class KnownJudgement(NamedTuple):
    """A judgement, and the last round that had begun when it was made."""

    judgement: Judgement
    after: int


def pair_of(one: Clip, other: Clip) -> Pair:
    """Two episodes in sorted order."""
    return (one, other) if one <= other else (other, one)
