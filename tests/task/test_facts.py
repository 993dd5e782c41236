"""What recorded steps show of numbers without names."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.task.facts import Facts, Steps, facts_in, rate_share
from rewardsmith.types import FloatArray

EPISODES, LENGTH = 8, 50
NAMES = (
    "place",
    "speed",
    "angle",
    "cosine",
    "target",
    "sine",
    "noise",
    "constant",
    "flag",
    "counter",
    "copy_of_place",
    "broken",
)
AT = {name: place for place, name in enumerate(NAMES)}


def recorded(*, discrete: bool = False) -> Steps:
    """A cart that is pushed by the first part of the action, beside numbers of other kinds."""
    rng = np.random.default_rng(0)
    before, actions, after, starts = [], [], [], []
    for _ in range(EPISODES):
        place, speed, target = rng.normal(), 0.0, rng.normal()
        rows, done = [], []
        for step in range(LENGTH + 1):
            turn = 0.5 * step
            wrapped = (turn + np.pi) % (2 * np.pi) - np.pi
            numbers = [place, speed, wrapped, np.cos(turn), target, np.sin(turn), rng.normal(), 0.1]
            numbers += [float(step > 30), float(step), place, np.nan if step == 3 else 0.0]
            rows.append(numbers)
            action = rng.integers(3, size=1) if discrete else rng.uniform(-1, 1, 2)
            done.append(action)
            place += 0.1 * speed
            speed += 0.1 * float(action[0] - discrete)
        before += rows[:-1]
        after += rows[1:]
        actions += done[:-1]
        starts.append(rows[0])
    arrays = [np.array(part, np.float64) for part in (before, actions, after, starts)]
    return Steps(*arrays[:3], starts=arrays[3], discrete=discrete)


@pytest.fixture(scope="module")
def steps() -> Steps:
    return recorded()


@pytest.fixture(scope="module")
def facts(steps: Steps) -> Facts:
    return facts_in(steps)


def test_each_number_has_its_kind(facts: Facts) -> None:
    kinds = {name: facts.numbers[place].kind for name, place in AT.items()}
    assert kinds == {
        **dict.fromkeys(("place", "speed", "cosine", "sine", "noise", "copy_of_place"), "number"),
        "angle": "angle",
        "target": "fixed",
        "constant": "constant",
        "flag": "flag",
        "counter": "counter",
        "broken": "broken",
    }


def test_what_moves_a_number_and_what_it_is_the_rate_of(facts: Facts, steps: Steps) -> None:
    speed, place, noise = (facts.numbers[AT[name]] for name in ("speed", "place", "noise"))
    assert speed.moved_by == (0,) and speed.rate_of == AT["place"]
    assert place.moved_by == noise.moved_by == () and noise.rate_of is None
    assert rate_share(steps, AT["speed"], AT["place"]) > 0.95
    assert rate_share(steps, AT["noise"], AT["place"]) < 0.1
    discrete = facts_in(recorded(discrete=True)).numbers[AT["speed"]]
    assert discrete.moved_by == (0, 2), "down most by 0, up most by 2"


def test_repeated_numbers_and_vectors_of_length_one(facts: Facts) -> None:
    assert facts.numbers[AT["copy_of_place"]].same_as == AT["place"]
    assert facts.numbers[AT["place"]].same_as is None
    assert facts.units == ((AT["cosine"], AT["sine"]),), "the target between them is no part of it"


def test_a_quaternion_is_recognised_as_a_whole_also_if_resets_add_noise() -> None:
    rng = np.random.default_rng(1)
    rows: FloatArray = rng.normal(size=(41, 5))
    rows[:, 1:] /= np.linalg.norm(rows[:, 1:], axis=1, keepdims=True)
    starts = rows[:1] + 0.01
    steps = Steps(rows[:-1], rng.uniform(-1, 1, (40, 1)), rows[1:], starts, discrete=False)
    assert facts_in(steps).units == ((1, 2, 3, 4),)


def test_ranges_include_the_states_after_resets(facts: Facts, steps: Steps) -> None:
    place = facts.numbers[AT["place"]]
    everything = np.concatenate([steps.before, steps.after])[:, AT["place"]]
    assert (place.low, place.high) == (everything.min(), everything.max())
    assert place.start == (steps.starts[:, 0].min(), steps.starts[:, 0].max())


def test_a_few_steps_claim_nothing() -> None:
    all_steps = recorded()
    few = Steps(*(part[:5] for part in all_steps[:4]), discrete=False)
    assert all(not one.moved_by and one.rate_of is None for one in facts_in(few).numbers)


def test_a_small_effect_of_the_action_beside_a_large_one_of_the_state_is_seen() -> None:
    rng = np.random.default_rng(2)
    before, actions = rng.normal(size=(400, 2)), rng.integers(3, size=(400, 1)).astype(float)
    after = before + np.column_stack([before[:, 1] + 0.05 * (actions[:, 0] - 1), before[:, 0]])
    found = facts_in(Steps(before, actions, after, before[:1], discrete=True))
    assert found.numbers[0].moved_by == (0, 2) and found.numbers[1].moved_by == ()
