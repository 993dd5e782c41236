"""Decisions of smith on hand-made events; nothing is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rewardsmith.run.event import Event
from rewardsmith.run.events import SimilarityMeasured, Trained, fold
from rewardsmith.run.orders import Approach, MeasureSimilarity, Order, Stop, Train, Write
from rewardsmith.run.wording import outcome
from rewardsmith.strategy.smith import APPROACHES, Smith, SmithOptions
from rewardsmith.testing import simulation
from rewardsmith.types import Slot
from tests.support.line_runs import design, recorded
from tests.support.lineworld import write_task
from tests.support.plays import Scores, Verdicts, carry_out, play, retrained

NAMES = [f"p{number:02}" for number in range(20)]
MANY: Verdicts = {(number // 4, number % 4): name for number, name in enumerate(NAMES)}
RISING: Scores = {name: 0.02 * number + 0.01 for number, name in enumerate(NAMES)}
FLAT: Scores = {name: 0.3 - 0.01 * number for number, name in enumerate(NAMES)}
FULL = 100


def smith(**options: Any) -> Smith:
    given = {"rounds": 3, "repairs": 0, "screen": "off", **options}
    return Smith(SmithOptions.model_validate(given), FULL)


def trainings(waves: list[list[Order]]) -> list[tuple[str, str, int]]:
    """(program, rung, steps) of all trainings, in order."""
    orders = [order for wave in waves for order in wave if isinstance(order, Train)]
    return [(order.program, order.rung, order.steps) for order in orders]


def requests(waves: list[list[Order]], number: int) -> list[Write]:
    orders = [order for wave in waves for order in wave if isinstance(order, Write)]
    return [order for order in orders if order.slot.round == number]


def approaches(writes: list[Write]) -> list[Approach | None]:
    return [write.approach for write in writes]


def test_each_request_of_the_first_round_asks_for_another_form() -> None:
    _, waves = play(smith(rounds=1), MANY, RISING)
    first = requests(waves, 0)
    assert approaches(first) == [*APPROACHES]
    assert not any(write.turns or write.tried for write in first)


def test_the_best_of_the_short_trainings_are_trained_in_full() -> None:
    _, waves = play(smith(rounds=1), MANY, RISING)
    made = trainings(waves)
    assert made[:4] == [(name, "short", 25) for name in NAMES[:4]]
    assert set(made[4:6]) == {("p03", "selection", FULL), ("p02", "selection", FULL)}


def test_few_programs_need_no_short_training() -> None:
    _, waves = play(smith(rounds=1, samples=2), MANY, RISING)
    assert {rung for _, rung, _ in trainings(waves)} == {"selection"}


def test_short_trainings_that_are_all_as_bad_as_random_exclude_nobody() -> None:
    _, waves = play(smith(rounds=1), MANY, dict.fromkeys(NAMES, 0.0))
    full = {program for program, rung, _ in trainings(waves) if rung == "selection"}
    assert full == set(NAMES[:4])


def test_a_program_whose_short_training_breaks_is_not_trained_again() -> None:
    _, waves = play(smith(rounds=1, advance=3), MANY, {**RISING, "p03": None})
    full = {program for program, rung, _ in trainings(waves) if rung == "selection"}
    assert full == {"p00", "p01", "p02"}


def test_a_program_with_the_rewards_of_an_earlier_one_is_not_trained() -> None:
    def twins(order: Order) -> list[list[Event]]:
        if isinstance(order, MeasureSimilarity):
            found = {"p00": 1.0} if order.program == "p02" else {}
            return [[SimilarityMeasured(program=order.program, similarity=found)]]
        return carry_out(order, MANY, RISING)

    _, waves = simulation.play(smith(rounds=1), twins)
    assert {program for program, *_ in trainings(waves)} == {"p00", "p01", "p03"}


def test_later_requests_improve_combine_and_vary() -> None:
    _, waves = play(smith(), MANY, RISING)
    improve, combine, other, vary = requests(waves, 1)
    assert improve.parents == ("p03",)
    assert combine.parents == ("p02", "p03")
    assert other.parents == ("p02",)
    assert vary.parents == () and vary.approach in APPROACHES
    assert vary.tried == ("p00", "p01", "p02", "p03")
    assert improve.tried == ("p00", "p01", "p02")


def test_programs_with_similar_rewards_are_not_combined() -> None:
    def alike(order: Order) -> list[list[Event]]:
        if isinstance(order, MeasureSimilarity):
            earlier = {name: 0.95 for name in NAMES if name < order.program}
            return [[SimilarityMeasured(program=order.program, similarity=earlier)]]
        return carry_out(order, MANY, RISING)

    _, waves = simulation.play(smith(), alike)
    assert [write.parents for write in requests(waves, 1)[:3]] == [("p03",)] * 3


def test_after_a_round_without_improvement_half_ask_for_something_else_and_then_it_ends() -> None:
    _, waves = play(smith(rounds=9, patience=2), MANY, FLAT)
    assert "different" not in approaches(requests(waves, 1))
    assert approaches(requests(waves, 2))[1::2] == ["different", "different"]
    assert waves[-1] == [Stop("2 rounds brought no improvement")]
    assert not requests(waves, 3)


def test_a_request_shows_at_most_the_last_programs_of_a_line() -> None:
    _, waves = play(
        smith(rounds=5, history=2, samples=1, advance=1),
        {(number, 0): NAMES[number] for number in range(5)},
        RISING,
    )
    assert [write.parents for number in range(5) for write in requests(waves, number)] == [
        (), ("p00",), ("p00", "p01"), ("p01", "p02"), ("p02", "p03"),
    ]  # fmt: skip


def test_the_search_ends_when_the_leader_solves_the_task_on_every_seed() -> None:
    events, waves = play(smith(), MANY, {**RISING, "p01": 1.5})
    assert waves[-1] == [Stop("the best program solves the task on every seed")]
    assert not requests(waves, 1)
    seeds = {e.trial.seed for e in events if isinstance(e, Trained) and e.trial.rung == "selection"}
    assert seeds == {0, 1, 2}


def test_a_leader_that_fails_on_another_seed_is_improved() -> None:
    def lucky(order: Order) -> list[list[Event]]:
        chains = carry_out(order, MANY, {**RISING, "p01": 1.5})
        return [
            [
                retrained(event, fitness=0.1, success_rate=0.0)
                if isinstance(event, Trained) and event.trial.seed
                else event
                for event in chain
            ]
            for chain in chains
        ]

    _, waves = simulation.play(smith(rounds=2), lucky)
    assert requests(waves, 1)[0].parents == ("p01",)


def test_a_comment_of_the_user_is_worth_a_round_even_when_nothing_improves() -> None:
    events, _ = play(smith(rounds=9, patience=1), MANY, FLAT)
    state = fold(events)
    assert isinstance(smith(rounds=9, patience=1).plan(state)[0], Stop)
    state.comments["p00"] = ["it should be faster"]
    orders = smith(rounds=9, patience=1).plan(state)
    assert isinstance(orders[0], Write) and orders[0].slot.round == 2


def test_in_a_run_a_program_that_is_scaled_is_a_twin_and_another_one_is_not(tmp_path: Path) -> None:
    def reply(factor: float, power: int) -> str:
        gain = f"{factor} * (next_position**{power} - position**{power})"
        return (
            f"```python\ndef reward(position, next_position):\n    return {{'gain': {gain}}}\n```"
        )

    texts = [reply(1.0, 1), reply(3.0, 1), reply(1.0, 2)]
    replies = [{"round": 0, "sample": n, "text": text} for n, text in enumerate(texts)]
    run = design(
        str(write_task(tmp_path / "line")), tmp_path, strategy="smith", replies=recorded(replies),
        options={"rounds": 1, "samples": 3, "screen": "off"},
    )  # fmt: skip
    first, scaled, other = sorted(run.state.programs, key=lambda name: run.state.programs[name])
    assert run.state.twin(scaled) == first and run.state.twin(other) is None
    assert not run.state.trials_of(scaled, "selection")
    place = Slot(0, 1)
    assert outcome(run.state, place, run.state.slots[place]).endswith(
        "its rewards are those of 1.1"
    )
