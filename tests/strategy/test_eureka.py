"""Decisions of Eureka on hand-made events; nothing is run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rewardsmith.journal import JsonLines
from rewardsmith.run.event_log import EventLog
from rewardsmith.run.events import Checked, Resumed, fold
from rewardsmith.run.orders import Stop, Train, Turn, Write
from rewardsmith.run.state import RunState
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.eureka import Eureka, EurekaOptions
from rewardsmith.types import Slot
from tests.support.plays import (
    Scores,
    Verdicts,
    carry_out,
    checked,
    play,
    replied,
    trained,
    trains,
    writes,
)


def eureka(**options: int) -> Eureka:
    return Eureka(
        EurekaOptions(**{"rounds": 2, "samples": 2, "repairs": 1, "seeds": 1, **options}), 100
    )


GOOD: Verdicts = {(0, 0): "poor", (0, 1): "good", (1, 0): "fair", (1, 1): "bad"}
SCORES: Scores = {"poor": 1.0, "good": 5.0, "fair": 3.0, "bad": -7.0}


def test_the_way_of_a_run() -> None:
    events, waves = play(eureka(), GOOD, SCORES)
    assert writes(waves[0]) == {(0, 0, 0): (), (0, 1, 0): ()}
    assert trains(waves[1]) == {"poor": (0,), "good": (0,)}
    assert waves[1][0] == Train("poor", (0,), "selection", 100)
    lesson = (Turn("good", ("process", "trajectory"), Slot(0, 1)),)
    assert writes(waves[2]) == {(1, 0, 0): lesson, (1, 1, 0): lesson}
    assert trains(waves[3]) == {"fair": (0,), "bad": (0,)}
    assert waves[4] == [Stop("all rounds are done")]
    assert fold(events).ranked() == ["good", "fair", "poor", "bad"]


def test_a_reply_without_code_shifts_nothing() -> None:
    """Eureka's released code credits the programs after it with their neighbours' results."""
    events, waves = play(
        eureka(repairs=0, samples=3), {(0, 0): None, (0, 1): "a", (0, 2): "b"}, {"a": 1.0, "b": 2.0}
    )
    assert trains(waves[1]) == {"a": (0,), "b": (0,)}
    state = fold(events)
    assert state.ranked() == ["b", "a"]
    assert (state.programs["a"], state.programs["b"]) == (Slot(0, 1), Slot(0, 2))
    assert writes(waves[2])[1, 0, 0] == (Turn("b", ("process", "trajectory"), Slot(0, 2)),)


def test_a_failed_round_sends_its_findings() -> None:
    events, waves = play(eureka(repairs=0), {(0, 0): "!a", (0, 1): None, (1, 0): "b"}, {"b": 0.0})
    assert writes(waves[1])[1, 1, 0] == (Turn(None, ("failed_round",), Slot(0, 1)),)
    assert trains(waves[2]) == {"b": (0,)}
    assert [len(slot.findings) for slot in fold(events).round_slots(0)] == [1, 1]


def test_repairs_wait_for_the_wave() -> None:
    strategy = eureka()
    first, second = Slot(0, 0), Slot(0, 1)
    events = [replied(first), checked(first, "!a")]
    assert writes(strategy.plan(fold(events))) == {
        (0, 1, 0): ()
    }  # not the repair, although it could be asked now
    events += [replied(second), checked(second, None)]
    assert writes(strategy.plan(fold(events))) == {
        (0, 0, 1): (Turn("!a", ("findings",), first),),
        (0, 1, 1): (Turn(None, ("findings",), second),),
    }


def test_repairs_are_bounded_and_see_all_that_was_tried() -> None:
    _, waves = play(
        eureka(samples=1, rounds=1, repairs=2), {(0, 0): "!a", (0, 0, 1): "!b", (0, 0, 2): "!c"}, {}
    )
    assert [list(writes(wave)) for wave in waves[:-1]] == [[(0, 0, 0)], [(0, 0, 1)], [(0, 0, 2)]]
    assert [turn.program for turn in writes(waves[2])[0, 0, 2]] == ["!a", "!b"]
    assert isinstance(waves[-1][0], Stop)


def test_what_was_repaired_is_not_asked_again() -> None:
    _, waves = play(
        eureka(rounds=1, repairs=3),
        {(0, 0): "!a", (0, 0, 1): "b", (0, 1): "c"},
        {"b": 1.0, "c": 2.0},
    )
    assert [sorted(writes(wave)) for wave in waves[:2]] == [[(0, 0, 0), (0, 1, 0)], [(0, 0, 1)]]
    assert set(trains(waves[2])) == {"b", "c"}


def test_equal_programs_are_trained_once() -> None:
    events, waves = play(eureka(seeds=2), dict.fromkeys(GOOD, "same"), {"same": 1.0})
    assert [trains(wave) for wave in waves if isinstance(wave[0], Train)] == [{"same": (0, 1)}]
    assert fold(events).programs == {"same": Slot(0, 0)}


def test_no_score_is_less_than_any() -> None:
    verdicts: Verdicts = {(0, 0): "broken", (0, 1): "awful", (1, 0): "broken2", (1, 1): "broken3"}
    events, waves = play(eureka(rounds=3), verdicts, {"awful": -1e9})
    assert fold(events).ranked() == ["awful"]
    assert [turn.program for turn in writes(waves[2])[1, 0, 0]] == ["awful"]
    # A round in which all programs broke still teaches what broke, after the best.
    assert [turn.program for turn in writes(waves[4])[2, 0, 0]] == ["awful", "broken2"]


def test_one_broken_seed_spoils_the_score() -> None:
    state = fold(
        [replied(Slot(0, 0)), checked(Slot(0, 0), "a"), trained("a", 0, 9.0), trained("a", 1, None)]
    )
    assert state.score("a") is None and state.ranked() == []


@pytest.mark.parametrize("history", [1, 2, 4])
def test_the_request_always_shows_the_best_so_far(history: int) -> None:
    verdicts: Verdicts = {(number, 0): f"p{number}" for number in range(6)}
    scores: Scores = {"p0": 9.0, **{f"p{number}": float(number) for number in range(1, 6)}}
    _, waves = play(eureka(rounds=6, samples=1, history=history), verdicts, scores)
    asked = {
        slot[0]: turns
        for wave in waves
        if isinstance(wave[0], Write)
        for slot, turns in writes(wave).items()
    }
    for number in range(1, 6):
        told = [turn.program for turn in asked[number]]
        assert "p0" in told and len(told) == min(history, number)


def test_ties_go_to_the_first() -> None:
    events, waves = play(
        eureka(samples=3), {(0, 0): "z", (0, 1): "a", (0, 2): "m"}, {"z": 1.0, "a": 1.0, "m": 1.0}
    )
    assert fold(events).ranked() == ["z", "a", "m"]
    assert writes(waves[2])[1, 0, 0][0].program == "z"


def test_a_trial_that_the_machine_failed_is_repeated_after_resuming() -> None:
    events = [
        replied(Slot(0, 0)),
        checked(Slot(0, 0), "a"),
        trained("a", 0, None, "failed"),
        trained("a", 1, 1.0),
    ]
    strategy = eureka(samples=1, seeds=2, rounds=1)
    assert isinstance(strategy.plan(fold(events))[0], Stop)
    events.append(Resumed())
    assert trains(strategy.plan(fold(events))) == {"a": (0,)}
    events.append(trained("a", 0, 3.0))
    score = fold(events).score("a")
    assert score is not None and score.mean == 2.0


def test_resuming_does_not_forgive_a_program() -> None:
    events = [
        replied(Slot(0, 0)),
        checked(Slot(0, 0), "a"),
        trained("a", 0, None),
        Resumed(),
    ]
    assert isinstance(eureka(samples=1, rounds=1).plan(fold(events))[0], Stop)


def test_unknown_events_are_skipped(tmp_path: Path) -> None:
    events, waves = play(eureka(), GOOD, SCORES)
    mixed, lines = EventLog(tmp_path / "log"), JsonLines(tmp_path / "log")
    for event in events:
        lines.append({"kind": "from_the_future", "slot": "?"})
        mixed.append(event)
    assert fold(mixed) == fold(events)
    assert eureka().plan(fold(mixed)) == waves[-1]


def test_what_is_planned_is_not_exceeded() -> None:
    strategy = eureka(repairs=2, seeds=3, samples=3)
    events, waves = play(
        strategy, {(0, 0): "!a", (0, 1): "b", (0, 2): None, (1, 0): "c"}, {"b": 1.0, "c": 2.0}
    )
    assert sum(event.kind == "replied" for event in events) <= strategy.planned_requests() == 24
    assert sum(event.kind == "trained" for event in events) <= strategy.planned_trials() == 18
    assert strategy.plan(RunState()) == waves[0]


def test_options_are_checked() -> None:
    assert STRATEGIES.get("eureka") is Eureka
    for wrong in (
        {"rounds": 0},
        {"samples": 0},
        {"seeds": 0},
        {"repairs": -1},
        {"history": 0},
        {"round": 1},
    ):
        with pytest.raises(ValidationError):
            EurekaOptions.model_validate(wrong)


# --- For any run

names = st.sampled_from(["a", "b", "c", "!x", "!y", None])
runs = st.tuples(
    st.integers(1, 3),  # rounds
    st.integers(1, 3),  # samples
    st.integers(0, 2),  # repairs
    st.integers(1, 2),  # seeds
    st.lists(names, min_size=27, max_size=27),
    st.dictionaries(st.sampled_from("abc"), st.none() | st.floats(-5, 5)),
)
Drawn = tuple[int, int, int, int, list[str | None], Scores]


def drawn_run(drawn: Drawn) -> tuple[Eureka, Verdicts, Scores]:
    rounds, samples, repairs, seeds, programs, scores = drawn
    verdicts: Verdicts = {
        (i // 9, i // 3 % 3, i % 3): program for i, program in enumerate(programs)
    }
    return eureka(rounds=rounds, samples=samples, repairs=repairs, seeds=seeds), verdicts, scores


@given(runs)
def test_every_prefix_folds_and_nothing_is_asked_twice(drawn: Drawn) -> None:
    strategy, verdicts, scores = drawn_run(drawn)
    events, _ = play(strategy, verdicts, scores)
    for end in range(len(events) + 1):
        state = fold(events[:end])
        owed = strategy.plan(state)
        assert owed
        for order in owed:
            if isinstance(order, Write):
                assert order.slot not in state.slots
            elif isinstance(order, Train):
                assert all(
                    (order.program, seed, "selection") not in state.trials for seed in order.seeds
                )


@given(runs, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(drawn: Drawn, chance: random.Random) -> None:
    strategy, verdicts, scores = drawn_run(drawn)
    events, waves = play(strategy, verdicts, scores)
    shuffled, waves_of_shuffled = play(strategy, verdicts, scores, chance.shuffle)
    assert waves_of_shuffled == waves
    assert fold(shuffled).ranked() == fold(events).ranked()


@given(runs, st.integers(0, 200))
def test_a_run_that_is_cut_anywhere_comes_to_the_same(drawn: Drawn, cut: int) -> None:
    """The rest of a wave, carried out after a crash, leads to the same events as a set."""
    strategy, verdicts, scores = drawn_run(drawn)
    events, _ = play(strategy, verdicts, scores)
    again = events[: cut % (len(events) + 1)]
    open_replies = [slot for slot, entry in fold(again).slots.items() if not entry.settled]
    again = [*again, Resumed()]
    again += [
        event for event in events if isinstance(event, Checked) and event.slot in open_replies
    ]
    for _ in range(100):
        orders = strategy.plan(fold(again))
        if isinstance(orders[0], Stop):
            break
        again += [
            event
            for order in orders
            for chain in carry_out(order, verdicts, scores)
            for event in chain
        ]
    known = sorted(map(repr, events))
    assert sorted(repr(event) for event in again if event.kind != "resumed") == known
