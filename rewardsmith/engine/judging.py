"""Orders that need a judge: audits of subgoals, comparisons of clips, rewards fitted to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from rewardsmith.engine.auditing import Auditor
from rewardsmith.engine.comparing import Comparisons, answered_pairs
from rewardsmith.engine.gate import Gate
from rewardsmith.engine.learning import Fits
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.workers.executor import Executor, Resources
from rewardsmith.errors import ProgramError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.sizes import charged
from rewardsmith.run.bank import RunBank
from rewardsmith.run.event import Event
from rewardsmith.run.events import Audited, Consulted, Refused
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judge_events import Compared, Learned
from rewardsmith.run.judgements import Judgement
from rewardsmith.run.orders import OF_THE_MODEL, AnyOrder, Audit, Compare, Learn
from rewardsmith.run.seals import check_seal
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import Judged
from rewardsmith.writers.judge import SubgoalJudge
from rewardsmith.writers.requests import RunRequest
from rewardsmith.writers.sources import Writer

_TICK_S = 0.5  # how often the answers of a person are looked for


class RunningEngine(Protocol):
    """What the orders need of the engine that carries out the run."""

    run: RunFolder
    state: RunState
    log: ReplyLog
    observer: Observer
    writer: Writer
    executor: Executor

    def record(self, event: Event) -> None:
        """Append an event to the log and apply it to the state."""

    def gate(self) -> Gate:
        """What the budget of the run allows."""

    def take_answers(self) -> None:
        """Record what the user has left in the inbox."""

    def wait(self, futures: list[Future[Any]], take: Callable[[Future[Any]], None]) -> None:
        """Take results as they come; the first failure is raised after all of them were taken."""


class Judging:
    """Carries out the orders that need a judge.

    Args:
        engine: of the run.
        bank: of the run.
        needs: what a fit needs of the machine.
    """

    def __init__(self, engine: RunningEngine, bank: RunBank, needs: Resources) -> None:
        self._engine = engine
        self._bank = bank
        self._needs = needs
        self._auditor = Auditor(engine.run, bank)
        self._comparisons = Comparisons(engine.run)
        self.waited_s = 0.0  # for the answers of a person, which is no work

    def carry_out(self, orders: Sequence[AnyOrder]) -> None:
        """Carry out those of the orders that need a judge.

        Raises:
            BoundaryError: the provider, the sandbox, or the process of a fit failed.
        """
        for order in orders:
            if isinstance(order, Audit):
                self._audit(order)
            elif isinstance(order, Compare):
                self._compare(order)
            elif isinstance(order, Learn):
                self._learn(order)

    def _audit(self, order: Audit) -> None:
        engine = self._engine
        check_seal(engine.run, engine.state, order.program)
        engine.observer.doing(f"auditing the subgoals of {order.program} on recorded episodes")
        votes = self._votes(order) if order.votes else {}
        engine.record(Audited(audit=self._auditor.audit(order, engine.state, votes)))

    def _votes(self, order: Audit) -> dict[str, tuple[int, int]]:
        """Ask a model about steps in which subgoals become true."""
        engine = self._engine
        judge = SubgoalJudge(engine.run, self._bank)
        try:
            questions = judge.questions(order, engine.state)
        except ProgramError:
            return {}  # the audit says so
        engine.observer.doing(f"asking a model about {len(questions)} steps")
        self._ask([question.request for question in questions], order.program)
        return judge.votes(questions, engine.log)

    def _compare(self, order: Compare) -> None:
        engine = self._engine
        if order.judge == "person":
            self._wait_for_person(order)
            answers = answered_pairs(engine.state, order.round)
        else:
            pairs = f"{order.pairs} pair{'s' * (order.pairs != 1)}"
            engine.observer.doing(f"comparing {pairs} of clips")
            asks = order.judge in OF_THE_MODEL
            found = self._answers_of_model(order) if asks else self._scripted(order)
            for one in found:
                if engine.state.judgement(one.pair, one.by) != one:  # else known before a crash
                    engine.record(Judged(found=one))
            answers = len(found)
        engine.record(Compared(round=order.round, answers=answers, decides=order.decides))

    def _scripted(self, order: Compare) -> list[Judgement]:
        return self._comparisons.scripted(order, self._engine.state)

    def _answers_of_model(self, order: Compare) -> list[Judgement]:
        """Ask the model of the run about each pair in both orders; it may abstain."""
        engine = self._engine
        asked = self._comparisons.questions(order, engine.state, engine.executor)
        self._ask([request for requests in asked.values() for request in requests])
        return self._comparisons.answers(asked, engine.state, engine.log)

    def _wait_for_person(self, order: Compare) -> None:
        """Wait until enough of the pairs of a round are answered on the page."""
        engine = self._engine
        if order.round not in engine.state.asked:
            engine.record(self._comparisons.asked(order, engine.state))
        needed = engine.state.asked[order.round].needed
        shown = None
        while (left := needed - answered_pairs(engine.state, order.round)) > 0:
            if left != shown:
                name = engine.run.name
                engine.observer.doing(
                    f"waiting for {left} answers, also on: rewardsmith label {name}"
                )
                shown = left
            begun = time.monotonic()
            time.sleep(_TICK_S)
            self.waited_s += time.monotonic() - begun
            engine.take_answers()

    def _learn(self, order: Learn) -> None:
        engine = self._engine
        assert engine.state.preflight is not None
        engine.observer.doing("fitting a reward to the answers")
        fits = Fits(engine.run, engine.state.preflight, self._needs)
        call = fits.call(order, engine.state)
        if call is None:
            engine.record(Learned(round=order.round, program=None))
            return
        engine.wait([engine.executor.submit(call)], lambda _: None)
        engine.record(fits.learned(order))

    def _ask(self, questions: Sequence[RunRequest], program: str = "") -> None:
        """Ask a model the questions that have no reply yet, as far as the budget allows.

        Args:
            program: that they are about; empty where they compare episodes.
        """
        engine = self._engine
        # Two clips that look the same make one question of both orders.
        different = {asked.name: asked for asked in questions}
        new = [asked for name, asked in different.items() if name not in engine.state.consulted]
        asked_now = [asked.request for asked in new]
        count, refusal = engine.gate().fitting(asked_now, engine.state)
        if refusal is not None and engine.state.refused is None:
            engine.record(Refused(reason=refusal))
        open_ = {engine.writer.reply_later(asked): asked for asked in new[:count]}

        def replied(future: Future[Any]) -> None:
            reply, asked = future.result(), open_[future]
            if reply is None:
                return
            digest, occurrence = asked.name
            engine.record(
                Consulted(
                    program=program,
                    request=digest,
                    occurrence=occurrence,
                    tokens=charged(asked.request, reply).total,
                    usd=reply.cost_usd,
                )
            )

        engine.wait(list(open_), replied)
