"""What the budget still allows; every order passes here before it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, cast

from rewardsmith.llm.prices import Prices
from rewardsmith.llm.protocol import Request, Usage
from rewardsmith.llm.sizes import most_used
from rewardsmith.run.config import RunConfig
from rewardsmith.run.orders import AnyOrder, Rung, Train, Write
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.settings import Budget
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import CHECKPOINTS
from rewardsmith.types import Slot


class Admitted(NamedTuple):
    """The orders that may be carried out now, and why no others may; None where all may."""

    orders: list[AnyOrder]
    refusal: str | None


def current_budget(config: RunConfig, state: RunState) -> Budget:
    """The budget with the raises of later sessions."""
    return config.budget.replaced_by(state.raised)


def trial_steps(steps: int, episode_length: float, episodes: int, ranking_episodes: int) -> int:
    """Estimated environment steps of one trial, evaluation included."""
    return int(steps + episode_length * ((CHECKPOINTS + 1) * ranking_episodes + episodes))


def parts(orders: Sequence[AnyOrder]) -> frozenset[Slot | TrialKey]:
    """The single requests and trials of a wave."""
    slots = [order.slot for order in orders if isinstance(order, Write)]
    return frozenset([*slots, *training_steps(orders)])


def training_steps(orders: Sequence[AnyOrder]) -> dict[TrialKey, int]:
    """The trials of a wave, each with its training steps."""
    return {
        (order.program, seed, str(order.rung)): order.steps
        for order in orders
        if isinstance(order, Train)
        for seed in order.seeds
    }


def rest_of_wave(state: RunState) -> list[Train]:
    """The trainings of the last wave that have no result yet, after a crash.

    They come before anything is planned. With half of its seeds a program has no score, so that a
    strategy would go on without it.
    """
    left: dict[tuple[str, str, int], list[int]] = {}
    for key, steps in state.admitted.items():
        if key in state.wave and key not in state.trials:
            program, seed, rung = key
            left.setdefault((program, rung, steps), []).append(seed)
    return [
        Train(program, tuple(sorted(seeds)), cast(Rung, rung), steps)
        for (program, rung, steps), seeds in sorted(left.items())
    ]


class Gate:
    """Compares what orders would use with what is left.

    Args:
        prices: of the model that is asked.
        most_used: the most that a request can use.
        per_trial: estimated environment steps of one trial.
        trials_per_program: what a new program will be trained for.
        reserve: steps kept back for the closing comparison.
    """

    def __init__(
        self,
        config: RunConfig,
        prices: Prices,
        most_used: Callable[[Write], Usage],
        per_trial: int,
        trials_per_program: int,
        reserve: int,
    ) -> None:
        self._config = config
        self._prices = prices
        self._most_used = most_used
        self._per_trial = per_trial
        self._trials_per_program = trials_per_program
        self._reserve = reserve

    def admit(self, orders: Sequence[AnyOrder], state: RunState) -> Admitted:
        """The orders that the budget can pay for, at worst.

        Requests are open side by side, so the most that each can come to is kept back: as many pass
        as fit together, in the order of their slots, and when they are settled the others are
        weighed again by what is then left. Trainings pass all or none. What is left of a wave after
        a crash passes unweighed, so a resumed run decides as an undisturbed one.
        """
        begun = [order for order in orders if parts([order]) <= state.wave]
        if begun:
            return Admitted(begun, None)
        budget = current_budget(self._config, state)
        refusal = self._steps_refusal(orders, budget, state) or self._minutes_refusal(
            orders, budget, state
        )
        if refusal is not None:
            return Admitted([], refusal)
        writes = sorted(
            (order for order in orders if isinstance(order, Write)), key=lambda order: order.slot
        )
        affordable, refusal = self._affordable(writes, budget, state)
        trainings = [order for order in orders if not isinstance(order, Write)]
        return Admitted([*affordable, *trainings], refusal)

    def _affordable(
        self, writes: Sequence[Write], budget: Budget, state: RunState
    ) -> tuple[list[Write], str | None]:
        """The first requests that fit into the budget together, and what refuses the next one."""
        count, refusal = self._fitting(
            [partial(self._most_used, write) for write in writes], budget, state
        )
        return list(writes[:count]), refusal

    def fitting(self, requests: Sequence[Request], state: RunState) -> tuple[int, str | None]:
        """How many of some requests, from the first on, the budget can pay for, at worst.

        Returns:
            Their number, and why no more; None if it can pay for all.
        """
        budget = current_budget(self._config, state)
        return self._fitting([partial(most_used, each) for each in requests], budget, state)

    def _fitting(
        self, most: Sequence[Callable[[], Usage]], budget: Budget, state: RunState
    ) -> tuple[int, str | None]:
        """How many requests fit, by the most that each can use, and what stops the next one."""
        calls, tokens, usd = state.requests, state.tokens, state.usd
        for count, used in enumerate(most):
            calls += 1
            if budget.calls is not None and calls > budget.calls:
                return count, f"the budget of {budget.calls:,} calls is used up"
            if budget.tokens is None and budget.usd is None:
                continue
            usage = used()
            tokens += usage.total
            usd += self._prices.cost(usage) or 0.0
            if budget.tokens is not None and tokens > budget.tokens:
                left = f"{state.tokens:,} spent, and a request can take {usage.total:,}"
                return count, f"the budget of {budget.tokens:,} tokens is used up ({left})"
            if budget.usd is not None and usd > budget.usd:
                cost = self._prices.cost(usage) or 0.0
                left = f"${state.usd:.4g} spent, and a request can take ${cost:.2g}"
                return count, f"the budget of ${budget.usd:g} is used up ({left})"
        return len(most), None

    def _steps_refusal(
        self, orders: Sequence[AnyOrder], budget: Budget, state: RunState
    ) -> str | None:
        trials = sum(len(order.seeds) for order in orders if isinstance(order, Train))
        writes = sum(isinstance(order, Write) for order in orders)
        if budget.steps is None or not (trials or writes):
            return None
        if (
            writes
        ):  # what cannot be trained is not bought: weighed with what waits for training already
            waiting = [
                program for program in state.programs if not state.trials_of(program, "selection")
            ]
            trials = (writes + len(waiting)) * self._trials_per_program
        reports = any(isinstance(order, Train) and order.rung == "report" for order in orders)
        if reports and not state.looks:
            return None  # steps were kept back for it
        reserve = 0 if reports else self._reserve
        if state.steps + trials * self._per_trial + reserve <= budget.steps:
            return None
        return f"the budget of {budget.steps:,} steps is used up ({state.steps:,} taken)"

    def _minutes_refusal(
        self, orders: Sequence[AnyOrder], budget: Budget, state: RunState
    ) -> str | None:
        """Only where a round begins."""
        writes = [order.slot for order in orders if isinstance(order, Write)]
        known = {slot.round for slot in state.slots}
        begins = any(slot.attempt == 0 and slot.round not in known for slot in writes)
        if budget.minutes is None or not begins or state.active_s < 60 * budget.minutes:
            return None
        return f"the budget of {budget.minutes:g} minutes is used up"
