"""Decisions of evolution on hand-made events; nothing is run."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rewardsmith.run.event import Event
from rewardsmith.run.events import ExploitsSearched, Trained, fold
from rewardsmith.run.orders import Order, Screen, Stop, Train, Turn, Write
from rewardsmith.run.outcomes import ExploitState
from rewardsmith.run.state import RunState
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.evolve import Evolve, EvolveOptions
from rewardsmith.testing import simulation
from tests.support.plays import Scores, Verdicts, carry_out, play, retrained, trains, writes

NAMES = [f"p{number}" for number in range(12)]
MANY: Verdicts = {(number // 4, number % 4): name for number, name in enumerate(NAMES)}
FAIR: Scores = {name: 0.01 * number for number, name in enumerate(NAMES)}  # none solves it


def evolve(**options: float) -> Evolve:
    given = {"rounds": 3, "samples": 4, "repairs": 0, "seeds": 3, **options}
    return Evolve(EvolveOptions.model_validate(given), 100)


def succeeding(events: list[Event], rate: float) -> list[Event]:
    """The same with this success rate of every trial."""
    return [retrained(e, success_rate=rate) if isinstance(e, Trained) else e for e in events]


def test_all_are_tried_once_and_the_last_leader_proves_itself_if_it_succeeds_at_times() -> None:
    strategy = evolve()
    events, waves = play(strategy, MANY, FAIR)
    trained = [trains(wave) for wave in waves if isinstance(wave[0], Train)]
    assert trained == [dict.fromkeys(NAMES[i : i + 4], (0,)) for i in (0, 4, 8)]
    assert trains(strategy.plan(fold(succeeding(events, 0.1)))) == {"p11": (1, 2)}
    assert {order.steps for wave in waves for order in wave if isinstance(order, Train)} == {
        50
    }  # half of them
    assert waves[-1] == [Stop("all rounds are done")]


def test_a_leader_by_luck_gives_way() -> None:
    strategy, verdicts = evolve(rounds=1, samples=2, seeds=2), {(0, 0): "lucky", (0, 1): "steady"}
    events, _ = play(strategy, verdicts, {"lucky": 0.9, "steady": 0.8})
    events = succeeding(events, 0.5)
    assert trains(strategy.plan(fold(events))) == {"lucky": (1,)}
    worse = succeeding([simulation.trained("lucky", 1, 0.1)], 0.5)
    assert trains(strategy.plan(fold([*events, *worse]))) == {"steady": (1,)}


def test_after_a_proof_that_failed_the_hardest_seed_comes_first() -> None:
    def scored(event: Event) -> Event:
        """All that work at all solve seed 0; nothing but p5 solves seed 2."""
        if not isinstance(event, Trained) or event.trial.program in ("p0", "p5"):
            return event
        fitness = 0.3 if event.trial.seed == 2 else 1.5
        return retrained(event, fitness=fitness, success_rate=float(fitness > 1))

    strategy, waves, events = evolve(), list[list[Order]](), list[Event]()
    while not waves or not isinstance(waves[-1][0], Stop):
        waves.append(list(strategy.plan(fold(events))))
        if not isinstance(waves[-1][0], Stop):
            chains = [
                chain
                for order in waves[-1]
                for chain in carry_out(order, MANY, {**FAIR, "p5": 1.6})
            ]
            events += [scored(event) for chain in chains for event in chain]
    trained = [trains(wave) for wave in waves if isinstance(wave[0], Train)]
    assert trained[0] == dict.fromkeys(NAMES[:4], (0,))
    leader = next(iter(trained[1]))
    assert trained[1] == {leader: (1, 2)}  # where nothing is known yet, it is tried on all others
    assert (
        set(trained[2].values()) == {(2,)} and leader not in trained[2]
    )  # the others on the hardest, and it alone
    assert dict.fromkeys(NAMES[4:8], (2,)) in trained  # and the next round too
    assert trained[-1] == {"p5": (0, 1)}


def test_it_ends_when_the_leader_is_proven_on_every_seed() -> None:
    _, waves = play(evolve(), MANY, {**FAIR, "p2": 1.5})
    assert [trains(wave) for wave in waves if isinstance(wave[0], Train)][1:] == [{"p2": (1, 2)}]
    assert waves[-1] == [Stop("the best program solves the task on every seed")]


def test_a_leader_suspected_of_rewarding_going_on_does_not_end_the_search() -> None:
    """p2 solves it on every seed, but is suspected of rewarding never arriving: the search goes on."""
    scores = {**FAIR, "p2": 1.5, "p5": 1.48}
    _, waves = play(evolve(), MANY, scores, suspects=frozenset({"p2"}))
    screens = [order.program for wave in waves for order in wave if isinstance(order, Screen)]
    assert screens == ["p2", "p5"]
    asked = [writes(wave) for wave in waves if isinstance(wave[0], Write)]
    assert len(asked) == 2, "one more round, and none after the sound one"
    assert waves[-1] == [Stop("the best program solves the task on every seed")]


def test_a_suspect_leads_only_by_a_margin() -> None:
    events, _ = play(evolve(), MANY, {**FAIR, "p2": 1.5, "p5": 1.48}, suspects=frozenset({"p2"}))
    assert fold(events).ranked()[:2] == ["p5", "p2"]
    events, _ = play(evolve(), MANY, {**FAIR, "p2": 1.5, "p5": 1.2}, suspects=frozenset({"p2"}))
    assert fold(events).ranked()[:2] == ["p2", "p5"]


def test_almost_always_is_enough_and_less_is_not() -> None:
    strategy = evolve()
    events, _ = play(strategy, MANY, {**FAIR, "p2": 1.5})

    def with_last_rate(rate: float) -> list[Event]:
        """Of three seeds of the leader the last one solves so many episodes."""
        return [
            retrained(e, success_rate=rate) if isinstance(e, Trained) and e.trial.seed == 2 else e
            for e in events
        ]

    assert strategy.plan(fold(with_last_rate(0.9)))[0] == Stop(
        "the best program solves the task on every seed"
    )
    assert isinstance(strategy.plan(fold(with_last_rate(0.8)))[0], Write)  # 0.933 of 0.95


def test_parents_are_of_earlier_rounds_and_drawn_by_the_seed() -> None:
    def parents(seed: int) -> dict[tuple[int, ...], tuple[str | None, ...]]:
        _, waves = play(evolve(samples=4, seed=seed, fresh=0.2), MANY, FAIR)
        asked = [writes(wave) for wave in waves if isinstance(wave[0], Write)]
        return {
            slot: tuple(turn.program for turn in turns)
            for wave in asked
            for slot, turns in wave.items()
        }

    found = parents(0)
    assert found == parents(0) != parents(1)
    assert all(found[0, sample, 0] == () for sample in range(4))
    later = {slot: chosen for slot, chosen in found.items() if slot[0] > 0}
    assert all(set(chosen) <= set(NAMES[: 4 * slot[0]]) for slot, chosen in later.items())
    everywhere = [parents(seed) for seed in range(30)]
    assert {len(chosen) for each in everywhere for slot, chosen in each.items() if slot[0] > 0} == {
        0,
        1,
        2,
    }


def test_the_better_of_two_parents_comes_last() -> None:
    for seed in range(30):
        _, waves = play(evolve(fresh=0, mutated=0, seed=seed), MANY, FAIR)
        for wave in waves:
            for turns in writes(wave).values() if isinstance(wave[0], Write) else ():
                scores = [FAIR[str(turn.program)] or 0.0 for turn in turns]
                assert scores == sorted(scores)


def test_of_programs_that_end_alike_only_the_first_is_a_parent() -> None:
    for seed in range(20):
        _, waves = play(evolve(fresh=0, seed=seed), MANY, {**dict.fromkeys(NAMES, 0.2), "p3": 0.1})
        chosen = {
            turn.program
            for wave in waves
            if isinstance(wave[0], Write)
            for t in writes(wave).values()
            for turn in t
        }
        assert chosen <= {"p0", "p3"}


def test_without_a_score_everything_is_new() -> None:
    _, waves = play(evolve(fresh=0), MANY, {})
    assert all(
        turns == ()
        for wave in waves
        if isinstance(wave[0], Write)
        for turns in writes(wave).values()
    )


def test_what_is_planned_is_not_exceeded() -> None:
    strategy = evolve(repairs=1)
    events, waves = play(strategy, {**MANY, (0, 0): "!x"}, FAIR)
    assert sum(event.kind == "replied" for event in events) <= strategy.planned_requests()
    assert sum(event.kind == "trained" for event in events) <= strategy.planned_trials()
    assert strategy.plan(RunState()) == waves[0]


def test_options_are_checked() -> None:
    assert STRATEGIES.get("evolve") is Evolve
    below = {
        "rounds": 0,
        "samples": 0,
        "seeds": 0,
        "fresh": -0.1,
        "tournament": 0,
        "enough": 0,
        "seed": -1,
    }
    for wrong in (
        *({name: value} for name, value in below.items()),
        {"fresh": 1.5},
        {"enough": 1.1},
    ):
        with pytest.raises(ValidationError):
            EvolveOptions.model_validate(wrong)


def test_the_first_request_of_a_round_shows_the_smallest_exploit() -> None:
    """Of the programs that often succeed."""
    strategy, events = evolve(), list[Event]()
    while not writes_of_round(strategy, events, 1):
        for order in strategy.plan(fold(events)):
            events += [e for chain in carry_out(order, MANY, FAIR) for e in chain]
    margins = {"p0": -3.0, "p1": -0.5, "p2": -0.2}
    found = [
        ExploitsSearched(found=ExploitState(program=name, verdict="exploited", margin=margin))
        for name, margin in margins.items()
    ]
    rare = [
        retrained(e, success_rate=0.4) if is_of(e, "p2") else e for e in succeeding(events, 0.6)
    ]
    turns = writes_of_round(strategy, [*rare, *found], 1)
    assert [turn.program for turn in turns[1, 0, 0]] == ["p1"]
    assert "exploit" in turns[1, 0, 0][0].feedback


def test_every_second_request_shows_parents_without_a_known_exploit() -> None:
    """p3 has the highest score and an exploit."""
    strategy, events = evolve(fresh=0.0, mutated=1.0, elite=4, tournament=1), list[Event]()
    while not writes_of_round(strategy, events, 1):
        for order in strategy.plan(fold(events)):
            events += [e for chain in carry_out(order, MANY, FAIR) for e in chain]
    found = ExploitsSearched(found=ExploitState(program="p3", verdict="exploited", margin=-1.0))
    chosen = set[tuple[int, str | None]]()
    for seed in range(20):
        drawing = evolve(fresh=0.0, mutated=1.0, elite=4, tournament=1, seed=seed)
        turns = writes_of_round(drawing, [*events, found], 1)
        chosen |= {(slot[1] % 2, turn.program) for slot, past in turns.items() for turn in past}
    assert {program for odd, program in chosen if odd} == {"p0", "p1", "p2"}
    assert {program for odd, program in chosen if not odd} == {"p0", "p1", "p2", "p3"}


def is_of(event: Event, program: str) -> bool:
    return isinstance(event, Trained) and event.trial.program == program


def writes_of_round(
    strategy: Evolve, events: list[Event], number: int
) -> dict[tuple[int, ...], tuple[Turn, ...]]:
    """The requests that are planned, if they are of this round."""
    orders = [order for order in strategy.plan(fold(events)) if isinstance(order, Write)]
    return writes([order for order in orders if order.slot.round == number])
