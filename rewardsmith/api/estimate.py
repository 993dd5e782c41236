"""An estimate of the cost of a run, made before anything is spent.

No environment is run and no model is called for it; where an environment was opened before, its
speed makes the range of minutes narrower, see :mod:`rewardsmith.api.opening`. The low end is a run
in which every program is valid and short. The high end is a run in which every request is repaired
as often as allowed and every answer has its maximal length, or in which the budget ends the run.
"""

from __future__ import annotations

from typing import NamedTuple

from rewardsmith.api.opening import Measured
from rewardsmith.api.planning import Plan
from rewardsmith.engine.closing import EXPLOITER_SHARE, EXPLOITERS
from rewardsmith.engine.workers.machine import available_cores
from rewardsmith.llm.protocol import Usage
from rewardsmith.llm.sizes import FEWEST_BYTES, tokens_in

_SHORT_ANSWER = 700  # tokens
_TASK_CARD_BYTES = 1500  # besides its goal and fields
_FIELD_BYTES = 120
_TURN_BYTES = (2500, 9000)  # a past program and its feedback
_TURNS = (1, 5)  # past turns in a request, on average and at most
_ANSWER_S = (5.0, 120.0)  # seconds
_GAIN = 6.0  # of the fast trainer over Stable-Baselines3, at most; see benchmarks/README.md


class Range(NamedTuple):
    """A low and a high."""

    low: float
    high: float


class Estimate(NamedTuple):
    """The expected cost of a run; ``usd`` is None where prices are unknown."""

    calls: Range
    tokens: Range
    usd: Range | None
    steps: Range
    minutes: Range


def estimate(plan: Plan, workers: int | None = None, measured: Measured | None = None) -> Estimate:
    """Estimate the requests, tokens, costs, steps and minutes of a run.

    Args:
        workers: concurrent trainings; the number of cores by default.
        measured: the speed of its environment, where that is known.

    Example:
        planned = rs.plan("mountain-car", model="openai/…", options={"rounds": 2})
        rs.estimate(planned).usd  # Range(low, high)
    """
    config, budget = plan.config, plan.config.budget
    paid = config.writer == "model"
    judged = plan.strategy.judge_requests()
    programs = plan.strategy.usual_requests(), plan.strategy.planned_requests()
    calls = Range(*(count + judged for count in programs))
    if budget.calls is not None:
        calls = Range(*(min(count, budget.calls) for count in calls))
    each = _usual(plan), _most(plan)
    tokens, usd = Range(0, 0), Range(0.0, 0.0)
    if paid:
        costs = [plan.prices.cost(usage) for usage in each]
        tokens = Range(*(count * usage.total for count, usage in zip(calls, each, strict=True)))
        tokens = _capped(tokens, budget.tokens)
        usd = Range(*(count * (cost or 0.0) for count, cost in zip(calls, costs, strict=True)))
        usd = _capped(usd, budget.usd)
    steps = _steps(plan)
    return Estimate(
        calls,
        tokens,
        usd if plan.prices.known else None,
        steps,
        _minutes(plan, calls, steps, workers or available_cores(), measured),
    )


def _usual(plan: Plan) -> Usage:
    read = tokens_in("x" * (_first_request_bytes(plan) + _TURNS[0] * _TURN_BYTES[0]))
    return Usage(read, 0, _SHORT_ANSWER, 0, 0)


def _most(plan: Plan) -> Usage:
    read = tokens_in("x" * (_first_request_bytes(plan) + _TURNS[1] * _TURN_BYTES[1]), FEWEST_BYTES)
    return Usage(read, 0, plan.config.max_output_tokens, 0, read)


def _first_request_bytes(plan: Plan) -> int:
    strategy, prompts, spec = plan.config.strategy, plan.prompts, plan.task.spec
    produce = plan.config.produce
    contract = prompts.render("shared/contract", produce=produce, n_actions=None)
    pitfalls = prompts.render("shared/pitfalls", produce=produce)
    system = prompts.render(f"{strategy}/system", contract=contract, pitfalls=pitfalls)
    fields = sum(
        _FIELD_BYTES + len(field.doc.encode()) for field in spec.fields if not field.hidden
    )
    return len(system.encode()) + _TASK_CARD_BYTES + len(spec.goal.encode()) + fields


def _steps(plan: Plan) -> Range:
    each = plan.task.spec.training.steps_taken(plan.config.steps)
    report = 2 * plan.config.report_seeds
    exploits = EXPLOITERS * EXPLOITER_SHARE * plan.config.exploit_search
    least = plan.strategy.trials_per_program() + report + exploits
    steps = Range(round(each * least), plan.most_steps)
    return _capped(steps, plan.config.budget.steps)


def _minutes(
    plan: Plan, calls: Range, steps: Range, workers: int, measured: Measured | None
) -> Range:
    step_s = _seconds_per_step(plan, measured)
    waves = (
        [1.0, 1.0]
        if plan.config.writer != "model"
        else [count / plan.config.llm_at_once for count in calls]
    )
    low = steps.low * step_s.low / workers + waves[0] * _ANSWER_S[0]
    high = steps.high * step_s.high / workers + waves[1] * _ANSWER_S[1]
    return Range(low / 60, high / 60)


def _seconds_per_step(plan: Plan, measured: Measured | None) -> Range:
    """Seconds that one core needs for a step: those of the learner, and of a measured environment.

    The rates of the table are those of both trainers, with a fast environment.
    """
    slow, fast = plan.task.spec.training.capabilities.steps_per_s
    if measured is None:
        return Range(1 / fast, 1 / slow)
    if measured.fast is not None:
        slow, fast = (max(slow, fast / _GAIN), fast) if measured.fast else (slow, fast / _GAIN)
    return Range(1 / fast + measured.step_s, 1 / slow + measured.step_s)


def _capped(found: Range, limit: float | None) -> Range:
    return found if limit is None else Range(min(found.low, limit), min(found.high, limit))
