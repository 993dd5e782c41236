"""The built-in strategies keep the contract of a strategy, and broken ones fail it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import Field

from rewardsmith.run.orders import Order, Stop, Train, Write
from rewardsmith.run.state import RunState
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.making import strategy_class
from rewardsmith.strategy.rounds import InRounds, RoundOptions
from rewardsmith.testing import StrategyContract
from rewardsmith.types import Slot
from tests.support.contracts import failure

SMALL: dict[str, dict[str, Any]] = {
    "evolve": {"rounds": 3, "samples": 3, "seeds": 2},
    "eureka": {"rounds": 3, "samples": 2, "screen": "pairs"},
}


@pytest.mark.parametrize("name", STRATEGIES.names())
class TestBuiltIn(StrategyContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name: str) -> None:
        self.name, self.options = name, SMALL.get(name, {})  # type: ignore[misc]

    def strategy(self) -> type[Any]:
        return strategy_class(self.name)


class Undocumented(InRounds[RoundOptions]):
    """Its option is described nowhere."""

    class Options(RoundOptions):
        """Options."""

        zeal: float = Field(1.0, ge=0)


class Forgiving(InRounds[RoundOptions]):
    """It takes options that it does not have."""

    class Options(RoundOptions, extra="ignore"):
        """Options."""


class Meddling(InRounds[RoundOptions]):
    """It notes its decision in the state."""

    def plan(self, state: RunState) -> Sequence[Order]:
        state.requests += 1
        return super().plan(state)


class Remembering(InRounds[RoundOptions]):
    """It counts how often it was asked."""

    asked = 0

    def plan(self, state: RunState) -> Sequence[Order]:
        self.asked += 1
        return [Stop("asked often")] if self.asked > 4 else super().plan(state)


class Hasty(InRounds[RoundOptions]):
    """It prefers the program whose reply came first."""

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        first = next(iter(state.programs), None)
        left = [] if (first, 0, "selection") in state.trials else [0]
        return [Train(first, (0,), "selection", 1)] if first and left else []


class Repeating(InRounds[RoundOptions]):
    """It trains every seed again until all have a result."""

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        seeds = (0, 1)
        missing = [
            program
            for program in state.programs
            if not all((program, seed, "selection") in state.trials for seed in seeds)
        ]
        return [Train(program, seeds, "selection", 1) for program in missing]


class Inventing(InRounds[RoundOptions]):
    """It trains a program that was never written."""

    def orders(self, state: RunState, number: int) -> Sequence[Order]:
        done = ("another", 0, "selection") in state.trials
        return [] if done else [Train("another", (0,), "selection", 1)]


class Endless(InRounds[RoundOptions]):
    """It always asks for one more program."""

    def plan(self, state: RunState) -> Sequence[Order]:
        return [Write(Slot(len(state.slots), 0))]


class Modest(InRounds[RoundOptions]):
    """It estimates fewer requests than it makes."""

    def planned_requests(self) -> int:
        return 1


class Misspelt(InRounds[RoundOptions]):
    """Its folder of templates has another name."""

    prompts: ClassVar[Path | None] = Path(__file__).parent


class Broken(StrategyContract):
    options: ClassVar[dict[str, Any]] = {"samples": 3}

    def __init__(self, strategy: type[Any]) -> None:
        self._strategy = strategy

    def strategy(self) -> type[Any]:
        return self._strategy


@pytest.mark.parametrize(
    ("strategy", "test", "message"),
    [
        (
            Undocumented,
            "its_options_are_documented_and_checked",
            "description of the option 'zeal'",
        ),
        (Forgiving, "its_options_are_documented_and_checked", "UsageError for an unknown option"),
        (Meddling, "planning_changes_nothing_and_remembers_nothing", r"same state after plan\(\)"),
        (Remembering, "planning_changes_nothing_and_remembers_nothing", "orders from the same"),
        (Hasty, "the_order_of_arrival_does_not_matter", "results in another order"),
        (Repeating, "a_run_that_was_interrupted_comes_to_the_same_end", "when the run is"),
        (Repeating, "orders_ask_for_what_is_missing_and_exists", "seeds without a trial"),
        (Inventing, "orders_ask_for_what_is_missing_and_exists", "found another"),
        (Modest, "estimates_are_not_exceeded", "at most 1, as planned_requests"),
        (Misspelt, "its_prompts_exist_and_render", "templates in .*misspelt, found none"),
    ],
)
def test_a_broken_strategy_fails(strategy: type[Any], test: str, message: str) -> None:
    failure(Broken(strategy), test, match=message)


def test_a_strategy_that_does_not_stop_is_stopped() -> None:
    with pytest.raises(RuntimeError, match="did not stop within 500 waves"):
        Broken(Endless).test_estimates_are_not_exceeded()
