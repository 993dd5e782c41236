"""What rewardsmith relies on in a task."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rewardsmith.episodes.random_policy import random_behaviour
from rewardsmith.episodes.recording import Controller, play, record
from rewardsmith.task.environment import make_env
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.modules import import_file
from rewardsmith.task.resolving import resolve_task
from rewardsmith.testing.expectations import expect

EXPERT = "expert.py"
_SLACK = 0.05  # share of a range by which the last value of an episode may exceed it


class TaskContract(ABC):
    """Tests of a task: its environment, fields, fitness, and its expert if there is one.

    Class attributes:
        episodes: of the expert and of the random policy, to measure fitness.
    """

    episodes: ClassVar[int] = 12

    @abstractmethod
    def task(self) -> Task | str:
        """The task, its name, or the path of its folder."""

    def test_its_digest_is_that_of_its_copy(self, tmp_path: Path) -> None:
        task = self._task()
        task.freeze(tmp_path / "copy")
        copy = load_task(tmp_path / "copy")
        hint = "keep the task's files constant: a run reads a copy of them"
        expect(copy.digest == task.digest, f"the digest {task.digest}", copy.digest, hint)

    def test_its_environment_passes_the_checks_of_gymnasium(self) -> None:
        env = make_env(self._task())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on metadata and ranges
            check_env(env.unwrapped, skip_render_check=True)
        env.close()

    def test_its_fields_are_described_and_within_their_ranges(self) -> None:
        task = self._task()
        env = make_env(task)
        arguments = make_layout(task, env).arguments
        env.close()
        missing = {f"next_{field.name}" for field in task.offered_fields} - set(arguments)
        hint = "read each field after every step, see docs/environments.md"
        expect(not missing, "a column for each field after a step", f"none for {missing}", hint)
        episodes = random_behaviour(task, 3, seed=1).episodes
        for field in task.spec.fields:
            limits = field.range or ((0.0, len(field.words) + 1.0) if field.words else None)
            shown = field.doc and limits is not None
            hint = "the writer of programs is shown both; or hide the field"
            expect(shown or field.hidden, f"doc and range of {field.name}", repr(field), hint)
            if limits is None:
                continue
            low, high = limits
            values = np.concatenate([np.ravel(episode.fields[field.name]) for episode in episodes])
            slack = _SLACK * (high - low)
            inside = low - slack <= values.min() and values.max() <= high + slack
            found = f"[{values.min():g}, {values.max():g}]"
            expect(inside, f"{field.name} within [{low:g}, {high:g}]", found, "correct its range")

    def test_its_fitness_is_a_finite_number_that_the_seed_decides(self) -> None:
        task = self._task()
        measured = []
        for _ in range(2):
            behaviour = random_behaviour(task, 3, seed=7)
            measured.append([fitness_function(task)(one).value for one in behaviour.episodes])
        hint = "draw all random numbers of the environment from its seed, and none in the fitness"
        expect(np.isfinite(measured).all(), "finite fitness", measured[0], "guard divisions")
        expect(measured[0] == measured[1], f"{measured[0]} again", measured[1], hint)

    def test_the_random_policy_is_as_stated(self) -> None:
        task = self._task()
        stated = task.spec.fitness.random
        if stated is None:
            pytest.skip("the task states no fitness of the random policy: [fitness] random")
        behaviour = random_behaviour(task, self.episodes, seed=7)
        _expect_about([fitness_function(task)(one).value for one in behaviour.episodes], stated)

    def test_the_expert_solves_it(self) -> None:
        task = self._task()
        policy, spec = self._expert(task), task.spec.fitness
        if policy is None:
            stated = spec.expert
            expect(stated is None, f"a policy in {EXPERT}", "none", "or state no [fitness] expert")
            pytest.skip(f"the task has no policy in {EXPERT}")
        expect(spec.expert is not None, "[fitness] expert", "none", "state what the policy reaches")
        expect(spec.solved is not None, "[fitness] solved", "none", "state what solves the task")
        with record(task) as env:
            play(env, policy, self.episodes, seed=100)
            values = [measured.value for measured in env.fitness()]
        _expect_about(values, spec.expert or 0.0)
        hint = "lower [fitness] solved, or improve the expert"
        mean = float(np.mean(values))
        expect(mean >= (spec.solved or 0.0), f"a mean fitness of {spec.solved}", mean, hint)

    def _task(self) -> Task:
        return resolve_task(self.task(), "(a goal)")

    def _expert(self, task: Task) -> Controller | None:
        """The policy of the task's hand-written reference, if it has one."""
        if task.folder is None or not (task.folder / EXPERT).is_file():
            return None
        return getattr(import_file(task.folder / EXPERT), "policy", None)


def _expect_about(values: list[float], stated: float) -> None:
    """Within four standard errors of what was measured, and a little for its own error."""
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / np.sqrt(len(values))
    hint = "state in [fitness] what more episodes measure"
    expect(abs(mean - stated) < 4 * error + 0.02, f"a mean fitness of {stated}", mean, hint)
