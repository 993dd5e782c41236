"""One training under a program: the curve, checkpoints along the way, and how it ended.

A program that breaks ends its own training and nothing else; the report says so. The fitness along
the curve is measured on training episodes, which costs no extra steps; it is shown to the writer
and never used for selection.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from rewardsmith.errors import ProgramError, boundary
from rewardsmith.run.trials import (
    CHECKPOINTS,
    CURVE,
    CURVE_POINTS,
    TRAINED,
    PriorOutcome,
    TrainedReport,
    TrialJob,
    write_json,
    write_progress,
)
from rewardsmith.task.fitness import Fitness, fitness_function
from rewardsmith.task.loading import Task
from rewardsmith.train.algorithms import is_on_policy
from rewardsmith.train.learner import (
    choose_device,
    make_learner,
    normalised,
    save_state,
    with_subgoals,
)
from rewardsmith.train.prior.fields import PriorOfFields
from rewardsmith.train.rollout_reward import RolloutNormalize, RolloutReward, SettleRollout
from rewardsmith.train.subgoals import Subgoals
from rewardsmith.train.vec_reward import TrainingEpisode, VecReward
from rewardsmith.train.vectors import RecordedVecEnv, derived_seed, make_vec_env
from rewardsmith.types import Episode, Evaluator, Opened


def run_training(
    task: Task, job: TrialJob, folder: Path, open_program: Callable[[RecordedVecEnv], Opened]
) -> TrainedReport:
    """Train, and write curve, checkpoints and report into ``folder``.

    Args:
        open_program: given the recorded environments, the program's functions.

    Raises:
        BoundaryError: the environment or the learner failed.
    """
    begun = time.monotonic()
    base = make_vec_env(task, job.training.n_envs, derived_seed("environments", job.seed))
    try:
        opened = open_program(base)
        watched = with_subgoals(task, base, opened.subgoals)
    except ProgramError as error:
        base.close()
        return _report(task, job, folder, begun, error)
    rewarded, venv = _rewarded(job, watched, opened.program)
    prior = None if opened.q_prior is None else PriorOfFields(opened.q_prior, base)
    device = choose_device(job.training, job.device)
    model = make_learner(job.training, venv, derived_seed("learner", job.seed), device, prior)
    model.set_logger(configure(str(folder / "tensorboard"), ["tensorboard"]))
    recording = _Recording(rewarded, fitness_function(task), folder, job)
    broken: ProgramError | None = None
    try:
        with boundary("trainer", f"training {job.program} with seed {job.seed}"):
            callbacks: list[BaseCallback] = [recording]
            if isinstance(rewarded, RolloutReward):
                callbacks.insert(0, SettleRollout(rewarded))
            model.learn(
                job.steps, callback=CallbackList(callbacks), log_interval=_log_interval(job)
            )
        recording.checkpoint()
    except ProgramError as error:
        broken = error
    finally:
        recording.close()
        model.logger.close()
        venv.close()
    outcome = model.q_shaper.outcome if prior is not None else None  # type: ignore[attr-defined]
    return _report(
        task, job, folder, begun, broken, model.num_timesteps, recording.checkpoints, outcome
    )


def _report(
    task: Task,
    job: TrialJob,
    folder: Path,
    begun: float,
    broken: ProgramError | None,
    steps: int = 0,
    checkpoints: Sequence[str] = (),
    prior: PriorOutcome | None = None,
) -> TrainedReport:
    """Write down how it ended."""
    report = TrainedReport(
        digest=job.digest(task.digest),
        status="finished" if broken is None else "program_failed",
        steps=steps,
        wall_s=time.monotonic() - begun,
        checkpoints=list(checkpoints),
        message="" if broken is None else broken.message,
        line=0 if broken is None else broken.line,
        prior=prior,
    )
    write_json(folder / TRAINED, report)
    return report


def _rewarded(job: TrialJob, base: VecEnv, program: Evaluator | None) -> tuple[VecReward, VecEnv]:
    """The reward wrapper and the top of the stack: per rollout where the learner allows it, else per step."""
    watched = isinstance(base, Subgoals)  # what they are worth is known step by step
    per_rollout = job.training.algorithm == "PPO" and program is not None and not watched
    rewarded = (RolloutReward if per_rollout else VecReward)(
        base, program, job.training.gamma, history=True
    )
    return rewarded, normalised(
        rewarded, job.training, RolloutNormalize if per_rollout else VecNormalize
    )


def _log_interval(job: TrialJob) -> int:
    """Iterations between TensorBoard points: on-policy counts rollouts, off-policy counts episodes."""
    per_rollout = int(job.training.hyperparameters.get("n_steps", 2048)) * job.training.n_envs
    return (
        max(1, job.steps // per_rollout // CURVE_POINTS)
        if is_on_policy(job.training.algorithm)
        else 10
    )


class _Recording(BaseCallback):
    """Writes curve rows and checkpoints at fixed steps of a training."""

    def __init__(
        self,
        rewarded: VecReward,
        fitness: Callable[[Episode], Fitness],
        folder: Path,
        job: TrialJob,
    ) -> None:
        super().__init__()
        steps = job.steps
        self._job = job
        self._last_fitness: float | None = None
        self.checkpoints: list[str] = []
        self._rewarded = rewarded
        self._fitness = fitness
        self._folder = folder
        self._every_row = max(1, steps // CURVE_POINTS)
        self._every_checkpoint = max(1, steps // CHECKPOINTS)
        self._next_row, self._next_checkpoint = self._every_row, self._every_checkpoint
        self._last = steps
        self._begun = time.monotonic()
        self._file = (folder / CURVE).open("w", newline="", encoding="utf-8")
        self._writer: Any = None

    def _on_step(self) -> bool:
        if self._next_checkpoint <= self.num_timesteps < self._last:
            self._next_checkpoint += self._every_checkpoint
            self.checkpoint()
        return True

    def _on_rollout_end(self) -> None:
        """Rewards of a rollout may be known only now, so rows are written here and not between."""
        if self.num_timesteps >= self._next_row:
            self._next_row += self._every_row * (
                (self.num_timesteps - self._next_row) // self._every_row + 1
            )
            self._row()

    def checkpoint(self) -> None:
        """Save weights and statistics under the number of steps taken."""
        name = f"{self.num_timesteps:09d}"
        venv = self.model.get_env()
        assert venv is not None
        save_state(self.model, venv, self._folder / "checkpoints", name)
        if name not in self.checkpoints:
            self.checkpoints.append(name)

    def close(self) -> None:
        """Write what is left and close the curve."""
        if self._rewarded.finished:
            self._row()
        self._file.close()

    def _row(self) -> None:
        row = {"steps": self.num_timesteps, "wall_s": round(time.monotonic() - self._begun, 3)}
        row |= _summary(self._rewarded.take_finished(), self._fitness)
        if self._writer is None:
            terms = [f"term/{name}" for name in self._rewarded.term_names]
            fields = ["steps", "wall_s", "episodes", *_MEASURES, *terms]
            self._writer = csv.DictWriter(self._file, fields, extrasaction="ignore")
            self._writer.writeheader()
        self._writer.writerow({key: _short(value) for key, value in row.items()})
        self._file.flush()
        self._last_fitness = row.get("fitness", self._last_fitness)
        write_progress(self._folder, [self._job.progress(self.num_timesteps, self._last_fitness)])
        for key, value in row.items():
            if key not in ("steps", "wall_s"):
                self.logger.record(
                    key.replace("term/", "reward/") if "/" in key else f"task/{key}", value
                )


_MEASURES = ("length", "own_return", "native_return", "fitness", "success")


def _summary(
    episodes: Sequence[TrainingEpisode], fitness: Callable[[Episode], Fitness]
) -> dict[str, float]:
    """Means over training episodes; empty of measures when none ended."""
    if not episodes:
        return {"episodes": 0}
    measured = [fitness(episode.episode) for episode in episodes if episode.episode is not None]
    row = {
        "episodes": len(episodes),
        "length": float(np.mean([e.length for e in episodes])),
        "own_return": float(np.mean([e.own_return for e in episodes])),
        "native_return": float(np.mean([e.native_return for e in episodes])),
        "fitness": float(np.mean([m.value for m in measured])),
    }
    successes = [m.success for m in measured if m.success is not None]
    if successes:
        row["success"] = float(np.mean(successes))
    names = dict.fromkeys(name for episode in episodes for name in episode.terms)
    return row | {
        f"term/{name}": float(np.mean([e.terms.get(name, 0.0) for e in episodes])) for name in names
    }


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
