"""What every labelling of a run has: clips, questions in order, and answers that can be undone."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from rewardsmith.errors import ProgramError, UsageError
from rewardsmith.evidence.judged import Clips, clip_returns, clips_of, outputs_on
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.inbox import say_to
from rewardsmith.run.judgements import Clip, Judgement, Pair
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import Judged
from rewardsmith.types import FloatArray

MOST_CLIPS, MOST_MODELS = 24, 6
QuestionT = TypeVar("QuestionT")
AnswerT = TypeVar("AnswerT")


class LabelSession(Generic[QuestionT, AnswerT]):
    """A session in which one labeller compares episodes of a run.

    Args:
        run: a run with finished trainings.
        by: name of the labeller.
        least: number of finished trainings that a question needs.

    Attributes:
        state: of the run when the session began.
        clips: the episodes that are compared.
        returns: their discounted returns under the best programs, best program first, shape (k, m).
        questions: all of them, in the order in which they are asked.
        place: of the next question.

    Raises:
        UsageError: the run has too few finished trainings.
        BoundaryError: the sandbox failed.
    """

    def __init__(self, run: RunFolder, by: str, least: int) -> None:
        self.run, self.by = run, by
        self.state = fold(run.events())
        wanted = [clip for pair in self.asked for clip in pair]
        self.clips = clips_of(run, dict.fromkeys([*wanted, *map(Clip.of, _trials(self.state))]))
        if len(self.clips.names) < least:
            raise UsageError(
                f"{run.name} has {len(self.clips.names)} finished trainings to compare",
                f"{least} are needed: let the run go on",
            )
        self.returns = _returns(run, self.state, self.clips)
        self.questions: list[QuestionT] = []
        self.place = 0
        self._answers: list[AnswerT] = []
        # of each answer: what was recorded for it, and what the labeller had said of the pair
        self._recorded: list[list[tuple[Judgement, Judgement | None]]] = []
        self._known = {
            pair: known.judgement
            for (pair, labeller), known in self.state.judgements.items()
            if labeller == by and known.judgement.answer != "withdrawn"
        }

    @property
    def question(self) -> QuestionT | None:
        """The next question; None after the last one."""
        return self.questions[self.place] if self.place < len(self.questions) else None

    @property
    def asked(self) -> list[Pair]:
        """The pairs for whose answers the run waits."""
        return [pair for waiting in self.state.asked.values() for pair in waiting.pairs]

    @property
    def answers(self) -> list[AnswerT]:
        """The answers so far, without those that were taken back."""
        return list(self._answers)

    @property
    def judged(self) -> set[Pair]:
        """The pairs that the labeller has compared, also in earlier sessions."""
        return set(self._known)

    def undo(self) -> bool:
        """Take the last answer back and ask again; False if there is none.

        A pair that the labeller had compared before gets the earlier answer back.

        Raises:
            RunError: the run cannot be written.
        """
        if not self._answers:
            return False
        self.place -= 1
        self._answers.pop()
        for judgement, earlier in reversed(self._recorded.pop()):
            self._say(earlier or _withdrawn(judgement))
        return True

    def withdraw(self) -> int:
        """Withdraw all answers of the labeller, also those of earlier sessions.

        Returns:
            Number of pairs that had an answer.

        Raises:
            RunError: the run cannot be written.
        """
        known = list(self._known.values())
        for judgement in known:
            self._say(_withdrawn(judgement))
        self._answers, self._recorded, self.place = [], [], 0
        return len(known)

    def _answered(self, answer: AnswerT, judgements: list[Judgement]) -> None:
        """Record the answer to the current question, and go on to the next one."""
        if self.question is None:
            raise UsageError("every question was answered", "ask for more with --pairs")
        recorded = []
        for judgement in judgements:
            recorded.append((judgement, self._known.get(judgement.pair)))
            self._say(judgement)
        self._recorded.append(recorded)
        self._answers.append(answer)
        self.place += 1

    def _say(self, judgement: Judgement) -> None:
        say_to(self.run, Judged(found=judgement))
        if judgement.answer == "withdrawn":
            self._known.pop(judgement.pair, None)
        else:
            self._known[judgement.pair] = judgement


def _withdrawn(judgement: Judgement) -> Judgement:
    return judgement.model_copy(update={"answer": "withdrawn", "words": ""})


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
