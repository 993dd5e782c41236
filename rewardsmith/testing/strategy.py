"""What rewardsmith relies on in a strategy."""

from __future__ import annotations

import inspect
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar

from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import UsageError
from rewardsmith.llm.prompts import Prompts
from rewardsmith.program import NATIVE
from rewardsmith.run.events import Replied, Trained, fold
from rewardsmith.run.orders import Compare, Learn, Order, Screen, Stop, Train, Write
from rewardsmith.run.settings import validated
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import Strategy, StrategyOptions
from rewardsmith.testing.expectations import expect, expect_error
from rewardsmith.testing.simulation import Chance, play
from rewardsmith.testing.toy import toy_task
from rewardsmith.writers.conversation import PastTurn, Template, compose

_RUNS = 12  # simulated runs of a test
_CUTS = 6  # interruptions of a simulated run
_STEPS = 1000
_TEMPLATES: tuple[Template, ...] = ("reflect", "reconsider", "repair", "failed_round")


class StrategyContract(ABC):
    """Tests of a strategy, see :class:`rewardsmith.strategy.base.Strategy`.

    Class attributes:
        name: under which it is registered; by default that of the class, in small letters.
        options: in place of its defaults, e.g. for smaller runs.
    """

    name: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def strategy(self) -> type[Strategy[Any]]:
        """The class of the strategy."""

    def test_its_options_are_documented_and_checked(self) -> None:
        options = self.strategy().Options
        derived = issubclass(options, StrategyOptions)
        expect(derived, "a subclass of StrategyOptions", options, "let Options inherit from it")
        text = "\n".join(inspect.cleandoc(cls.__doc__ or "") for cls in options.__mro__)
        for option in options.model_fields:
            hint = "describe it in the docstring of Options, under Attributes"
            expect(option in text, f"a description of the option {option!r}", "none", hint)
        expect_error(
            UsageError,
            lambda: validated(options, {"no_such_option": 1}, "it has no option"),
            "for an unknown option",
            'keep extra="forbid" in the model_config of Options',
        )

    def test_planning_changes_nothing_and_remembers_nothing(self) -> None:
        for seed in range(_RUNS):
            strategy = self._made()
            events, _ = play(strategy, Chance(seed))
            for end in range(0, len(events) + 1, max(1, len(events) // _CUTS)):
                state = fold(events[:end])
                before = deepcopy(state)
                orders = strategy.plan(state)
                expect(state == before, "the same state after plan()", state, "do not change it")
                expect(
                    orders == self._made().plan(before) == strategy.plan(before),
                    "the same orders from the same state",
                    f"others than {orders}",
                    "keep nothing in the object, and draw with a seed from the options",
                )

    def test_the_order_of_arrival_does_not_matter(self) -> None:
        for seed in range(_RUNS):
            _, waves = play(self._made(), Chance(seed))
            _, others = play(self._made(), Chance(seed), random.Random(seed).shuffle)
            pairs = zip(waves, others, strict=False)
            one, other = next((pair for pair in pairs if pair[0] != pair[1]), ([], []))
            expect(
                waves == others,
                f"the orders {one}",
                f"{other} after the same results in another order",
                "decide by the set of a round's results, e.g. by slot and not by time",
            )

    def test_a_run_that_was_interrupted_comes_to_the_same_end(self) -> None:
        for seed in range(_RUNS):
            events, _ = play(self._made(), Chance(seed))
            for end in range(0, len(events), max(1, len(events) // _CUTS)):
                if end and isinstance(events[end - 1], Replied):
                    continue  # its reply is checked before the strategy is asked again
                resumed, _ = play(self._made(), Chance(seed), events=events[:end])
                expect(
                    Counter(map(repr, resumed)) == Counter(map(repr, events)),
                    f"the same results when the run is interrupted after {end} events",
                    f"{len(resumed)} results in place of {len(events)}, or other ones",
                    "return only the orders whose results are missing",
                )

    def test_orders_ask_for_what_is_missing_and_exists(self) -> None:
        for seed in range(_RUNS):
            events, _ = play(self._made(), Chance(seed))
            for end in range(len(events) + 1):
                state = fold(events[:end])
                orders = self._made().plan(state)
                expect(
                    orders, "an order, at least Stop", "none", "return [Stop(reason)] at the end"
                )
                for order in orders:
                    _check_order(order, orders, state)

    def test_estimates_are_not_exceeded(self) -> None:
        for seed in range(_RUNS):
            strategy = self._made()
            events, _ = play(strategy, Chance(seed))
            estimates = {
                "planned_requests": (strategy.planned_requests(), Replied),
                "planned_trials": (strategy.planned_trials(), Trained),
            }
            for method, (most, kind) in estimates.items():
                found = sum(isinstance(event, kind) for event in events)
                hint = f"{method}() is the most of them in any run: budgets are estimated with it"
                expect(found <= most, f"at most {most}, as {method}() says", found, hint)

    def test_its_prompts_exist_and_render(self) -> None:
        cls = self.strategy()
        name = self.name or cls.__name__.lower()
        own = () if cls.prompts is None else (cls.prompts,)
        prompts = Prompts(Prompts().folder, *own)
        for folder in own:
            found = [path.stem for path in (folder / name).glob("*.md.j2")]
            expect(found, f"templates in {folder / name}", "none", "or leave prompts unset")
        task = toy_task()
        past = [PastTurn("(a program)", template, ()) for template in _TEMPLATES]
        found_there = collect_preflight(task).report
        conversation = compose(prompts, name, task.spec, found_there, _STEPS, past)
        texts = [conversation.system, *(said.content for said in conversation.messages)]
        expect(all(texts), "a text in each message", "an empty one", "write the templates")

    def _made(self) -> Strategy[Any]:
        cls = self.strategy()
        return cls(cls.Options(**self.options), _STEPS)


def _check_order(order: Order, orders: Sequence[Order], state: RunState) -> None:
    """What an order names must exist, and its result must be missing."""
    if isinstance(order, Stop):
        expect(len(orders) == 1, "Stop alone", f"{orders}", "return it when nothing is left")
    elif isinstance(order, Write):
        new = order.slot not in state.slots
        expect(new, "a slot without a reply", order.slot, "ask for each slot once")
        known = {slot.program for slot in state.slots.values()}
        shown = {*order.parents} <= known
        expect(shown, f"turns with programs of {known}", order.parents, "show what exists")
    elif isinstance(order, Compare):
        new = order.round not in state.compared
        expect(new, "a round without answers", order.round, "compare once in a round")
    elif isinstance(order, Learn):
        new = order.round not in state.learned
        expect(new, "a round without a learned reward", order.round, "learn once in a round")
    else:
        known = {*state.programs, NATIVE} if isinstance(order, Train) else {*state.programs}
        hint = "order it for the ids of accepted programs only"
        expect(order.program in known, f"a program of {known}", order.program, hint)
    if isinstance(order, Train):
        done = [s for s in order.seeds if (order.program, s, order.rung) in state.trials]
        missing = bool(order.seeds) and not done
        expect(missing, "seeds without a trial", order.seeds, "train each seed once")
    if isinstance(order, Screen):
        new = order.program not in state.screens
        expect(new, "a program without a screening", order.program, "screen a program once")
