"""The trend of each term over a training in words, each for its own case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rewardsmith.types import Episode, Output
from rewardsmith.writers.feedback.goal import goal_bonuses
from rewardsmith.writers.feedback.moments import episode_table
from rewardsmith.writers.feedback.process import curve_summary, process_words, stuck_words
from rewardsmith.writers.feedback.trajectory import ScoredEpisode
from tests.support.curves import curve_of
from tests.support.preflights import argument

STEPS = [f"{n} steps" for n in range(1, 6)]


def words(*values: float | None, lengths: Any = (50.0,) * 5) -> str:
    (said,) = process_words({"place": values}, lengths, STEPS)
    return said.removeprefix("`place` ")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((1.0, 2.0, 3.0, 5.0, 8.0), "grew from 1 to 8"),
        ((-1.0, -2.0, -3.0, -5.0, -8.0), "fell from -1 to -8"),
        ((10.0, 10.2, 9.9, 10.1, 10.3), "is flat, about 10.3"),
        ((0.0,) * 5, "is always 0"),
        ((10.0, 3.0, 1.0, 4.0, 10.0), "goes up and down and ends where it began, about 10"),
        ((None, 2.0, None, 4.0, 8.0), "grew from 2 to 8"),
    ],
)
def test_a_trend(values: tuple[float | None, ...], said: str) -> None:
    assert words(*values) == said


def test_a_term_that_stands_at_its_most_may_be_clipped() -> None:
    """Per step: its sum grows with the length of episodes."""
    assert words(
        5.0, 50.0, 100.0, 200.0, 300.0, lengths=(50.0, 50.0, 100.0, 200.0, 300.0)
    ).endswith("and since 2 steps stands at its most, 1 a step: is it clipped?")
    assert "clipped" not in words(5.0, 10.0, 50.0, 100.0, 200.0)
    assert "clipped" not in words(50.0, 50.0, 50.0, 50.0, 50.0), "it always was what it is"


def test_the_term_that_makes_most_is_named() -> None:
    said = process_words(
        {"alive": [90.0] * 5, "goal": [0.0, 0.0, -1.0, 5.0, 10.0]}, [50.0] * 5, STEPS
    )
    assert said[-1] == "`alive` dominates: it is 90% of the reward at the end"
    assert not any(
        "dominates" in one
        for one in process_words({"a": [5.0] * 5, "b": [-4.0] * 5}, [50.0] * 5, STEPS)
    )
    assert not any(
        "dominates" in one for one in process_words({"alone": [5.0] * 5}, [50.0] * 5, STEPS)
    )


def test_a_bonus_at_the_goal_gets_no_warning() -> None:
    """A good bonus is flat, at its maximum and most of the reward, so there is no warning."""
    terms: Any = {"goal": [0.0, *[50.0] * 4], "progress": [5.0, 5.2, 4.0, 3.0, 2.0]}
    lengths = [50.0] * 5
    blamed = process_words(terms, lengths, STEPS)
    assert "is it clipped?" in blamed[0] and blamed[-1].startswith("`goal` dominates")
    assert process_words(terms, lengths, STEPS, {"goal"}) == [
        "`goal`, a bonus at the goal, grew from 0 to 50", "`progress` fell from 5 to 2"
    ]  # fmt: skip
    drowning = process_words({"goal": [1.0] * 5, "alive": [90.0] * 5}, lengths, STEPS, {"goal"})
    assert drowning[0] == "`goal`, a bonus at the goal, is flat, about 1" and drowning[
        -1
    ].startswith("`alive` domin")


def test_a_term_that_is_always_0_may_be_an_unreached_bonus() -> None:
    rows = [
        {"steps": 100.0 * n, "episodes": 2.0, "success": 0.0, "term/goal": 0.0}
        for n in range(1, 11)
    ]
    (said,) = curve_summary([curve_of(rows)]).words
    assert said == "`goal` is always 0: right for a bonus at the goal, since no episode was solved"
    (said,) = curve_summary([curve_of([*rows[:-1], {**rows[-1], "success": 0.5}])]).words
    assert said == "`goal` is always 0", "its condition does not hold where the goal is"


def played(solved: bool, **terms: list[float]) -> ScoredEpisode:
    values = {name: np.array(one) for name, one in terms.items()}
    steps = len(next(iter(values.values())))
    episode = Episode({}, np.zeros((steps, 1)), np.zeros(steps), solved, not solved)
    return ScoredEpisode(episode, float(solved), solved, Output(np.zeros(steps), values))


def test_a_bonus_at_the_goal_is_nonzero_only_there() -> None:
    won = played(
        True,
        goal=[0.0, 10.0],
        place=[0.0, 1.0],
        end=[0.0, 1.0],
        cost=[0.0, -1.0],
        now_and_then=[1.0, 1.0],
    )
    lost = played(
        False,
        goal=[0.0, 0.0],
        place=[0.5, 0.0],
        end=[0.0, 1.0],
        cost=[0.0, 0.0],
        now_and_then=[0.0, 0.0],
    )
    assert goal_bonuses([won, lost]) == {"goal"}
    assert goal_bonuses([lost]) == goal_bonuses([]) == set()


def curve(own_return: list[float], fitness: list[float], success: list[float]) -> Any:
    rows = zip(own_return, fitness, success, strict=True)
    return curve_summary([curve_of([
        {"steps": 100.0 * (n + 1), "episodes": 2.0, "own_return": paid, "fitness": wanted, "success": rate}
        for n, (paid, wanted, rate) in enumerate(rows)
    ])])  # fmt: skip


def test_pay_and_goal_that_part_are_said() -> None:
    up, down = [0.1 * n for n in range(10)], [113.0 - 5 * n for n in range(10)]
    assert curve(down, up, up).words == [
        "own return and fitness change in opposite directions: own return went from 113 to 68 and fitness from 0 to 0.9"
    ]
    assert curve(up, up, up).words == [] and curve([1.0] * 10, up, up).words == []


def test_what_only_chance_solves_is_said() -> None:
    rows = curve([1.0] * 10, [1.0] * 10, [0.5] * 9 + [0.97]).rows
    (said,) = stuck_words(rows, 0.8)
    assert said.startswith(
        "at the end of the training it solved 97% of the episodes, and without chance 80%"
    )
    assert stuck_words(rows, 0.95) == stuck_words(rows, None) == stuck_words([], 0.1) == []


def test_nothing_is_said_of_what_was_not_seen() -> None:
    assert process_words({}, [], []) == [] and process_words({"a": [1.0]}, [5.0], STEPS[:1]) == []
    assert curve_summary([]).words == []


def test_equal_steps_are_one_row() -> None:
    """An agent that turns on the spot from its third step on gets one row."""
    places = np.array([0.0, 1.0, 2.0, *[2.0] * 9])
    episode = Episode({"place": places}, np.zeros((11, 1)), np.zeros(11), False, True)
    seen = {"place": argument(0.0, 9.0)}
    table = episode_table(episode, Output(np.array([1.0, 1.0, *[0.0] * 9])), ["place"], seen)
    assert [row.step for row in table.rows] == ["1", "3 to 11"]
