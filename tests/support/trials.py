"""Carries out small trials in this process, the way a worker does."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import torch

from rewardsmith.engine.workers.opening import running_functions
from rewardsmith.program import EntryPoint
from rewardsmith.run.trials import ExploiterSpec, TrainedReport, TrialJob, TrialResult
from rewardsmith.sandbox.limits import Limits
from rewardsmith.task.loading import Task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.terms.specs import program_terms
from rewardsmith.train.evaluation import run_evaluation
from rewardsmith.train.trainers import Member
from rewardsmith.train.trial import run_training

SMALL = {"policy_kwargs": {"net_arch": [8]}}
PPO: dict[str, Any] = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, **SMALL}
OFF_POLICY: dict[str, Any] = {
    "learning_starts": 20,
    "batch_size": 16,
    "buffer_size": 500,
    "train_freq": 4,
    **SMALL,
}
MATCH = "def reward(obs, action):\n    return {'match': 1.0 * ((obs[:, 0] > 0) == (action > 0)), 'cost': -0.01}\n"


def toy_task(
    env: str = "tests.support.toy_envs:Match",
    fields: list[dict[str, Any]] | None = None,
    env_kwargs: dict[str, Any] | None = None,
    hyperparameters: dict[str, Any] = PPO,
    **training: Any,
) -> Task:
    spec = {
        "goal": "match",
        "env": {"id": env, "kwargs": env_kwargs or {}},
        "fields": fields or [],
        "fitness": {"source": "native_return", "solved": 7},
        "training": {"n_envs": 2, "hyperparameters": hyperparameters, **training},
        "evaluation": {"episodes": 3},
    }
    return Task("toy", parse_spec(spec, "toy"))


def entry_of(source: str) -> EntryPoint:
    namespace: dict[str, Any] = {}
    exec("import numpy as np\n" + source, namespace)
    return EntryPoint("reward", tuple(inspect.signature(namespace["reward"]).parameters), "reward")


def job_for(
    task: Task,
    source: str | None = MATCH,
    steps: int = 64,
    seed: int = 0,
    rung: str = "selection",
    exploiter: ExploiterSpec | None = None,
) -> TrialJob:
    entries = {"reward": entry_of(source)} if source else {}
    return TrialJob(
        program="toy" if source else "native", seed=seed, rung=rung, steps=steps,
        reward=program_terms("import numpy as np\n" + (source or ""), entries, "batched"),
        training=task.spec.training, evaluation=task.spec.evaluation, device="cpu", exploiter=exploiter,
    )  # fmt: skip


def trial(
    folder: Path,
    task: Task,
    source: str | None = MATCH,
    *,
    limits: Limits | None = None,
    **more: Any,
) -> tuple[TrainedReport, TrialResult]:
    """Train and evaluate; the folder holds what a run would hold of it."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    job = job_for(task, source, **more)
    with running_functions(task, job, limits or Limits()) as open_functions:
        report = run_training(task, Member(job, folder, open_functions))
        return report, run_evaluation(task, job, folder, open_functions)


if __name__ == "__main__":
    for word in sys.argv[2:]:
        trial(Path(sys.argv[1]) / f"seed{word}", toy_task(), seed=int(word), steps=256)
