"""A checkpoint as a Stable-Baselines3 zip, built from the task's training defaults and the weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stable_baselines3.common.vec_env import VecNormalize

from rewardsmith.run.trials import NORMALISATION, POLICY, RESULT, TrialJob, TrialResult
from rewardsmith.task.loading import Task
from rewardsmith.train.learner import load_state, make_learner, normalised, with_subgoals
from rewardsmith.train.vectors import RecordedVecEnv, make_vec_env
from rewardsmith.types import Opened


def export_zip(
    task: Task,
    job: TrialJob,
    folder: Path,
    open_program: Callable[[RecordedVecEnv], Opened],
) -> None:
    """Write ``policy.zip`` and, where anything is normalised, ``vecnormalize.pkl`` into the trial's folder.

    This process has never run generated code, so what it pickles is Stable-Baselines3's own.
    """
    result = TrialResult.model_validate_json((folder / RESULT).read_text(encoding="utf-8"))
    base = make_vec_env(task, 1, 0)
    venv = normalised(with_subgoals(task, base, open_program(base).subgoals), job.training)
    model = make_learner(
        job.training, venv, job.seed, "cpu"
    )  # with its own settings, to be trained on if wished
    load_state(model, venv, folder / "checkpoints", result.checkpoint)
    model.save(folder / POLICY)
    if isinstance(venv, VecNormalize):
        venv.training = False
        venv.save(str(folder / NORMALISATION))
