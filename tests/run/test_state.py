"""Scores of a folded state for incomplete trials."""

from __future__ import annotations

from typing import Any

from rewardsmith.run.event import Event
from rewardsmith.run.events import (
    Admitted,
    Checked,
    Derived,
    ExploitsSearched,
    Exported,
    Refused,
    Replied,
    Resumed,
    Screened,
    Trained,
    fold,
)
from rewardsmith.run.outcomes import ExploitState, ScreenState, TrialState
from rewardsmith.run.state import RunState
from rewardsmith.strategy.eureka import Eureka, EurekaOptions
from rewardsmith.types import Slot
from rewardsmith.writers.feedback.best import best_so_far
from rewardsmith.writers.feedback.records import BestProgram
from tests.support.preflights import preflight


def admitted(*trials: tuple[str, int]) -> Admitted:
    return Admitted(trials=tuple(((program, seed, "selection"), 1000) for program, seed in trials))


def trained(program: str, seed: int, fitness: float | None, status: Any = "finished") -> Trained:
    trial = TrialState(program=program, seed=seed, rung="selection", status=status, fitness=fitness)
    return Trained(trial=trial)


def accepted(program: str, sample: int) -> list[Event]:
    slot = Slot(0, sample)
    return [
        Replied(slot=slot, request="r", occurrence=sample),
        Checked(slot=slot, program=program, accepted=True, outcome="code", findings=()),
    ]


def test_a_program_has_no_score_until_every_seed_that_was_begun_is_there() -> None:
    events = [*accepted("p", 0), admitted(("p", 0), ("p", 1)), trained("p", 0, 9.0)]
    assert fold(events).score("p") is None
    score = fold([*events, trained("p", 1, 5.0)]).score("p")
    assert score is not None and (score.mean, score.n) == (7.0, 2)


def test_a_failed_seed_that_is_owed_again_gives_no_score_meanwhile() -> None:
    lucky = [*accepted("p", 0), *accepted("q", 1), admitted(("p", 0), ("p", 1), ("q", 0), ("q", 1))]
    lucky += [
        trained("p", 0, 5.0),
        trained("p", 1, 5.0),
        trained("q", 0, 9.0),
        trained("q", 1, None, "failed"),
    ]
    for events in (lucky, [*lucky, Resumed()]):
        assert fold(events).ranked() == ["p"]


def test_new_results_make_an_export_stale() -> None:
    exported = [trained("p", 0, 1.0), Exported(program="p")]
    assert fold(exported).exported == "p"
    assert fold([*exported, trained("p", 1, 0.0)]).exported is None


def test_eureka_ends_in_order_when_the_budget_refuses_early() -> None:
    options = EurekaOptions(rounds=6, samples=1, seeds=1, history=1)
    events = [
        *accepted("p", 0),
        admitted(("p", 0)),
        trained("p", 0, 1.0),
        Refused(reason="tokens"),
    ]
    state: RunState = fold(events)
    assert state.refused is not None
    assert [type(order).__name__ for order in Eureka(options, 100).plan(state)] == ["Stop"]


def conversation(suspected: str = "", **fitness: float) -> RunState:
    """Programs of one round each, by their fitness; random behaviour has 0."""
    events = [event for place, name in enumerate(fitness) for event in accepted(name, place)]
    events += [trained(name, 0, value) for name, value in fitness.items()]
    if suspected:
        found = ScreenState(program=suspected, verdict="passed", concerns=("RS503",))
        events.append(Screened(screen=found))
    state = fold(events)
    state.preflight = preflight(random_fitness=(0.0,))
    return state


def test_the_best_program_of_a_conversation_is_named_by_its_place() -> None:
    state = conversation(a=0.9, b=0.2, c=0.95)
    assert best_so_far(state, "a", ["a"]) == BestProgram(), "the only one is no best"
    named = BestProgram(best_answer=2, best_elsewhere=0.9)
    assert best_so_far(state, "b", [None, "a", "b"]) == named, (
        "an answer without a program has a place, too"
    )
    assert best_so_far(state, "untrained", ["untrained", "a", "untrained"]) == named
    assert best_so_far(state, "c", ["a", "b", "c"]) == BestProgram(is_best=True)


def test_the_best_program_is_the_one_that_would_be_selected() -> None:
    """A program suspected of rewarding never arriving must lead clearly: 0.9 does not beat 0.88 then."""
    shown = ["a", "b", "c"]
    assert best_so_far(conversation(a=0.9, b=0.88, c=0.1), "c", shown).best_answer == 1
    state = conversation(suspected="a", a=0.9, b=0.88, c=0.1)
    assert best_so_far(state, "c", shown) == BestProgram(best_answer=2, best_elsewhere=0.88)
    assert state.ranked()[0] == "b" and best_so_far(state, "a", ["b", "a"]) == BestProgram()


def test_an_exploit_counts_although_every_lower_bound_is_below_the_random_policy() -> None:
    """By the lower bounds alone, the best program is no way above the random policy."""
    events = [*accepted("sound", 0), *accepted("exploited", 1)]
    events += [trained("sound", seed, value) for seed, value in enumerate((0.0, 0.9))]
    events += [trained("exploited", seed, value) for seed, value in enumerate((0.2, 0.9))]
    found = ExploitState(program="exploited", verdict="exploited", margin=-1.0)
    state = fold([*events, ExploitsSearched(found=found)])
    state.preflight = preflight(random_fitness=(0.0,))
    assert state.ranked() == state.standing() == ["sound", "exploited"]


def test_a_derived_program_has_a_size() -> None:
    """Without one, it would be the simplest of all tied programs."""
    derived = Derived(whole="p", kept=("reward",), program="q", seal="s", size=7)
    assert fold([*accepted("p", 0), derived]).sizes["q"] == 7
