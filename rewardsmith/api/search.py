"""A run whose programs the user, a coding agent or another program writes; it needs no key.

    search = rs.Search.begin("mountain-car")
    while (question := search.ask()) is not None:
        told = search.tell(whatever_answers(question.text))
    search.run.export("exported/reward.py")

What is asked, how replies are checked, trained and fed back, and what is written down are those of
every other run.
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
from rewardsmith.run.folder import open_run
from rewardsmith.run.orders import Kind, Turn, Write
from rewardsmith.run.state import RunState, SlotState
from rewardsmith.strategy.making import strategy_of
from rewardsmith.task.loading import Task
from rewardsmith.types import Interval, Slot
from rewardsmith.writers.conversation import feedback_text
from rewardsmith.writers.feedback.turns import past_turns
from rewardsmith.writers.requests import RunRequest


class Question(NamedTuple):
    """What the run asks for next.

    Attributes:
        slot: round, sample and attempt that the reply is for.
        system, messages: as a model would be sent them.
    """

    slot: Slot
    system: str
    messages: tuple[Message, ...]

    @property
    def text(self) -> str:
        """All of it as one text, to be read or pasted into a chat."""
        names = {"user": "you are asked", "assistant": "you wrote"}
        turns = self.messages if len(self.messages) > 1 else ()
        parts = [f"[{names[message.role]}]\n\n{message.content}" for message in turns]
        return "\n\n".join([self.system, *(parts or [self.messages[0].content])])


class TellResult(NamedTuple):
    """What came of a reply.

    Attributes:
        accepted: a valid program was in it.
        program: its id; None where there was none.
        findings: what was found about it.
        score: fitness over the selection seeds; None where it was not trained (yet).
        feedback: what the writer is told about it, in words.
        question: what the run asks for next; None when it is over.
        ended: why it is over; None while it goes on.
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
        if config.writer != "person":
            raise UsageError(
                f"{run.folder.name} is written by {config.written_by}, it does not wait for replies",
                "begin a run that does with: rewardsmith design TASK --ask",
            )
        self.run = run
        self._execution = execution
        self._observer = observer or Observer()

    @staticmethod
    @takes_settings(DesignSettings)
    def begin(task: Task | str, goal: str | None, settings: DesignSettings) -> Search:
        """Begin a run that waits for replies.

        Args:
            task, goal, settings: as :func:`rewardsmith.design` takes them, without a writer.

        Raises:
            UsageError: before anything is done.
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
        """A search that was begun before.

        Raises:
            RunError: there is no such run.
            UsageError: it does not wait for replies.
        """
        found = run if isinstance(run, Run) else Run(open_run(run, Path(runs)))
        return cls(found, Execution(executor, workers, needs), observer)

    def ask(self) -> Question | None:
        """What the run asks for next; None when it is over. Calls change nothing."""
        waiting = self._waiting()
        return _question(waiting[0]) if waiting else None

    def tell(self, reply: str, by: str = "a person") -> TellResult:
        """Answer :meth:`ask`: check the program, and train it when its round is complete.

        Args:
            reply: as a model would have written it: the program in a fenced block, or alone.
            by: who wrote it.

        Raises:
            RunError: the run waits for no reply, or is in use.
            BoundaryError: environment, sandbox or trainer failed; the reply is kept, resume the
                run.
        """
        answered: list[RunRequest] = []

        def bring(log: ReplyLog) -> None:
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
            carry_on(self.run.folder, self._execution, self._observer, bring=bring)
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
        """The words in which later requests tell it."""
        if not entry.settled:
            return "taken; it is checked when the other replies of its round are there"
        folder = self.run.folder
        if entry.accepted and entry.program is not None and not _judged(state, entry.program):
            return "accepted; it is trained when the other replies of its round are there"
        turn = Turn(entry.program, _kinds(state, entry), entry.slot)
        after = Write(Slot(entry.slot.round + 1, 0), (turn,))
        contrast = strategy_of(folder.config()).needs.contrast
        suspicions = Suspicions(folder, RunBank(folder), contrast)
        (past,) = past_turns(folder, state, ReplyLog(folder.llm_log), after, suspicions)
        return feedback_text(folder.prompts(), past)


def _judged(state: RunState, program: str) -> bool:
    """Whether it was trained, or held against known behaviour and found not worth it."""
    return bool(state.trials_of(program, "selection")) or program in state.skipped()


def _kinds(state: RunState, entry: SlotState) -> tuple[Kind, ...]:
    """All that there is to tell about a program."""
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
