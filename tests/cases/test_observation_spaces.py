"""Observations that programs read and policies see: long vectors, Tuples, Discretes from 2, pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.errors import UsageError
from rewardsmith.task.environment import make_env
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task
from rewardsmith.train.preflight import run_preflight
from tests.cases.envs import line
from tests.support.cases import checked, new_task, same_in_the_export
from tests.support.toy_envs import Counter
from tests.support.trials import toy_task, trial

FLATTENED = ("gymnasium.wrappers:FlattenObservation",)


def quick(text: str) -> str:
    """A training of seconds."""
    head = text.partition("[training.hyperparameters]")[0].replace("n_envs = 16", "n_envs = 2")
    return head + "[training.hyperparameters]\nn_steps = 16\nbatch_size = 32\nn_epochs = 1\n"


def trains(task: Task, source: str, bare: line.Line, folder: Path) -> None:
    run_preflight(task, folder / "preflight")
    same_in_the_export(checked(source, task), task, bare, folder / "reward.py", [[0.5]] * 5)
    report, result = trial(folder / "trial", task, source, steps=32)
    assert (report.status, result.status) == ("finished", "finished")


def test_a_scanner_of_1080_beams(tmp_path: Path) -> None:
    task, notes = new_task("line.py:Scanner", tmp_path, quick)
    assert [field.name for field in task.spec.fields] == ["scan", "speed", "echo"] and not notes
    source = (
        "def reward(scan, next_scan, next_speed, next_echo):\n"
        "    return {'a': next_scan.min(axis=-1) - scan[:, 5], 'b': next_speed[:, 0] * next_echo[:, 7]}\n"
    )
    trains(task, source, line.Scanner(), tmp_path)


def test_a_vector_of_2000_numbers_is_offered_whole(tmp_path: Path) -> None:
    task, notes = new_task("line.py:Vector", tmp_path, quick)
    assert not notes and task.spec.training.policy == "MlpPolicy"
    trains(task, "def reward(next_obs):\n    return -next_obs[:, 1999]\n", line.Vector(), tmp_path)


def test_what_is_too_large_is_not_dropped_in_silence(tmp_path: Path) -> None:
    task, notes = new_task("line.py:Spectrum", tmp_path)
    assert [field.name for field in task.spec.fields] == ["speed"]
    for source in ('obs["scan"]', 'obs["map"]', 'info["echo"]'):
        assert source in notes
    assert notes.count("at most 10000 numbers") == 1 and "fields.py" in notes


def test_a_tuple_is_flattened_and_its_parts_are_fields(tmp_path: Path) -> None:
    task, notes = new_task("line.py:Pair", tmp_path, quick)
    assert task.spec.env.wrappers == FLATTENED and "FlattenObservation" in notes
    drafted = {field.name: (field.source, field.range) for field in task.spec.fields}
    assert drafted == {
        "value_0": ("obs[0]", (0.0, 40.0)),
        "value_1_0": ("obs[1][0]", (-10.0, 10.0)),
        "value_1_1": ("obs[1][1]", (0.0, 1.0)),
    }
    source = (
        "def reward(value_0, next_value_1_0, next_value_1_1):\n"
        "    return {'a': 0.1 * value_0, 'b': next_value_1_0[:, 1], 'c': 1.0 * next_value_1_1}\n"
    )
    trains(task, source, line.Pair(), tmp_path)


def test_blackjack(tmp_path: Path) -> None:
    from rewardsmith.task.drafting import task_from_env

    task = task_from_env("Blackjack-v1", "Win.")
    assert task.spec.env.wrappers == FLATTENED
    assert [field.source for field in task.spec.fields] == ["obs[0]", "obs[1]", "obs[2]"]
    checked("def reward(next_value_0):\n    return next_value_0 / 21.0\n", task)


@pytest.mark.parametrize("env", ["Cards", "Card"])
def test_a_discrete_that_begins_at_2(env: str, tmp_path: Path) -> None:
    """Flattened for the policy; programs read the number as it is."""
    task, notes = new_task(f"line.py:{env}", tmp_path, quick)
    assert task.spec.env.wrappers == FLATTENED and "does not start at 0" in notes
    name = "sum" if env == "Cards" else "obs"
    bare = getattr(line, env)()
    trains(task, f"def reward(next_{name}):\n    return 1.0 * next_{name} - 2.0\n", bare, tmp_path)


def test_a_small_picture_in_a_dict_is_flattened(tmp_path: Path) -> None:
    task, notes = new_task("line.py:SmallCameraInDict", tmp_path, quick)
    assert task.spec.env.wrappers == FLATTENED and 'obs["picture"] is a small picture' in notes
    source = "def reward(next_picture):\n    return next_picture[:, 3, 0, 0] / 255.0\n"
    trains(task, source, line.SmallCameraInDict(), tmp_path)


def test_what_no_wrapper_of_gymnasium_fixes(tmp_path: Path) -> None:
    """Refused where nothing is left; else noted in the draft, and refused before a training."""
    with pytest.raises(UsageError, match="obs is a Sequence") as caught:
        new_task("line.py:Readings", tmp_path)
    assert "ObservationWrapper of your own" in caught.value.hint
    task, notes = new_task("line.py:Named", tmp_path / "named", quick)
    assert 'obs["mission"] is a Sequence' in notes
    assert [field.name for field in task.spec.fields] == ["there"]
    with pytest.raises(UsageError, match=r'obs\["mission"\] is a Sequence'):
        run_preflight(task, tmp_path / "preflight")


def test_a_number_outside_its_space(tmp_path: Path) -> None:
    from rewardsmith.errors import BoundaryError

    with pytest.raises(BoundaryError, match=r"obs is \d+, its space says Discrete\(3\)"):
        new_task("line.py:OutOfRange", tmp_path)


@pytest.mark.parametrize("source", ["obs[3]", "obs[1][0][5]", 'obs[1]["a"]', "obs[0][1]"])
def test_a_part_that_a_tuple_does_not_have(source: str) -> None:
    from rewardsmith.task.parsing import parse_spec

    spec = {
        "goal": "go",
        "env": {"id": "tests.cases.envs.line:Pair"},
        "fields": [{"name": "part", "source": source}],
        "fitness": {"source": "native_return"},
    }
    task = Task("t", parse_spec(spec, "t"))
    with pytest.raises(UsageError, match="part"):
        make_layout(task, make_env(task))


def test_a_text_alone_is_a_field_of_words(tmp_path: Path) -> None:
    task, _ = new_task("line.py:Speaks", tmp_path, quick)
    (field,) = task.spec.fields
    assert field.source == "obs" and field.words == ("go", "left", "right")
    trains(
        task,
        f"def reward(next_{field.name}):\n    return 1.0 * next_{field.name}[:, 1]\n",
        line.Speaks(),
        tmp_path,
    )


def test_actions_that_do_not_begin_at_0_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the actions of .* start at \[1 1\]"):
        new_task("line.py:ActionsFromOne", tmp_path)


def test_a_policy_that_does_not_fit_is_refused_before_any_step(tmp_path: Path) -> None:
    task = toy_task("tests.support.toy_envs:Counter", env_kwargs={"form": "dict"})
    taken = Counter.steps_taken
    with pytest.raises(UsageError, match="MlpPolicy does not fit the observation") as caught:
        run_preflight(task, tmp_path)
    assert 'policy = "MultiInputPolicy"' in caught.value.hint and Counter.steps_taken == taken
