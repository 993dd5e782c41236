"""A fitness as an expression: the file that is written measures what was checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rewardsmith.errors import UsageError
from rewardsmith.task.field import FieldSpec
from rewardsmith.types import Episode
from rewardsmith.writers.drafts.reply import DraftedFitness, Over
from rewardsmith.writers.drafts.score import StepScore, problems_of

FIELDS = (
    FieldSpec(name="x", source="obs[0]"),
    FieldSpec(name="hand", source="obs[1:4]"),
    FieldSpec(name="cost", source='info["cost"]'),
)
NEAR = "np.exp(-far) - 0.01 * next_cost * (next_x > x) + 0.1 * np.cumsum(far) / 100"
LET = {"moved": "next_hand - first_hand", "far": "np.linalg.norm(moved, axis=1)"}


def episodes() -> list[Episode]:
    rng = np.random.default_rng(0)
    found = []
    for length in (7, 12):
        fields = {
            "x": rng.normal(size=length + 1),
            "hand": rng.normal(size=(length + 1, 3)),
            "cost": rng.uniform(size=length),
        }
        actions = rng.uniform(-1, 1, (length, 2))
        found.append(Episode(fields, actions, np.zeros(length), length == 7, length == 12))
    return found


def written(score: StepScore, folder: Path) -> ModuleType:
    """The module that the user gets."""
    module = ModuleType("fitness")
    (folder / "fitness.py").write_text(score.code)
    exec((folder / "fitness.py").read_text(), vars(module))
    return module


def values(module: ModuleType, recorded: Sequence[Episode]) -> list[tuple[float, bool | None]]:
    return [module.fitness(episode) for episode in recorded]


@pytest.mark.parametrize("over", ["last", "best", "mean", "limit", "sum"])
@pytest.mark.parametrize("gates", [(), ("next_x > -0.5", "np.abs(action[:, 0]) < 0.9")])
def test_the_written_file_measures_what_the_sandbox_does(
    over: Over, gates: tuple[str, ...], tmp_path: Path
) -> None:
    fitness = DraftedFitness(
        source="score", let=LET, score=NEAR, over=over, gates=gates, solved=0.3
    )
    score, recorded = StepScore(fitness, FIELDS, limit=12), episodes()
    found = values(written(score, tmp_path), recorded)
    assert [value for value, _ in found] == pytest.approx(score.of(recorded), abs=1e-12)
    assert [success for _, success in found] == [value >= 0.3 for value, _ in found]


def test_gates_and_ends_count(tmp_path: Path) -> None:
    fitness = DraftedFitness(source="score", score="1.0 + 0.0 * next_x", over="sum")
    closed = fitness.model_copy(update={"gates": ("~terminated",)})
    recorded = episodes()
    assert StepScore(fitness, FIELDS, None).of(recorded).tolist() == [7, 12]
    assert StepScore(closed, FIELDS, None).of(recorded).tolist() == [6, 12]
    assert [one[0] for one in values(written(StepScore(closed, FIELDS, None), tmp_path), recorded)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score": ""}, "is empty"),
        ({"score": "x = 1"}, "is not one Python expression"),
        ({"score": "next_y"}, "'next_y', which is no name of a step"),
        ({"score": "cost"}, "'cost', which is no name of a step"),
        ({"score": "__import__('os').getpid() + x"}, "no name of a step"),
        ({"score": "x.tofile('a')"}, "refused"),
        ({"score": "np.fromfile('a') + x"}, "refused"),
        ({"over": "limit"}, "no time limit"),
        ({"let": {"x": "next_x"}}, "the name 'x' is taken"),
        ({"let": {"np": "next_x"}}, "the name 'np' is taken"),
        ({"let": {"a b": "next_x"}}, "no Python identifier"),
        ({"let": {"near": "far", "far": "next_x"}}, "'far', which is no name of a step"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused(
    changes: dict[str, object], says: str
) -> None:
    given: dict[str, object] = {"source": "score", "score": "next_x", **changes}
    with pytest.raises(UsageError, match=says):
        StepScore(DraftedFitness.model_validate(given), FIELDS, limit=None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"score": "next_hand"}, "failed on recorded steps"),
        ({"score": "np.log(next_x)"}, "NaN or infinite"),
        ({"range": [0.0, 0.1]}, "but the fitness was"),
        ({"solved": -100.0}, "already solve most episodes"),
    ],
)
def test_what_recorded_episodes_refute_is_named(
    changes: dict[str, object], says: str | None
) -> None:
    fitness = DraftedFitness.model_validate({"source": "score", "score": "next_x"} | changes)
    found = problems_of(StepScore(fitness, FIELDS, None), fitness, episodes())
    assert bool(found) == (says is not None) and all(str(says) in one for one in found), found
