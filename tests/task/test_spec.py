"""The keys of task.toml, the language of sources, and tasks that are frozen and loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.layout import cut
from rewardsmith.task.loading import TASK_FILE, Task, load_task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.sources import Source, parse_source
from rewardsmith.types import Episode
from tests.support import toy_envs

GOOD: dict[str, Any] = {
    "goal": "count",
    "env": {"id": "A-v0"},
    "fitness": {"source": "native_return"},
}
FIELD = {"name": "x", "source": "obs[0]"}

TOML = """
goal = "count"
[env]
id = "env.py:Counter"
kwargs = { lengths = [4, 2], shared = true }
wrappers = ["tests.support.toy_envs:Halved"]
[[fields]]
name = "x"
source = 'obs[0]'
range = [0, 1]
[[fields]]
name = "both"
source = "fields.py:both"
hidden = true
[fitness]
source = "fitness.py:fitness"
solved = 0.5
[training.hyperparameters]
gamma = 0.9
policy_kwargs = { net_arch = [8] }
"""


def refused(**changes: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_spec({**GOOD, **changes}, "task.toml")
    return caught.value


def field(**changes: Any) -> UsageError:
    return refused(fields=[{**FIELD, **changes}])


# ---------------------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("changes", "place", "near"),
    [
        ({"gaol": "x"}, "'gaol'", "'goal'"),
        ({"env": {"id": "A-v0", "wrapers": []}}, "'env.wrapers'", "'wrappers'"),
        ({"fitness": {"sorce": "native_return"}}, "'fitness.sorce'", "'source'"),
        ({"fields": [{**FIELD, "units": "m"}]}, "'fields.0.units'", "'unit'"),
        ({"training": {"step": 5}}, "'training.step'", "'steps'"),
        ({"evaluation": {"episode": 5}}, "'evaluation.episode'", "'episodes'"),
        ({"action": {"name": []}}, "'action.name'", "'names'"),
    ],
)
def test_the_error_of_an_unknown_key_names_the_nearest_one(
    changes: dict[str, Any], place: str, near: str
) -> None:
    error = refused(**changes)
    assert f"task.toml: unknown key {place}" in error.message and near in error.hint


@pytest.mark.parametrize(
    ("part", "hint"), [("goal", "goal ="), ("fitness", "fitness.py:fitness"), ("env", "[env]")]
)
def test_missing_parts(part: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"'{part}' is missing") as caught:
        parse_spec({key: value for key, value in GOOD.items() if key != part}, "task.toml")
    assert hint in caught.value.hint


def test_empty_and_wrong_values() -> None:
    assert "goal is empty" in refused(goal="  ").message
    assert "training.algorithm" in refused(training={"algorithm": ""}).message
    assert "training.steps" in refused(training={"steps": 0}).message
    assert "found x twice" in refused(fields=[FIELD, FIELD]).message
    assert parse_spec({**GOOD, "training": {"algorithm": "sac"}}, "").training.algorithm == "SAC"


@pytest.mark.parametrize(
    "name", ["", "a b", "3d", "next_x", "prev_x", "first_x", "_obs", "action", "obs", "lambda"]
)
def test_field_names_are_names_of_arguments(name: str) -> None:
    assert "field name" in field(name=name).message


# ----------------------------------------------------------------------------------------------------- sources


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("obs", Source("obs", ())),
        ("obs[-1]", Source("obs", (), -1)),
        ("obs[1:4:2]", Source("obs", (), slice(1, 4, 2))),
        ("obs[0, 1:]", Source("obs", (), (0, slice(1, None)))),
        ('obs["a"]["b"][3]', Source("obs", ("a", "b"), 3)),
        ("obs[0][1:]", Source("obs", (0,), slice(1, None))),
        ('obs[0]["a"]', Source("obs", (0, "a"))),
        ('info["x y"]', Source("info", ("x y",))),
        ('info["x"][0]', Source("info", ("x",), 0)),
        ("fields.py:height", Source("function", ("height",), file="fields.py")),
    ],
)
def test_sources(text: str, expected: Source) -> None:
    assert parse_source(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "obs[", "observation", "obs['a':'b']", "obs[0.5:]", "obs[::0]", "obs[True]",
     "obs[()][0]", "info", "info[0]", "info['a']['b']", "obs.x", "obs[x]", "fields.py:", "fields.py:a b",
     "obs[...]", "-" * 9999],
)  # fmt: skip
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|has one key"):
        parse_source(text)


PIECES = st.sampled_from("obs info [ ] 'a' \"b\" 0 -1 : , 1.5 .py: f ( x".split() + [" ", "\0"])


@settings(max_examples=400)
@given(st.text() | st.lists(PIECES, max_size=12).map("".join))
@example("obs[\ud800]")
def test_reading_a_source_never_fails_otherwise(text: str) -> None:
    try:
        source = parse_source(text)
    except ValueError:
        return
    try:
        cut(np.zeros((1, 4, 4)), source.part)
    except IndexError:
        pass  # reported by the layout, which knows the shape


# ------------------------------------------------------------------------------------------
# freezing and digests


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "toy"
    home.mkdir()
    toy_envs.copy_to(home)
    (home / TASK_FILE).write_text(TOML)
    (home / "fields.py").write_text("def both(env, obs, info):\n    return obs[:2]\n")
    (home / "fitness.py").write_text("def fitness(episode):\n    return 1.0, True\n")
    (home / "expert.py").write_text("FORCE = 1\n")
    return home


def test_a_frozen_task_is_the_same_task(folder: Path, tmp_path: Path) -> None:
    task = load_task(folder)
    task.freeze(tmp_path / "frozen" / "toy")
    again = load_task(tmp_path / "frozen" / "toy")
    assert (again.spec, again.digest, again.name) == (task.spec, task.digest, "toy")
    assert not (again.folder or tmp_path).joinpath("expert.py").exists()


def test_a_task_without_a_folder_can_be_frozen(tmp_path: Path) -> None:
    spec = {
        **GOOD,
        "env": {"id": "A-v0", "kwargs": {"deep": {"x": 1.5, "y": [1, "a"]}}},
        "fields": [FIELD],
    }
    task = Task("bare", parse_spec(spec, ""))
    task.freeze(tmp_path / "bare")
    assert (load_task(tmp_path / "bare").spec, load_task(tmp_path / "bare").digest) == (
        task.spec,
        task.digest,
    )


def test_the_digest_follows_what_can_change_a_result(folder: Path) -> None:
    def digest() -> str:
        return load_task(folder).digest

    start = digest()
    (folder / "expert.py").write_text("FORCE = 2\n")
    (folder / "recorded_replies.json").write_text("{}")
    assert digest() == start
    (folder / "fitness.py").write_text("def fitness(episode):\n    return 2.0, True\n")
    changed = digest()
    assert changed != start
    (folder / TASK_FILE).write_text(TOML.replace("0.9", "0.8"))
    assert digest() not in (start, changed)


def test_training_can_be_changed(folder: Path) -> None:
    task = load_task(folder)
    other = task.with_training({"steps": 7, "hyperparameters": {"gamma": 0.5, "n_steps": 4}})
    assert other.spec.training.hyperparameters == {
        "gamma": 0.5,
        "n_steps": 4,
        "policy_kwargs": {"net_arch": [8]},
    }
    assert (other.spec.training.steps, other.spec.training.gamma, task.spec.training.gamma) == (
        7,
        0.5,
        0.9,
    )
    assert (other.spec.fields, other.folder, other.name) == (
        task.spec.fields,
        task.folder,
        task.name,
    )
    assert other.digest != task.digest
    with pytest.raises(UsageError, match=r"training\.stps"):
        task.with_training({"stps": 7})


def test_loading_what_is_not_there(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_task("mountan-car")
    assert "'mountain-car'" in caught.value.hint
    (folder / TASK_FILE).write_text("goal = ")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_task(folder)
    (folder / TASK_FILE).write_text(TOML.replace("fitness.py:fitness", "fitness.py:fitnes"))
    with pytest.raises(UsageError, match="has no 'fitnes'") as caught:
        fitness_function(load_task(folder))
    assert "'fitness'" in caught.value.hint
    (folder / "fitness.py").unlink()
    with pytest.raises(UsageError, match="does not exist"):
        fitness_function(load_task(folder))


# ----------------------------------------------------------------------------------------------------- fitness


def episode(rewards: list[float], success: list[bool] = []) -> Episode:  # noqa: B006 - read only
    fields = {"_success": np.array(success)}
    return Episode(
        fields, np.zeros((len(rewards), 1)), np.array(rewards), terminated=True, truncated=False
    )


def measured(source: str, one: Episode, **more: Any) -> tuple[float, bool | None]:
    spec = parse_spec({**GOOD, "fitness": {"source": source, **more}}, "")
    return tuple(fitness_function(Task("t", spec))(one))


def test_fitness_of_an_episode() -> None:
    assert measured("native_return", episode([1, 2])) == (3.0, None)
    assert measured("native_return", episode([1, 2]), solved=3) == (3.0, True)
    once = episode([0, 0, 0], [False, True, False])
    assert measured('info["ok"]', once) == (0.0, False)
    assert measured('info["ok"]', once, at="ever") == (1.0, True)
    with pytest.raises(UsageError, match=r"is not fitness.py:function") as caught:
        measured("obs[0]", once)
    assert "def fitness(episode)" in caught.value.hint


def test_a_broken_fitness_is_named_as_such(folder: Path) -> None:
    for body, found in [
        ("1 / 0", "ZeroDivisionError"),
        ("0.5", "TypeError"),
        ("float('nan'), None", "returned nan"),
    ]:
        (folder / "fitness.py").write_text(f"def fitness(episode):\n    return {body}\n")
        with pytest.raises(BoundaryError, match=found):
            fitness_function(load_task(folder))(episode([1]))


def test_a_fitness_outside_its_range_is_an_error_of_the_task() -> None:
    assert measured("native_return", episode([1, 2]), range=(0.0, 3.0)) == (3.0, None)
    assert measured("native_return", episode([3 + 1e-9]), range=(0.0, 3.0)) == (3.0, None)
    with pytest.raises(BoundaryError, match=r"returned 4.0, outside \[fitness\] range") as caught:
        measured("native_return", episode([4]), range=(0.0, 3.0))
    assert caught.value.where == "environment"
    with pytest.raises(UsageError, match="the lower end comes first"):
        parse_spec({**GOOD, "fitness": {"source": "native_return", "range": [1, 0]}}, "")


def test_a_success_flag_has_the_range_0_to_1() -> None:
    flag = parse_spec({**GOOD, "fitness": {"source": 'info["ok"]'}}, "")
    assert flag.fitness.possible == (0.0, 1.0)
    assert parse_spec({**GOOD, "fitness": {"source": "native_return"}}, "").fitness.possible is None
