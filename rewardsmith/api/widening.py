"""What a resumed run is given in addition: larger budgets, further rounds, more report seeds."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from rewardsmith.engine.closing import EXTENDABLE
from rewardsmith.engine.gate import current_budget
from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.run.config import RunConfig
from rewardsmith.run.settings import Budget
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import Widened
from rewardsmith.strategy.making import strategy_of


def widened(
    config: RunConfig, state: RunState, rounds: int, report_seeds: int | None
) -> Widened | None:
    """The event of further rounds and report seeds; None for neither.

    Raises:
        UsageError: there are fewer seeds than before, or the run can have no further round.
    """
    if report_seeds and not state.has_fitness:
        raise UsageError(
            "a report compares fitness, and the task has none",
            "let judges compare more programs: resume with --rounds",
        )
    before = state.report_seeds or config.report_seeds
    if rounds < 0 or (report_seeds is not None and report_seeds < before):
        raise UsageError(
            f"a run can only be given more: {report_seeds} report seeds after {before}, "
            f"{rounds} further rounds",
            "give larger numbers",
        )
    if rounds and config.writer not in EXTENDABLE:
        raise UsageError(
            "the replies of this run are recorded, so it can have no further round",
            "start a new run with a model",
        )
    return Widened(rounds=rounds, report_seeds=report_seeds) if rounds or report_seeds else None


def check_feedback_is_read(name: str, config: RunConfig) -> None:
    """Refuse feedback in words where no writer would read it.

    Raises:
        UsageError: the strategy takes no comments.
    """
    if not strategy_of(config).takes_comments:
        raise UsageError(
            f"the strategy {config.strategy} learns from comparisons, and reads no feedback",
            f"say which behaviour is better: rewardsmith label {name}",
        )


def raised_budget(config: RunConfig, state: RunState, budget: Mapping[str, float]) -> Budget:
    """New limits of the budget.

    Raises:
        UsageError: a limit is unknown, or not larger than before.
    """
    unknown = sorted(set(budget) - set(Budget.model_fields))
    if unknown:
        raise UsageError(
            f"there is no budget of {unknown[0]!r}",
            did_you_mean(unknown[0], Budget.model_fields),
        )
    before = current_budget(config, state)
    for name, limit in budget.items():
        was = getattr(before, name)
        if limit <= 0 or (was is not None and limit < was):
            raise UsageError(
                f"a budget can only be raised: {name} from {was} to {limit}",
                "give a larger one",
            )
    return _limits(budget)


def _limits(budget: Mapping[str, float]) -> Budget:
    try:
        return Budget.model_validate(budget)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(f"budget of {name}: {first['msg']}", "give a whole number") from None
