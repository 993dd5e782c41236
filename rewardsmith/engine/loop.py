"""The loop of a run: fold events, plan, check the budget, carry out orders, append events, repeat.

1. Deciding is pure, doing stands behind seams, and the log is the only state: to resume is to fold
   and plan.
2. A reply is logged before it is checked and a result is on disk before its event, so work that was
   done is found done after a crash at any point.
3. Replies of one wave may arrive in any order; what they are called (digest, occurrence) is fixed
   before they are asked for.
4. A program's failure is data. A failure of the environment, the provider or the machine is
   recorded with what it hit, which is owed again when the run is resumed; it ends the run when a
   request met it, or when no trial of the wave came through. One trial of many that fails twice
   leaves its program without a score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cached_property
from typing import Any

from rewardsmith.engine.asking import Asking
from rewardsmith.engine.checking import Checker
from rewardsmith.engine.closing import closing_orders, is_optional_training, searches_before
from rewardsmith.engine.exploits import ExploitSearch
from rewardsmith.engine.gate import Gate, parts, rest_of_wave, training_steps
from rewardsmith.engine.judging import Judging
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.screening import Screener
from rewardsmith.engine.training import Trainings, trained
from rewardsmith.engine.workers.executor import ONE_CORE, Executor, Resources, preflight_call
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.errors import BoundaryError, RewardsmithError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.sizes import charged
from rewardsmith.run.bank import RunBank
from rewardsmith.run.config import RunConfig
from rewardsmith.run.event import Event
from rewardsmith.run.events import (
    Admitted,
    Checked,
    Derived,
    Extended,
    PreflightDone,
    Refused,
    Replied,
    Resumed,
    Stopped,
    Worked,
    fold,
)
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.inbox import is_known, left_events
from rewardsmith.run.orders import (
    AnyOrder,
    Derive,
    Extend,
    MeasureSimilarity,
    PlayScripts,
    Screen,
    SearchExploits,
    Stop,
    Train,
    Write,
)
from rewardsmith.run.seals import check_seal
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Strategy
from rewardsmith.types import Slot
from rewardsmith.writers.requests import RunRequest
from rewardsmith.writers.sources import Writer

_TICK_S = 0.5  # how often progress is reported while waiting


class Engine:
    """Carries a run to its end.

    Args:
        run: locked by the caller.
        writer, executor: where requests and calls go.
        log: the run's replies.
        needs: what each training needs.
    """

    def __init__(
        self,
        run: RunFolder,
        strategy: Strategy[Any],
        writer: Writer,
        executor: Executor,
        log: ReplyLog,
        observer: Observer,
        needs: Resources = ONE_CORE,
    ) -> None:
        self.run = run
        self.config: RunConfig = run.config()
        self.task = run.task()
        self._strategy = strategy
        bank = self._bank = RunBank(run)
        self._asking = Asking(run, strategy, log, bank)
        self.writer = writer
        self.executor = executor
        self.log = log
        self.observer = observer
        self._events = run.events()
        self._needs = needs
        also, device = self.config.also, self.config.device
        self._trainings = Trainings(run, self.task, device, executor, needs, also=also)
        self._screener = Screener(run, bank)
        self._judging = Judging(self, bank, needs)
        self._exploits = ExploitSearch(run, bank, executor)
        self.waiting: list[RunRequest] = []  # requests that wait for a reply of the user
        self.state: RunState = fold(self._events)

    def go(self) -> RunState:
        """Run until the strategy stops, the budget ends, or a reply of the user is needed.

        Raises:
            BoundaryError: the environment, the provider, the sandbox or the trainer failed.
            RunError: the disk is full.
        """
        if self.state.stopped is not None or self.state.trials or self.state.slots:
            self.record(Resumed())
        if self.state.preflight is None:
            self._run_preflight()
        self._settle_open_slots()
        self._search()
        return self.state

    def record(self, event: Event) -> None:
        """Append an event to the log and apply it to the state."""
        event = self._events.append(event)
        event.apply(self.state)
        self.observer.event(event, self.state)

    def gate(self) -> Gate:
        """What the budget of the run allows."""
        return self._asking.gate(self.state, self.writer.prices)

    def _search(self) -> None:
        gate = self.gate()
        while not self.waiting:
            self._take_what_was_said()
            planned = self._strategy.plan(self.state)
            orders = (
                rest_of_wave(self.state)
                or searches_before(self.config, self.state, planned)
                or planned
            )
            stop = next((order for order in orders if isinstance(order, Stop)), None)
            asks = any(isinstance(order, Write) for order in orders)
            admitted, refusal = gate.admit(orders, self.state) if stop is None else ([], None)
            if admitted:
                self._begin(admitted)
                self._carry_out_timed(admitted)
            elif refusal is not None and self.state.refused is None and asks:
                self.record(Refused(reason=refusal))  # what was bought before is still trained
            elif not self._close(gate):
                why = refusal or self.state.refused or (stop.reason if stop else "")
                self.record(Stopped(reason=why))
                return

    def _take_what_was_said(self) -> None:
        """Record what the user has said meanwhile, unless a wave is incomplete after a crash."""
        if not (self.state.unanswered() or rest_of_wave(self.state)):
            self.take_answers()

    def take_answers(self) -> None:
        """Record what the user has left in the inbox."""
        for path, event in left_events(self.run):
            if not is_known(event, self.state):
                self.record(event)
            path.unlink(missing_ok=True)

    def _close(self, gate: Gate) -> bool:
        """Carry out the next orders after the end of the search; False if none are left."""
        steps = self._strategy.steps
        orders = closing_orders(self.config, self.state, steps)
        admitted, refusal = gate.admit(orders, self.state)
        if refusal is not None and any(map(is_optional_training, orders)):
            orders = closing_orders(self.config, self.state, steps, optional=False)
            admitted, refusal = gate.admit(orders, self.state)
        if admitted:
            self._begin(admitted)
            self._carry_out_timed(admitted)
        return bool(admitted)

    def _begin(self, orders: Sequence[AnyOrder]) -> None:
        """Record what passed the gate, unless it is the rest of a wave that did."""
        if not (wave := parts(orders)) <= self.state.wave:
            slots = sorted(part for part in wave if isinstance(part, Slot))
            trials = sorted(training_steps(orders).items())
            self.record(Admitted(slots=tuple(slots), trials=tuple(trials)))

    @property
    def preflight(self) -> Preflight:
        """What the preflight found."""
        assert self.state.preflight is not None
        return self.state.preflight

    def _run_preflight(self) -> None:
        self.observer.doing("checking the task")
        call = preflight_call(self.run, self.config.produce, self.config.also, self._needs)
        begun = time.monotonic()
        self.wait([self.executor.submit(call)], lambda _: None)
        self.record(PreflightDone(found=self.run.preflight()))
        self.record(Worked(wall_s=time.monotonic() - begun))

    def _carry_out_timed(self, orders: Sequence[AnyOrder]) -> None:
        if not orders:
            return
        begun = time.monotonic() - self._judging.waited_s
        try:
            self._write([order for order in orders if isinstance(order, Write)])
            self._derive([order for order in orders if isinstance(order, Derive)])
            self._screen([each for each in orders if isinstance(each, Screen | MeasureSimilarity)])
            self._judging.carry_out(orders)
            self._train([order for order in orders if isinstance(order, Train)])
            self._settle(orders)
        finally:
            self.record(Worked(wall_s=time.monotonic() - self._judging.waited_s - begun))

    def _write(self, orders: Sequence[Write]) -> None:
        if not orders:
            return
        round_number = orders[0].slot.round
        self.observer.doing(
            f"asking for {len(orders)} program{'s' * (len(orders) > 1)} of round {round_number + 1}"
        )
        questions = self._asking.questions(orders, self.state)
        asked = {self.writer.reply_later(question): question for question in questions}

        def replied(future: Future[Any]) -> None:
            reply, question = future.result(), asked[future]
            if reply is None:
                self.waiting.append(question)
                return
            digest, occurrence = question.name
            self.record(
                Replied(
                    slot=question.order.slot,
                    parents=question.order.parents,
                    request=digest,
                    occurrence=occurrence,
                    tokens=charged(question.request, reply).total,
                    usd=reply.cost_usd,
                    finish_reason=reply.finish_reason,
                    latency_s=reply.latency_s,
                )
            )

        self.wait(list(asked), replied)
        self._settle_open_slots()

    def _settle_open_slots(self) -> None:
        """Check the replies of a wave in the order of their slots, once all of them are there.

        Of two equal programs the first keeps its comments and its findings, so the order of arrival
        must not say which is first.
        """
        if self.state.unanswered():
            return
        for slot, entry in sorted(self.state.slots.items()):
            if not entry.settled:
                self._check(slot)

    def _check(self, slot: Slot) -> None:
        entry = self.state.slots[slot]
        reply = self.log.get(entry.request, entry.occurrence)
        assert reply is not None, "a reply is logged before its event"
        found = self._checker.check(
            slot,
            reply.text,
            reply.finish_reason,
            parents=entry.parents,
            reply=entry.request,
        )
        # Of a refused program only what refuses it: warnings may hold timings, which would make
        # the repair's request differ from run to run.
        findings = found.errors or found.findings
        self.record(
            Checked(
                slot=slot,
                program=found.program.id if found.program is not None else None,
                outcome=found.outcome,
                functions=found.functions,
                accepted=found.accepted,
                seal=found.seal,
                size=found.size,
                findings=tuple(str(finding) for finding in findings if finding.severity != "info"),
            )
        )

    @cached_property
    def _checker(self) -> Checker:
        training, produce = self.task.spec.training, self.config.produce
        return Checker(self.run, self.preflight, self.state, training, produce)

    def _derive(self, orders: Sequence[Derive]) -> None:
        for order in orders:
            check_seal(self.run, self.state, order.program)
            found = self._checker.derive(order.program, order.keep)
            accepted = found.accepted and found.program is not None
            made = found.program.id if accepted and found.program is not None else None
            self.record(
                Derived(
                    whole=order.program,
                    kept=order.keep,
                    program=made,
                    seal=found.seal,
                    size=found.size,
                )
            )

    def _screen(self, orders: Sequence[Screen | MeasureSimilarity]) -> None:
        for order in orders:
            check_seal(self.run, self.state, order.program)
            self.observer.doing(self._screener.doing(order))
            self.record(self._screener.carry_out(order, self.state))

    def _train(self, orders: Sequence[Train]) -> None:
        if not orders:
            return
        for order in orders:
            check_seal(self.run, self.state, order.program)
        count = sum(len(order.seeds) for order in orders)
        self.observer.doing(f"training {count} agent{'s' * (count > 1)}")
        failures: list[BoundaryError] = []
        exploiters = self._exploits.exploiters(orders, self.state)
        done = self._trainings.carry_out(orders, self.observer.progress, exploiters)
        for trial, outcome in done:
            if isinstance(outcome, BoundaryError):
                failures.append(outcome)
            self.record(trained(trial, outcome))
        for error in failures:
            if error.retryable or len(failures) == count:  # else the others go on without it
                raise error

    def _settle(self, orders: Sequence[AnyOrder]) -> None:
        """Carry out what follows a search, see :mod:`rewardsmith.engine.closing`."""
        for order in orders:
            if isinstance(order, Extend):
                self.record(Extended(reason=order.reason))
            elif isinstance(order, PlayScripts | SearchExploits):
                self.observer.doing(self._exploits.doing(order))
                self.record(self._exploits.carry_out(order, self.state))

    def wait(self, futures: list[Future[Any]], take: Callable[[Future[Any]], None]) -> None:
        """Take results as they come; the first failure is raised after all of them were taken."""
        pending, failure = set(futures), None
        while pending:
            done, pending = wait(pending, timeout=_TICK_S, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    future.result()
                except RewardsmithError as error:
                    failure = failure or error
                else:
                    take(future)
            self.observer.progress([])
        if failure is not None:
            raise failure
