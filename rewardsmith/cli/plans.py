"""The plan of a run with an estimate of its cost, shown before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.table import Table

from rewardsmith.api.estimate import Estimate, Range
from rewardsmith.api.planning import Plan
from rewardsmith.run.config import RunConfig
from rewardsmith.run.wording import duration, money, number
from rewardsmith.task.spec import FitnessSpec


def plan_table(planned: Plan, expected: Estimate) -> Table:
    """The plan as a table, with the lowest and the highest expected cost."""
    from rewardsmith.sandbox.report import sandbox_report

    config, training = planned.config, planned.task.spec.training
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("task", f"{config.task} ({planned.task.env_id}): {planned.task.goal}")
    table.add_row("fitness", _fitness(planned.task.spec.fitness))
    price = f", {planned.prices.shown}" if config.writer == "model" else ""
    table.add_row("written by", f"{config.written_by}{price}")
    table.add_row("strategy", f"{config.strategy} {_shown(config.options)}")
    table.add_row(
        "trainings",
        f"{_trainings(planned)}, {config.steps:,} training steps each, with {training.algorithm}; "
        "evaluation takes further steps",
    )
    table.add_row("expected", _expected(planned, expected))
    limits = {
        name: value for name, value in config.budget.model_dump().items() if value is not None
    }
    table.add_row("budget", _shown(limits) or "no limit")
    table.add_row("sandbox", sandbox_report().level)
    return table


def _fitness(fitness: FitnessSpec) -> str:
    """What success is measured by; a warning if it is the reward that is to be replaced."""
    solved = f"; solved from {number(fitness.solved)}" if fitness.solved is not None else ""
    if fitness.source != "native_return":
        return f"{fitness.doc or fitness.source}{solved}"
    return (
        f"the return of the environment's own reward{solved}. If you distrust that reward, name "
        "another fitness: --fitness 'info[\"key\"]', or a function in a task of your own "
        "(rewardsmith tasks new)"
    )


@dataclass(frozen=True)
class PlanRecord:
    """A plan for ``--json``; ``expected`` has the bounds of each quantity of the estimate."""

    config: RunConfig
    price: str
    expected: dict[str, dict[str, float] | None]
    requests_at_most: int
    trainings_at_most: int
    training_steps_at_most: int


def plan_record(planned: Plan, expected: Estimate) -> PlanRecord:
    """The plan as a record."""
    bounds = {
        name: None if found is None else found._asdict()
        for name, found in expected._asdict().items()
    }
    return PlanRecord(
        config=planned.config,
        price=planned.prices.shown,
        expected=bounds,
        requests_at_most=planned.strategy.planned_requests() + planned.strategy.judge_requests(),
        trainings_at_most=planned.strategy.planned_trials() + sum(planned.closing),
        training_steps_at_most=planned.most_steps,
    )


def _trainings(planned: Plan) -> str:
    looks, (deciding, report, exploiters, transfer) = planned.config.looks, planned.closing
    lead = f", at most {deciding} to decide which program leads" if deciding else ""
    final = f"{report // looks} for the report (at most {looks} times)" if report else "no report"
    short = f", at most {exploiters} short ones to search for exploits" if exploiters else ""
    other = f", {transfer} with {planned.config.also}" if transfer else ""
    return f"at most {planned.strategy.planned_trials()} in the search{lead}, {final}{short}{other}"


def _expected(planned: Plan, expected: Estimate) -> str:
    parts = [f"{_between(expected.calls)} requests"]
    if planned.config.writer == "model":
        parts += [f"{_between(expected.tokens)} tokens", _dollars(expected.usd)]
    low, high = (duration(60 * minutes) for minutes in expected.minutes)
    return ", ".join([*parts, f"{_between(expected.steps)} training steps, {low} to {high}"])


def _dollars(found: Range | None) -> str:
    return "price unknown" if found is None else f"{money(found.low)} to {money(found.high)}"


def _between(found: Range) -> str:
    low, high = (f"{_round(number):,}" for number in found)
    return low if low == high else f"{low} to {high}"


def _round(number: float) -> int:
    """Rounded to two digits, as precise as the estimate is."""
    digits = len(str(int(number))) - 2
    return int(round(number, -digits)) if digits > 0 else int(number)


def _shown(values: Mapping[str, object]) -> str:
    return " ".join(
        f"{name}={value:,}" if isinstance(value, int) else f"{name}={value}"
        for name, value in values.items()
    )
