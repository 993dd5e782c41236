"""Write orders -> requests, each with its name in the run. Reads the run and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rewardsmith.engine.gate import Gate, trial_steps
from rewardsmith.evidence.suspicions import Suspicions
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import Prices
from rewardsmith.llm.protocol import Request
from rewardsmith.llm.sizes import most_used
from rewardsmith.run.bank import RunBank
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import Stop, Write
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import RANKING_EPISODES
from rewardsmith.strategy.base import Strategy
from rewardsmith.types import Slot
from rewardsmith.writers.conversation import Guidance, compose
from rewardsmith.writers.examples import EXAMPLES, read_examples
from rewardsmith.writers.feedback.tried import tried_programs
from rewardsmith.writers.feedback.turns import past_turns
from rewardsmith.writers.requests import RunRequest, make_request


class Asking:
    """What the orders of one run ask.

    Args:
        log: the run's replies, which later requests quote.
        bank: of the run.
    """

    def __init__(
        self, run: RunFolder, strategy: Strategy[Any], log: ReplyLog, bank: RunBank
    ) -> None:
        self._run = run
        self._config = run.config()
        self._spec = run.task().spec
        self._prompts = run.prompts()
        self._strategy = strategy
        self._log = log
        self._suspicions = Suspicions(run, bank, strategy.needs.contrast)
        path = run.path / EXAMPLES
        self._examples = read_examples(path.read_text(encoding="utf-8")) if path.exists() else []

    def request(self, order: Write, state: RunState) -> Request:
        """The request of an order, word for word."""
        assert state.preflight is not None
        past = past_turns(self._run, state, self._log, order, self._suspicions)
        talk = compose(
            self._prompts,
            self._config.strategy,
            self._spec,
            state.preflight,
            self._config.steps,
            past,
            self._examples,
            self._config.produce,
            Guidance(order.approach, tried_programs(self._run, state, order.tried)),
        )
        return make_request(self._config, talk, order.longer)

    def questions(self, orders: Sequence[Write], state: RunState) -> list[RunRequest]:
        """Requests with their occurrences: the rank of a slot among the slots that ask the same."""
        requests = {
            order.slot: (order, self.request(order, state))
            for order in sorted(orders, key=lambda o: o.slot)
        }
        known = {slot: entry.request for slot, entry in state.slots.items()}
        known |= {slot: request.digest for slot, (_, request) in requests.items()}
        return [
            RunRequest(order, request, _rank(slot, request.digest, known))
            for slot, (order, request) in requests.items()
        ]

    def gate(self, state: RunState, prices: Prices) -> Gate:
        """What the run's budget allows, with its task and its strategy as they are."""
        assert state.preflight is not None
        spec, seeds = self._spec, self._config.report_seeds
        steps = spec.training.steps_taken(self._config.steps)
        per_trial = trial_steps(
            steps, state.preflight.episode_length, spec.evaluation.episodes, RANKING_EPISODES
        )
        return Gate(
            self._config,
            prices,
            lambda order: most_used(self.request(order, state)),
            per_trial,
            self._strategy.trials_per_program(),
            reserve=2 * seeds * per_trial,
        )

    def unanswered(self, state: RunState, prices: Prices) -> list[RunRequest]:
        """Requests of the present wave without a reply; none while other orders are due."""
        if state.preflight is None or state.stopped is not None:
            return []
        orders = self._strategy.plan(state)
        if any(isinstance(order, Stop) for order in orders):
            return []
        admitted = self.gate(state, prices).admit(orders, state).orders
        asked = self.questions([order for order in admitted if isinstance(order, Write)], state)
        return [
            question
            for question in asked
            if self._log.get(question.request.digest, question.occurrence) is None
        ]


def _rank(slot: Slot, digest: str, known: dict[Slot, str]) -> int:
    """Number of earlier slots with the same request; ordered, so it never changes."""
    return sum(_turn(other) < _turn(slot) and same == digest for other, same in known.items())


def _turn(slot: Slot) -> tuple[int, int, int]:
    return slot.round, slot.attempt, slot.sample
