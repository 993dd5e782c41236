"""A run whose programs the caller writes: the user, a coding agent, or a program. It needs no key.

    search = rs.Search.begin("mountain-car")
    while (question := search.ask()) is not None:
        result = search.tell(my_reply(question.text))
    search.run.export("exported/reward.py")

Requests, checks, trainings, feedback and records are the same as in every other run.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rewardsmith.api.runs import RUNS, DesignSettings, Run, design
from rewardsmith.api.session import carry_on
from rewardsmith.api.settings import takes_settings
from rewardsmith.engine.asking import Asking
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.workers.executor import HERE, ONE_CORE, Execution, Executor, Resources
from rewardsmith.errors import NoProgram, RunError, UsageError
from rewardsmith.evidence.suspicions import Suspicions
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE
from rewardsmith.llm.protocol import NOTHING_USED, Message, Reply
from rewardsmith.run.bank import RunBank
from rewardsmith.run.names import open_run
from rewardsmith.run.orders import SEARCH_RUNGS, Kind, Turn, Write
from rewardsmith.run.outcomes import SlotState
from rewardsmith.run.state import RunState
from rewardsmith.strategy.making import strategy_of
from rewardsmith.task.resolving import AnyTask
from rewardsmith.types import Interval, Slot
from rewardsmith.writers.conversation import feedback_text
from rewardsmith.writers.feedback.turns import past_turns
from rewardsmith.writers.requests import RunRequest


class Question(NamedTuple):
    """The next request of a run.

    Attributes:
        slot: round, sample and attempt that the reply is for.
        system, messages: the request, as a model would get it.
    """

    slot: Slot
    system: str
    messages: tuple[Message, ...]

    @property
    def text(self) -> str:
        """The whole request as one text, to read or to paste into a chat."""
        names = {"user": "you are asked", "assistant": "you wrote"}
        turns = self.messages if len(self.messages) > 1 else ()
        parts = [f"[{names[message.role]}]\n\n{message.content}" for message in turns]
        return "\n\n".join([self.system, *(parts or [self.messages[0].content])])


class TellResult(NamedTuple):
    """The result of a reply.

    Attributes:
        accepted: whether the reply has a valid program.
        program: id of the program; None if there was none.
        findings: the findings of its checks.
        score: fitness over the selection seeds; None if it is not trained (yet).
        feedback: the feedback to the writer, as text.
        question: the next request; None when the search has ended.
        ended: why the search has ended; None while it runs.
    """

    slot: Slot
    accepted: bool
    program: str | None
    findings: tuple[str, ...]
    score: Interval | None
    feedback: str
    question: Question | None
    ended: str | None


class Search:
    """A run that waits for replies; made by :meth:`begin` or :meth:`open`.

    Args:
        run: the run.
        execution: where trainings run; this machine by default.
        observer: is notified of every event.

    Raises:
        UsageError: the run does not wait for replies.

    Example:
        search = rs.Search.begin("mountain-car")
        while (question := search.ask()) is not None:
            result = search.tell(answer(question.text))
        search.run.export("exported/reward.py")
    """

    def __init__(
        self, run: Run, execution: Execution = HERE, observer: Observer | None = None
    ) -> None:
        config = run.folder.config()
        if config.writer != "user":
            raise UsageError(
                f"{run.folder.name} waits for no replies: the writer is {config.written_by}",
                "start a run that waits for replies with: rewardsmith design TASK --ask",
            )
        self.run = run
        self._execution = execution
        self._observer = observer or Observer()

    @staticmethod
    @takes_settings(DesignSettings)
    def begin(task: AnyTask, goal: str | None, settings: DesignSettings) -> Search:
        """Start a run that waits for replies.

        Args:
            task, goal, settings: as :func:`rewardsmith.design` takes them, without a writer.

        Raises:
            UsageError: raised before anything is spent.
            BoundaryError: environment, sandbox or trainer failed.
        """
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        run = design(task, goal, **{**given, "ask": True})
        return Search(run, settings.execution, settings.observer)

    @classmethod
    def open(
        cls,
        run: str | Path | Run,
        *,
        workers: int | None = None,
        executor: str | Executor = "local",
        needs: Resources = ONE_CORE,
        runs: str | Path = RUNS,
        observer: Observer | None = None,
    ) -> Search:
        """Open a search that was started before.

        Raises:
            RunError: there is no such run.
            UsageError: it does not wait for replies.
        """
        found = run if isinstance(run, Run) else Run(open_run(run, Path(runs)))
        return cls(found, Execution(executor, workers, needs), observer)

    def ask(self) -> Question | None:
        """The next request; None when the search has ended. Calling it changes nothing."""
        waiting = self._waiting()
        return _question(waiting[0]) if waiting else None

    def tell(self, reply: str, by: str = "the user") -> TellResult:
        """Answer the request of :meth:`ask`.

        The program is checked, and trained when its round is complete.

        Args:
            reply: the reply, as a model would write it: the program in a fenced block, or alone.
            by: name of the author.

        Raises:
            RunError: the run waits for no reply, or is in use.
            BoundaryError: environment, sandbox or trainer failed; the reply is kept: resume the
                run.
        """
        answered: list[RunRequest] = []

        def add_reply(log: ReplyLog) -> None:
            waiting = self._waiting(log)
            if not waiting:
                raise RunError(
                    f"{self.run.folder.name} waits for no reply",
                    "see: rewardsmith show, or resume it",
                )
            answered.append(waiting[0])
            question = waiting[0]
            log.put(question.request, question.occurrence, _reply(reply, by), question.order.slot)

        try:
            carry_on(self.run.folder, self._execution, self._observer, add_replies=add_reply)
        except NoProgram:
            if not answered:
                raise
        return self._told(answered[0].order.slot)

    def _waiting(self, log: ReplyLog | None = None) -> list[RunRequest]:
        folder, state = self.run.folder, self.run.state
        strategy = strategy_of(folder.config())
        asking = Asking(folder, strategy, log or ReplyLog(folder.llm_log), RunBank(folder))
        return asking.unanswered(state, FREE)

    def _told(self, slot: Slot) -> TellResult:
        state = self.run.state
        entry = state.slots[slot]
        score = state.score(entry.program) if entry.program is not None and entry.accepted else None
        return TellResult(
            slot,
            entry.accepted,
            entry.program,
            entry.findings,
            score,
            self._feedback(state, entry),
            self.ask(),
            state.stopped,
        )

    def _feedback(self, state: RunState, entry: SlotState) -> str:
        """The feedback as later requests show it."""
        if not entry.settled:
            return "taken; it is checked when all replies of its round are there"
        folder = self.run.folder
        if entry.accepted and entry.program is not None and not _decided(state, entry.program):
            return "accepted; it is trained when all replies of its round are there"
        turn = Turn(entry.program, _kinds(state, entry), entry.slot)
        after = Write(Slot(entry.slot.round + 1, 0), (turn,))
        contrast = strategy_of(folder.config()).needs.contrast
        suspicions = Suspicions(folder, RunBank(folder), contrast)
        (past,) = past_turns(folder, state, ReplyLog(folder.llm_log), after, suspicions)
        return feedback_text(folder.prompts(), past)


def waits_for_reply(run: Run) -> bool:
    """Whether a run waits for a reply of the user; False for one that was interrupted."""
    state = run.state
    if run.folder.config().writer != "user" or state.preflight is None or state.stopped is not None:
        return False
    return Search(run).ask() is not None


def _decided(state: RunState, program: str) -> bool:
    """Whether a program was trained, or refused by a test before its training."""
    trained = any(state.trials_of(program, rung) for rung in SEARCH_RUNGS)
    return trained or program in state.skipped() or state.twin(program) is not None


def _kinds(state: RunState, entry: SlotState) -> tuple[Kind, ...]:
    """The kinds of feedback that a program has."""
    if not entry.accepted or entry.program is None:
        return ("findings",)
    trained = bool(state.trials_of(entry.program, "selection"))
    if "subgoals" in state.functions.get(entry.program, ()):
        return ("process", "subgoals", "trajectory") if trained else ("subgoals",)
    doubts: tuple[Kind, ...] = ("preference",) if state.failed(entry.program) else ()
    return ("process", "trajectory", "audit", *doubts) if trained else ("preference",)


def _question(asked: RunRequest) -> Question:
    return Question(asked.order.slot, asked.request.system, asked.request.messages)


def _reply(text: str, by: str) -> Reply:
    if not text.strip():
        raise UsageError(
            "the reply is empty", "give a program in a fenced python block, or the module alone"
        )
    return Reply(text, "stop", NOTHING_USED, by, 0.0, cost_usd=0.0)
