"""Compare episodes of a run: which of two is better? The answers become feedback for the writer.

A run that waits for answers says which pairs it needs. Otherwise, the pairs that are asked first
are those on which the programs of the run disagree: about the others an answer would say nothing
new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rewardsmith.api.label_session import LabelSession
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.judged import Clips, judged_order
from rewardsmith.maths.judging import disagreement, left_share
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip, Judgement, Pair, pair_of
from rewardsmith.run.state import RunState
from rewardsmith.types import FloatArray

Choice = Literal["first", "second", "same", "skip"]


@dataclass(frozen=True)
class Question:
    """Two episodes that are shown, one on the left, one on the right."""

    left: Clip
    right: Clip

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Both, the left one first."""
        return self.left, self.right

    @property
    def pair(self) -> Pair:
        """Both in sorted order."""
        return pair_of(self.left, self.right)


class Labelling(LabelSession[Question, Choice]):
    """A session in which one labeller compares pairs of episodes of a run.

    Args:
        run: a run with at least two finished trainings.
        by: name of the labeller.
        pairs: how many pairs are asked at most; all for which the run waits.
        seed: of the sides, and of the order of pairs on which the programs disagree equally.

    Raises:
        UsageError: the run has too few finished trainings.
        BoundaryError: the sandbox failed.

    Example:
        session = Labelling(rs.load_run("last").folder, by="Ann")
        while (question := session.question) is not None:
            session.answer(ask(question.left, question.right))
    """

    def __init__(self, run: RunFolder, by: str, pairs: int = 20, seed: int = 0) -> None:
        super().__init__(run, by, least=2)
        self._pairs, self._seed = pairs, seed
        self.questions = self._drawn()

    def answer(self, choice: Choice, words: str = "") -> str:
        """Answer the question; the answer is in the run when this returns.

        Args:
            words: what the labeller says about it.

        Returns:
            What the programs say of this pair, in a sentence.

        Raises:
            UsageError: there is no question left.
            RunError: the answer cannot be written.
        """
        question = self.question
        found = []
        if question is not None and choice != "skip":
            first, second = question.clips
            found = [Judgement(first=first, second=second, answer=choice, by=self.by, words=words)]
        self._answered(choice, found)
        return self._said(found[0]) if found else "skipped"

    def ask_anew(self) -> None:
        """Withdraw all answers of the labeller, also earlier ones, and ask those pairs again.

        Raises:
            RunError: the run cannot be written.
        """
        self.withdraw()
        self.questions = self._drawn()

    def left_share(self) -> float | None:
        """How often the left episode was called better; half is expected, as sides are random."""
        return left_share(self._answers)

    def _drawn(self) -> list[Question]:
        draws = np.random.default_rng(self._seed)
        waiting = [pair for pair in self.asked if pair not in self.judged]
        if waiting:
            return _on_random_sides(waiting, draws)
        return _questions(self.clips, self.returns, self.judged, self._pairs, draws)

    def _said(self, found: Judgement) -> str:
        if found.better is None or not len(self.returns):
            return "recorded"
        left, right = self.clips.place(found.first), self.clips.place(found.second)
        better, worse = (left, right) if found.answer == "first" else (right, left)
        agreeing = self.returns[:, better] > self.returns[:, worse]
        first = "the best one agrees" if agreeing[0] else "the best one does not agree"
        return f"recorded: {int(agreeing.sum())} of {len(agreeing)} programs agree; {first}"


def judged_share(run: RunFolder, state: RunState, program: str) -> tuple[float, int] | None:
    """The share of judged pairs that a program orders as the labellers did, and their number.

    None if no pair was judged, or the program fails on one.
    """
    try:
        order = judged_order(run, state, program) if state.judgements else None
    except ProgramError:
        return None
    return (order.share, len(order.pairs)) if order is not None else None


def doubts(clips: Clips, returns: FloatArray) -> FloatArray:
    """How far the programs disagree about each pair of clips, shape (m, m), see `disagreement`."""
    count = len(clips.names)
    return disagreement(returns) if len(returns) else np.zeros((count, count))


def _questions(
    clips: Clips, returns: FloatArray, asked: set[Pair], most: int, draws: np.random.Generator
) -> list[Question]:
    """Pairs that were not asked, those on which the programs disagree first; random sides."""
    count, doubt = len(clips.names), doubts(clips, returns)
    pairs = [
        (clips.names[one], clips.names[other], doubt[one, other])
        for one in range(count)
        for other in range(one + 1, count)
    ]
    new = [pair for pair in pairs if pair_of(pair[0], pair[1]) not in asked]
    order = sorted(draws.permutation(len(new)), key=lambda at: -new[at][2])
    return _on_random_sides([new[at][:2] for at in order[:most]], draws)


def _on_random_sides(pairs: Sequence[Pair], draws: np.random.Generator) -> list[Question]:
    swaps = draws.random(len(pairs)) < 0.5
    return [
        Question(other, one) if swap else Question(one, other)
        for (one, other), swap in zip(pairs, swaps, strict=True)
    ]
