"""Compare episodes of a run: which of two is better? The answers become feedback for the writer.

The pairs that are asked first are those on which the programs of the run disagree: about the others
an answer would say nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rewardsmith.errors import ProgramError, UsageError
from rewardsmith.evidence.judged import (
    Clips,
    clip_returns,
    clips_of,
    judged_order,
    outputs_on,
)
from rewardsmith.maths.judging import disagreement, left_share
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.inbox import say_to
from rewardsmith.run.judgements import Answer, Clip, Judgement, Pair, pair_of
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import Judged
from rewardsmith.types import FloatArray

MOST_CLIPS, MOST_MODELS = 24, 6
_LEAST_CLIPS = 2
Choice = Literal["first", "second", "same", "skip"]


@dataclass(frozen=True)
class Question:
    """Two episodes that are shown, one on the left, one on the right."""

    left: Clip
    right: Clip


class Labelling:
    """A session in which one labeller compares episodes of a run.

    Args:
        run: a run with at least two finished trainings.
        by: name of the labeller.
        pairs: how many pairs are asked at most.
        seed: of the sides, and of the order of pairs on which the programs disagree equally.

    Attributes:
        clips: the episodes that are compared.
        returns: their discounted returns under the best programs, best program first, shape (k, m).
        questions: all pairs, in the order in which they are asked.
        place: of the next question.

    Raises:
        UsageError: the run has too few finished trainings.
        BoundaryError: the sandbox failed.

    Example:
        session = Labelling(rs.load_run("last").folder, by="Ann")
        while (question := session.question) is not None:
            session.answer(ask(question.left, question.right))
    """

    def __init__(self, run: RunFolder, by: str, pairs: int = 20, seed: int = 0) -> None:
        self.run, self.by = run, by
        state = fold(run.events())
        self.clips = clips_of(run, map(Clip.of, _trials(state)))
        if len(self.clips.names) < _LEAST_CLIPS:
            raise UsageError(
                f"{run.name} has {len(self.clips.names)} finished trainings to compare",
                "two are needed: let the run go on",
            )
        self.returns = _returns(run, state, self.clips)
        draws = np.random.default_rng(seed)
        asked = {pair for pair, labeller in state.judgements if labeller == by}
        self.questions = _questions(self.clips, self.returns, asked, pairs, draws)
        self.place = 0
        self._answers: list[Choice] = []

    @property
    def question(self) -> Question | None:
        """The next question; None after the last one."""
        return self.questions[self.place] if self.place < len(self.questions) else None

    @property
    def answers(self) -> list[Choice]:
        """The answers so far, without those that were taken back."""
        return list(self._answers)

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
        if question is None:
            raise UsageError("every pair was answered", "ask for more with --pairs")
        if choice != "skip":
            self._record(question, choice, words)
        self._answers.append(choice)
        self.place += 1
        return self._said(question, choice)

    def undo(self) -> bool:
        """Take the last answer back and ask again; False if there is none."""
        if not self._answers:
            return False
        self.place -= 1
        if self._answers.pop() != "skip":
            self._record(self.questions[self.place], "withdrawn", "")
        return True

    def left_share(self) -> float | None:
        """How often the left episode was called better; half is expected, as sides are random."""
        return left_share(self._answers)

    def _record(self, question: Question, answer: Answer, words: str) -> None:
        found = Judgement(
            first=question.left, second=question.right, answer=answer, by=self.by, words=words
        )
        say_to(self.run, Judged(found=found))

    def _said(self, question: Question, choice: Choice) -> str:
        if choice not in ("first", "second") or not len(self.returns):
            return "recorded" if choice == "same" else "skipped"
        sides = [self.clips.place(question.left), self.clips.place(question.right)]
        better, worse = sides if choice == "first" else sides[::-1]
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


def _trials(state: RunState) -> list[TrialKey]:
    """Finished trainings, one of each program in the order of their rank, then further ones."""
    finished = [key for key, trial in sorted(state.trials.items()) if trial.status == "finished"]
    known = [key for key in finished if key[2] in ("selection", "report")]
    place = {program: at for at, program in enumerate(state.ranked())}
    number: dict[str, int] = {}
    order = []
    for key in known:
        number[key[0]] = number.get(key[0], -1) + 1
        order.append((number[key[0]], place.get(key[0], len(place)), key))
    return [key for _, _, key in sorted(order)][:MOST_CLIPS]


def _returns(run: RunFolder, state: RunState, clips: Clips) -> FloatArray:
    """Discounted returns of the clips under the best programs, shape (k, m); best program first."""
    gamma = run.task().spec.training.gamma
    found = []
    for program in state.ranked()[:MOST_MODELS]:
        try:
            outputs = outputs_on(run.program(program), clips.episodes, gamma)
        except ProgramError:
            continue
        found.append(clip_returns(clips, outputs, gamma))
    return np.array(found).reshape(len(found), len(clips.names))


def _questions(
    clips: Clips, returns: FloatArray, asked: set[Pair], most: int, draws: np.random.Generator
) -> list[Question]:
    """Pairs that were not asked, those on which the programs disagree first; random sides."""
    count = len(clips.names)
    doubt = disagreement(returns) if len(returns) else np.zeros((count, count))
    pairs = [
        (clips.names[one], clips.names[other], doubt[one, other])
        for one in range(count)
        for other in range(one + 1, count)
    ]
    new = [pair for pair in pairs if pair_of(pair[0], pair[1]) not in asked]
    order = sorted(draws.permutation(len(new)), key=lambda at: -new[at][2])
    chosen = [new[at] for at in order[:most]]
    swaps = draws.random(len(chosen)) < 0.5
    return [
        Question(other, one) if swap else Question(one, other)
        for (one, other, _), swap in zip(chosen, swaps, strict=True)
    ]
