"""A checkpoint as a Stable-Baselines3 zip, made of training defaults and weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from rewardsmith.run.trials import NORMALISATION, POLICY, RESULT, TrialJob, TrialResult
from rewardsmith.task.loading import Task
from rewardsmith.train.learner import load_state, make_learner, normalised
from rewardsmith.train.observing import observed
from rewardsmith.train.trainers import OpenFunctions
from rewardsmith.train.vectors import make_vec_env


def export_zip(task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions) -> None:
    """Write ``policy.zip`` and, if anything is normalised, ``vecnormalize.pkl`` into the folder.

    This process has never run generated code, so what it pickles is Stable-Baselines3's own.
    """
    with opened_policy(task, job, folder, open_functions) as (model, venv):
        model.save(folder / POLICY)
        if isinstance(venv, VecNormalize):
            venv.save(str(folder / NORMALISATION))


@contextmanager
def opened_policy(
    task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions
) -> Iterator[tuple[BaseAlgorithm, VecEnv]]:
    """The chosen checkpoint of a trial in a model, with its task's settings, and an environment."""
    result = TrialResult.model_validate_json((folder / RESULT).read_text(encoding="utf-8"))
    with closing(make_vec_env(task, 1, 0)) as base:
        reward = open_functions(base).reward
        venv = normalised(observed(base, reward, job.training.policy), job.training)
        # with the task's settings, so that its user can train it further
        model = make_learner(job.training, venv, job.seed, "cpu")
        load_state(model, venv, folder / "checkpoints", result.checkpoint)
        if isinstance(venv, VecNormalize):
            venv.training = False
        yield model, venv
