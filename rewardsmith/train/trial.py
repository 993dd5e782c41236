"""One training of one agent with Stable-Baselines3.

A program that breaks ends its own training and nothing else; the report says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from rewardsmith.errors import ProgramError, boundary
from rewardsmith.run.trials import (
    CURVE_POINTS,
    TRAINED,
    PriorOutcome,
    TrainedReport,
    TrialJob,
    write_json,
)
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import Reward
from rewardsmith.train.curve import TrainingRecord
from rewardsmith.train.exploiter import Exploiter
from rewardsmith.train.learner import (
    algorithm_class,
    choose_device,
    make_learner,
    normalised,
    save_state,
)
from rewardsmith.train.observing import observed
from rewardsmith.train.prior.fields import PriorOfFields
from rewardsmith.train.rollout_reward import RolloutNormalize, RolloutReward, SettleRollout
from rewardsmith.train.trainers import OpenFunctions
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import RecordedVecEnv, derived_seed, make_vec_env


@dataclass(frozen=True)
class _Outcome:
    """How a training ended."""

    steps: int = 0
    checkpoints: Sequence[str] = ()
    broken: ProgramError | None = None
    prior: PriorOutcome | None = None


def run_training(
    task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions
) -> TrainedReport:
    """Train, and write curve, checkpoints and report into ``folder``.

    Args:
        open_functions: given the recorded environments, starts the trial's functions.

    Raises:
        BoundaryError: the environment or the learner failed.
    """
    begun = time.monotonic()
    outcome = _trained(task, job, folder, open_functions)
    broken = outcome.broken
    report = TrainedReport(
        digest=job.digest(task.digest),
        status="finished" if broken is None else "program_failed",
        steps=outcome.steps,
        wall_s=time.monotonic() - begun,
        checkpoints=list(outcome.checkpoints),
        message="" if broken is None else broken.message,
        line=0 if broken is None else broken.line,
        prior=outcome.prior,
    )
    write_json(folder / TRAINED, report)
    return report


def _trained(task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions) -> _Outcome:
    seed = derived_seed("environments", job.seed)
    with closing(make_vec_env(task, job.training.n_envs, seed)) as base:
        return _trained_in(base, task, job, folder, open_functions)


def _trained_in(
    base: RecordedVecEnv, task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions
) -> _Outcome:
    try:
        functions = open_functions(base)
        watched = observed(base, functions.reward, job.training.policy)
    except ProgramError as error:
        return _Outcome(broken=error)
    fitness = fitness_function(task)
    exploiter = None if job.exploiter is None else Exploiter(job.exploiter, fitness)
    rewarded, venv = _rewarded(job, watched, functions.reward, exploiter)
    prior = None if functions.q_prior is None else PriorOfFields(functions.q_prior, base)
    device = choose_device(job.training, job.device)
    model = make_learner(job.training, venv, derived_seed("learner", job.seed), device, prior)
    model.set_logger(configure(str(folder / "tensorboard"), ["tensorboard"]))
    record = TrainingRecord(
        fitness,
        folder,
        job,
        lambda name: save_state(model, venv, folder / "checkpoints", name),
    )
    try:
        broken = _learn(job, model, rewarded, record)
    finally:
        model.logger.close()
    if exploiter is not None:
        exploiter.save(folder)
    outcome = model.q_shaper.outcome if prior is not None else None  # type: ignore[attr-defined]
    return _Outcome(model.num_timesteps, record.checkpoints, broken, outcome)


def _learn(
    job: TrialJob, model: BaseAlgorithm, rewarded: VecReward, record: TrainingRecord
) -> ProgramError | None:
    """Let the model learn to its end; the error of a program that broke."""
    recording = _Recording(record, rewarded)
    callbacks: list[BaseCallback] = [recording]
    if isinstance(rewarded, RolloutReward):
        callbacks.insert(0, SettleRollout(rewarded))
    try:
        with boundary("trainer", f"training {job.program} with seed {job.seed}"):
            model.learn(
                job.steps, callback=CallbackList(callbacks), log_interval=_log_interval(job)
            )
        record.checkpoint(model.num_timesteps)
    except ProgramError as error:
        return error
    finally:
        recording.finish()
    return None


def _rewarded(
    job: TrialJob, venv: VecEnv, reward: Reward, exploiter: Exploiter | None
) -> tuple[VecReward, VecEnv]:
    """The reward wrapper and the top of the stack: once per rollout where possible, else per step.

    Only PPO itself is known to read rewards when its rollout is full; a class below it may read
    them earlier. A term that observes each step must be valued in that step.
    """
    is_ppo = algorithm_class(job.training.algorithm) is PPO
    per_rollout = is_ppo and not reward.is_native and not reward.observing
    kind = RolloutReward if per_rollout else VecReward
    rewarded = kind(venv, reward, job.training.gamma, history=True, exploiter=exploiter)
    normalise = RolloutNormalize if per_rollout else VecNormalize
    return rewarded, normalised(rewarded, job.training, normalise)


def _log_interval(job: TrialJob) -> int:
    """Iterations between TensorBoard points: rollouts on-policy, episodes off-policy."""
    rollout = job.training.rollout_steps
    return 10 if rollout is None else max(1, job.steps // rollout // CURVE_POINTS)


class _Recording(BaseCallback):
    """Reports each step to the record of the training, and logs its rows."""

    def __init__(self, record: TrainingRecord, rewarded: VecReward) -> None:
        super().__init__()
        self._record, self._rewarded = record, rewarded

    def _on_step(self) -> bool:
        self._record.stepped(self.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        """Rewards of a rollout may be known only now, so rows are written here and not between."""
        if self._record.row_is_due(self.num_timesteps):
            self._row()

    def finish(self) -> None:
        """Write what is left and close the curve."""
        if self._rewarded.finished:
            self._row()
        self._record.close()

    def _row(self) -> None:
        episodes, terms = self._rewarded.take_finished(), self._rewarded.term_names
        for key, value in self._record.row(self.num_timesteps, episodes, terms).items():
            name = key.replace("term/", "reward/") if "/" in key else f"task/{key}"
            self.logger.record(name, value)
