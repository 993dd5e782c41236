"""Compare several episodes of a run at a time: which one is the best, and which one the worst?

An answer about K episodes is recorded as up to 2 K - 3 judgements of pairs: the best one above all
others, and all others above the worst one.

Source: the best and the worst of several videos, Yu et al. 2024 (ICPL), arXiv 2410.17233.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from rewardsmith.api.label_session import LabelSession
from rewardsmith.api.labelling import doubts
from rewardsmith.errors import UsageError
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip, Judgement, pair_of
from rewardsmith.types import Array, FloatArray

FEWEST, MOST = 3, 6  # episodes at a time


@dataclass(frozen=True)
class Grid:
    """Episodes that are shown at a time, in the order of their places."""

    clips: tuple[Clip, ...]


class Extremes(NamedTuple):
    """The places of the best and of the worst episode of a grid; None where no one is the worst."""

    best: int
    worst: int | None = None


class GridLabelling(LabelSession[Grid, Extremes | None]):
    """A session in which one labeller compares several episodes of a run at a time.

    Args:
        run: a run with at least as many finished trainings.
        by: name of the labeller.
        clips: how many episodes are shown at a time, 3 to 6.
        grids: how many questions are asked at most.
        seed: of the places, and of the order where the programs disagree equally.

    Attributes:
        size: how many episodes are shown at a time.

    Raises:
        UsageError: the run has too few finished trainings.
        BoundaryError: the sandbox failed.

    Example:
        session = GridLabelling(rs.load_run("last").folder, by="Ann", clips=4)
        while (question := session.question) is not None:
            session.answer(Extremes(*ask(question.clips)))
    """

    def __init__(
        self, run: RunFolder, by: str, clips: int = 4, grids: int = 20, seed: int = 0
    ) -> None:
        if not FEWEST <= clips <= MOST:
            raise UsageError(
                f"{clips} episodes cannot be shown at a time", f"{FEWEST} to {MOST} can"
            )
        super().__init__(run, by, least=clips)
        self.size = clips
        names, draws = self.clips.names, np.random.default_rng(seed)
        wanted = {pair for pair in self.asked if pair not in self.judged}
        new = np.zeros((len(names), len(names)), bool)
        for one, other in combinations(range(len(names)), 2):
            pair = pair_of(names[one], names[other])
            is_new = pair in wanted if wanted else pair not in self.judged
            new[one, other] = new[other, one] = is_new
        found = _grids(doubts(self.clips, self.returns), new, clips, grids, draws)
        self.questions = [Grid(tuple(map(names.__getitem__, grid))) for grid in found]

    def answer(self, answer: Extremes | None, words: str = "") -> str:
        """Answer the question; the answer is in the run when this returns.

        Args:
            answer: None to skip the question.
            words: what the labeller says about it.

        Returns:
            What the programs say of this grid, in a sentence.

        Raises:
            UsageError: there is no question left, or no such places.
            RunError: the answer cannot be written.
        """
        question = self.question
        if question is None or answer is None:
            self._answered(None, [])
            return "skipped"
        _check(answer, len(question.clips))
        clips, (best, worst) = question.clips, answer
        pairs = [
            Judgement(
                first=clips[one],
                second=clips[other],
                answer="first" if one == best or other == worst else "second",
                by=self.by,
                words=words,
            )
            for one, other in combinations(range(len(clips)), 2)
            if {one, other} & {best, worst}
        ]
        self._answered(answer, pairs)
        return self._said(question, answer, len(pairs))

    def best_places(self) -> list[int]:
        """How often the best episode was at each place; equal numbers are expected."""
        best = [answer.best for answer in self.answers if answer is not None]
        return [best.count(place) for place in range(self.size)]

    def _said(self, question: Grid, answer: Extremes, pairs: int) -> str:
        recorded = f"recorded as {pairs} pairs"
        if not len(self.returns):
            return recorded
        places = [self.clips.place(clip) for clip in question.clips]
        highest = self.returns[:, places].argmax(axis=1)
        agreeing = highest == answer.best
        first = "the best one agrees" if agreeing[0] else "the best one does not agree"
        return (
            f"{recorded}: {int(agreeing.sum())} of {len(agreeing)} programs call the same episode "
            f"the best; {first}"
        )


def _check(answer: Extremes, count: int) -> None:
    best, worst = answer
    if not 0 <= best < count or (worst is not None and not 0 <= worst < count) or best == worst:
        raise UsageError(
            f"expected two different places below {count}, found {best} and {worst}",
            "leave the worst one out if no episode is the worst",
        )


def _grids(
    doubt: FloatArray, new: Array, size: int, most: int, draws: np.random.Generator
) -> list[list[int]]:
    """Groups of items, those with many new pairs on which the programs disagree first.

    Args:
        doubt: of each pair, shape (m, m).
        new: pairs that were not asked; those of a group are not new for the next one.
    """
    new = new.copy()
    grids: list[list[int]] = []
    worth = 1e-3 + doubt + 1e-6 * draws.random(doubt.shape)  # a pair without doubt counts little
    while len(grids) < most and new.any():
        value = np.where(new, worth + worth.T, 0.0)
        grid = [int(at) for at in np.unravel_index(np.argmax(value), value.shape)]
        while len(grid) < size:
            gain = value[:, grid].sum(axis=1)
            gain[grid] = -1.0
            grid.append(int(gain.argmax()))
        new[np.ix_(grid, grid)] = False
        grids.append(draws.permutation(grid).tolist())
    return grids
