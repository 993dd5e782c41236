"""What the budget still allows; every order passes here before it is carried out."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.config import Budget, RunConfig
from rewardsmith.orders import Order, Train, Write
from rewardsmith.state import RunState, TrialKey
from rewardsmith.train.jobs import CHECKPOINTS
from rewardsmith.types import Slot

_FIRST_GUESS = 4000  # tokens of a request and its reply, before any was seen


def current_budget(config: RunConfig, state: RunState) -> Budget:
    """The budget with the raises of later sessions."""
    return config.budget.model_copy(update=state.budget_changes)


def trial_steps(steps: int, episode_length: float, episodes: int, ranking_episodes: int) -> int:
    """Environment steps of one trial, evaluation included, as far as they can be known before it."""
    return int(steps + episode_length * (CHECKPOINTS * ranking_episodes + episodes))


def parts(orders: Sequence[Order]) -> frozenset[Slot | TrialKey]:
    """The single requests and trials of a wave."""
    slots = [order.slot for order in orders if isinstance(order, Write)]
    trials = [(o.program, seed, str(o.rung)) for o in orders if isinstance(o, Train) for seed in o.seeds]
    return frozenset([*slots, *trials])


class Gate:
    """Compares what orders would use with what is left.

    Args:
        per_trial: estimated environment steps of one trial.
        trials_per_program: what a new program will be trained for.
        reserve: steps kept back for the closing comparison.
    """

    def __init__(self, config: RunConfig, per_trial: int, trials_per_program: int, reserve: int) -> None:
        self._config = config
        self._per_trial = per_trial
        self._trials_per_program = trials_per_program
        self._reserve = reserve

    def refusal(self, orders: Sequence[Order], state: RunState) -> str | None:
        """Why these orders cannot be carried out within the budget; None when they can.

        A wave is let through whole: what is left of one after a crash is not weighed again, by what its
        first part happened to cost, so a resumed run decides as an uninterrupted one.
        """
        if parts(orders) <= state.wave:
            return None
        budget = current_budget(self._config, state)
        writes = [order for order in orders if isinstance(order, Write)]
        trials = sum(len(order.seeds) for order in orders if isinstance(order, Train))
        if budget.tokens is not None and writes:
            each = state.tokens / state.requests if state.requests else _FIRST_GUESS
            if state.tokens + len(writes) * each > budget.tokens:
                return f"the budget of {budget.tokens:,} tokens is used up ({state.tokens:,} spent)"
        if budget.steps is not None and (trials or writes):
            if writes:  # what cannot be trained is not bought: weighed with what waits for training already
                waiting = [program for program in state.programs if not state.trials_of(program, "selection")]
                trials = (len(writes) + len(waiting)) * self._trials_per_program
            used = state.steps + trials * self._per_trial + self._reserve
            if used > budget.steps:
                return f"the budget of {budget.steps:,} steps is used up ({state.steps:,} taken)"
        begins_round = any(order.slot.attempt == 0 for order in writes)
        if budget.minutes is not None and begins_round and state.active_s >= 60 * budget.minutes:
            return f"the budget of {budget.minutes:g} minutes is used up"
        return None
