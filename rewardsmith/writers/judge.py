"""A model as a judge of transitions, as in CALM: did this step reach this subgoal?

The questions are about a few steps at which a program's subgoal becomes true for the first time,
spread over the recorded episodes. Each question is one request with the subgoal and the fields
before and after the step, repeated as often as there are votes. Replies are logged by the text of
the request, so the same question is never paid for twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rewardsmith.episodes.bank import Bank
from rewardsmith.evidence.subgoals import evaluate_subgoals
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.protocol import Message
from rewardsmith.maths.shaping import NEVER, first_steps
from rewardsmith.run.bank import RunBank
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import Audit, Write
from rewardsmith.run.state import RunState
from rewardsmith.task.text import text_of
from rewardsmith.types import Array, Episode, Slot
from rewardsmith.writers.card import FieldCard, task_card
from rewardsmith.writers.conversation import Conversation
from rewardsmith.writers.requests import RunRequest, make_request

MOST_STEPS = 4  # of each subgoal
_ATTEMPT = -1  # in place of a slot's attempt: the reply is no program


class JudgeQuestion(NamedTuple):
    """A question about a subgoal."""

    subgoal: str
    request: RunRequest


class SubgoalJudge:
    """Composes the questions about the subgoals of programs and counts the votes."""

    def __init__(self, run: RunFolder, bank: RunBank) -> None:
        self._run = run
        self._bank = bank
        self._config = run.config()
        self._spec = run.task().spec
        self._prompts = run.prompts()

    def questions(self, order: Audit, state: RunState) -> list[JudgeQuestion]:
        """The questions about a program's subgoals, each once per vote.

        Raises:
            ProgramError: the program broke on the bank.
            BoundaryError: the sandbox failed.
        """
        slot = state.programs[order.program]
        bank = self._bank.before(state, slot.round)
        program = self._run.program(order.program)
        found = []
        for name, holds in evaluate_subgoals(program, bank).items():
            texts = dict.fromkeys(
                self._text(state, name, bank.episodes[at], step)
                for at, step in _spread(holds, bank)
            )
            for text in texts:
                system = self._prompts.render("calm/judge_system")
                request = make_request(self._config, Conversation(system, (Message("user", text),)))
                write = Write(Slot(slot.round, slot.sample, _ATTEMPT))
                found += [
                    JudgeQuestion(name, RunRequest(write, request, vote))
                    for vote in range(order.votes)
                ]
        return found

    def votes(self, questions: list[JudgeQuestion], log: ReplyLog) -> dict[str, tuple[int, int]]:
        """Subgoal -> (yes, answers); an answer that is neither yes nor no does not count."""
        found: dict[str, tuple[int, int]] = {}
        for subgoal, wanted in questions:
            reply = log.get(*wanted.name)
            said = answer_in(reply.text) if reply is not None else None
            if said is not None:
                yes, count = found.get(subgoal, (0, 0))
                found[subgoal] = yes + said, count + 1
        return found

    def _text(self, state: RunState, subgoal: str, episode: Episode, step: int) -> str:
        assert state.preflight is not None
        card = task_card(self._spec, state.preflight, self._config.steps)
        rows = [
            _row(episode, field, step)
            for field in card.fields
            if field.name in episode.fields and field.name != "obs"
        ]
        action = np.asarray(episode.actions[step]).tolist()
        names = card.action.names
        done = names[action] if isinstance(action, int) and action < len(names) else str(action)
        words = subgoal.replace("_", " ")
        return self._prompts.render(
            "calm/judge", goal=card.goal, subgoal=words, rows=rows, action=done
        )


def answer_in(reply: str) -> bool | None:
    """The first word of a reply as a bool; None where it is neither yes nor no."""
    first = reply.strip().strip("*_`\"'").lower()
    return True if first.startswith("yes") else False if first.startswith("no") else None


def _spread(holds: Array, bank: Bank) -> list[tuple[int, int]]:
    """(trajectory, step) of some first steps at which it is true, evenly over the trajectories."""
    first = first_steps(holds, bank.lengths)
    places = np.flatnonzero(first != NEVER)
    chosen = np.unique(
        np.linspace(0, max(0, len(places) - 1), min(MOST_STEPS, len(places))).astype(int)
    )
    return [(int(places[at]), int(first[places[at]])) for at in chosen]


class _FieldRow(NamedTuple):
    """A field before and after a step."""

    name: str
    doc: str
    before: str
    after: str


def _row(episode: Episode, field: FieldCard, step: int) -> _FieldRow:
    """The value before the step is "-" where the environment reports it after steps only."""
    values = episode.fields[field.name]
    after = _shown(values[len(values) - len(episode) + step], field.words)
    before = _shown(values[step], field.words) if len(values) > len(episode) else "-"
    return _FieldRow(field.name, field.doc, before, after)


def _shown(value: Array, words: tuple[str, ...]) -> str:
    if words:
        return text_of(value, words) or "(empty)"
    return ", ".join(f"{number:.3g}" for number in np.asarray(value, np.float64).ravel())
