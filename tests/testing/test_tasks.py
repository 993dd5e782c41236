"""Broken tasks fail the contract of a task; tests/task/test_shipped.py has the shipped ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from rewardsmith.task.loading import load_task
from rewardsmith.testing import TaskContract
from rewardsmith.testing.toy import toy_task
from tests.support.contracts import failure
from tests.support.lineworld import write_task


class TestToy(TaskContract):
    def task(self) -> Any:
        return toy_task()


class Broken(TaskContract):
    episodes: ClassVar[int] = 2

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def task(self) -> str:
        return str(self._folder)


CLOCK = """
from itertools import count
CALLS = count()
def fitness(episode):
    return float(next(CALLS)), None
"""


@pytest.mark.parametrize(
    ("file", "old", "new", "test", "message"),
    [
        ("task.toml", "range = [-1.0, 1.0]", "range = [0.5, 1.0]", "fields", r"position within"),
        ("task.toml", 'doc = "where the walker is"', "", "fields", "doc and range of position"),
        ("fitness.py", None, CLOCK, "fitness", "again, found"),
        ("task.toml", "[fitness]", "[fitness]\nrandom = 5.0", "random", "mean fitness of 5.0"),
        ("task.toml", "[fitness]", "[fitness]\nexpert = 5.0", "expert", "a policy in expert.py"),
    ],
)
def test_a_broken_task_fails(
    file: str, old: str | None, new: str, test: str, message: str, tmp_path: Path
) -> None:
    folder = write_task(tmp_path / "line")
    text = (folder / file).read_text()
    (folder / file).write_text(new if old is None else text.replace(old, new))
    failure(Broken(folder), TESTS[test], match=message)


TESTS = {
    "fields": "its_fields_are_described_and_within_their_ranges",
    "fitness": "its_fitness_is_a_finite_number_that_the_seed_decides",
    "random": "the_random_policy_is_as_stated",
    "expert": "the_expert_solves_it",
}


def test_an_expert_that_does_not_solve_its_task_fails(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "line")
    stated = "[fitness]\nexpert = -0.3\nsolved = 0.9"
    (folder / "task.toml").write_text(
        (folder / "task.toml").read_text().replace("[fitness]", stated)
    )
    (folder / "expert.py").write_text("def policy(observation):\n    return [-observation[0]]\n")
    failure(Broken(folder), TESTS["expert"], match="a mean fitness of")


def test_an_environment_that_gymnasium_refuses_fails(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "line")
    env = (folder / "env.py").read_text()
    (folder / "env.py").write_text(env.replace("Box(-2.0, 2.0, (2,)", "Box(-0.1, 0.1, (2,)"))
    with pytest.raises(AssertionError, match="observation"):
        Broken(folder).test_its_environment_passes_the_checks_of_gymnasium()


def test_a_task_whose_file_changes_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load_task(write_task(tmp_path / "line"))
    assert task.folder is not None
    (task.folder / "notes.txt").write_text("first")
    assert task.digest
    (task.folder / "notes.txt").write_text("second")

    class Changed(Broken):
        def task(self) -> Any:
            return task

    failure(Changed(tmp_path), "its_digest_is_that_of_its_copy", tmp_path, match="the digest")
