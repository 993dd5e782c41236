"""Answers to the question which of two episodes is better: preferences over trajectories.

Source: Christiano et al. 2017, Deep reinforcement learning from human preferences,
arXiv 1706.03741.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from rewardsmith.run.outcomes import Record, TrialKey

Answer = Literal["first", "second", "same", "withdrawn"]
Pair = tuple[TrialKey, TrialKey]  # in sorted order


class Judgement(Record):
    """Which of two episodes is better, by one labeller.

    Attributes:
        first, second: trials; their first evaluation episode was shown, the first one on the left.
        answer: which one is better.
        by: name of the labeller.
        words: what the labeller said about it; may be empty.
    """

    first: TrialKey
    second: TrialKey
    answer: Answer
    by: str
    words: str = ""

    @property
    def pair(self) -> Pair:
        """The two trials, whichever was shown first."""
        return pair_of(self.first, self.second)

    @property
    def better(self) -> TrialKey | None:
        """The better one; None if they are equally good, or the answer was withdrawn."""
        return {"first": self.first, "second": self.second}.get(self.answer)


class KnownJudgement(NamedTuple):
    """A judgement, and the last round that had begun when it was made."""

    judgement: Judgement
    after: int


def pair_of(one: TrialKey, other: TrialKey) -> Pair:
    """Two trials in sorted order."""
    return (one, other) if one <= other else (other, one)
