"""Ranges that a trained policy reached and random behaviour did not: listed if they differ, else counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rewardsmith.episodes.preflight import Argument
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.llm.prompts import Prompts
from rewardsmith.task.loading import load_task
from rewardsmith.types import Episode
from rewardsmith.writers.feedback.ranges import MOST_FIELDS, range_summary
from tests.support.lineworld import write_task
from tests.support.preflights import argument


def episode(**fields: list[float]) -> Episode:
    steps = len(next(iter(fields.values()))) - 1
    values = {name: np.array(one) for name, one in fields.items()}
    return Episode(values, np.zeros((steps, 1)), np.zeros(steps), True, False)


def seen(**ranges: tuple[float, float]) -> dict[str, Argument]:
    return {name: argument(*ends) for name, ends in ranges.items()}


def test_only_ranges_that_differ_are_listed() -> None:
    played = episode(
        far=[0.0, 1.0, 9.0], turned=[0.0, 3.0, 1.0], held=[0.0, 0.0, 1.0], near=[0.0, 0.99999, -1.0]
    )
    random = seen(far=(0.0, 2.0), turned=(0.0, 3.0), held=(0.0, 0.0), near=(-1.0, 1.0))
    found = range_summary([played], random)
    assert [(row.name, row.here) for row in found.ranges] == [
        ("far", (0.0, 9.0)),
        ("held", (0.0, 1.0)),
    ]
    assert found.alike == 2, "to the printed digits"


def test_of_many_that_differ_those_that_are_left_out_are_not_called_alike() -> None:
    names = [f"f{n}" for n in range(MOST_FIELDS + 3)]
    found = range_summary(
        [episode(**{name: [0.0, 5.0] for name in names})], seen(**dict.fromkeys(names, (0.0, 1.0)))
    )
    assert len(found.ranges) == MOST_FIELDS and found.alike == 0


@pytest.mark.parametrize(
    ("alike", "said"),
    [
        (0, ""),
        (1, "The ranges of 1 field are as under random actions."),
        (3, "The ranges of 3 fields are as under"),
    ],
)
def test_what_is_alike_takes_one_line(alike: int, said: str) -> None:
    names = (
        "failed",
        "screen",
        "success",
        "is_best",
        "best_elsewhere",
        "columns",
        "rows",
        "words",
        "ranges",
        "siblings",
        "refused",
        "diagnosis",
    )
    text = Prompts().render(
        "shared/process", **dict.fromkeys(names), seeds=1, by_seed=(), fitness=1.0, alike=alike
    )
    assert said in text and ("ranges" in text) == bool(said)


def test_random_behaviour_is_known_to_its_last_state(tmp_path: Path) -> None:
    """A field that changes only in the last step would otherwise seem constant."""
    collected = collect_preflight(load_task(write_task(tmp_path / "line")))
    (low, high), after = (
        collected.report.arguments[name].range for name in ("position", "next_position")
    )
    assert low <= after[0] and high >= after[1]
    ends = [one.fields["position"][-1] for one in collected.behaviour.episodes]
    assert low <= min(ends) and high >= max(ends)
