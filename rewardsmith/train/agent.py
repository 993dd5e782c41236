"""One agent ready to be trained: its environments, its reward, its learner and its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import configure
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from rewardsmith.errors import ProgramError
from rewardsmith.run.training_state import remove_state
from rewardsmith.run.trials import CURVE_POINTS, TRAINED, TrainedReport, TrialJob, write_json
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
from rewardsmith.train.prior.shaper import QShaper
from rewardsmith.train.rollout_reward import RolloutNormalize, RolloutReward
from rewardsmith.train.trainers import Member
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import derived_seed, make_vec_env


@dataclass(eq=False)
class Agent:
    """What a trainer trains.

    Attributes:
        rewarded: the environments with the trial's reward.
        venv: the same, normalised; what the learner acts in.
        model: the learner.
        record: of the training.
        q_prior: the program's prior on Q, where the model is not yet shaped by it.
        shaper: what shapes the learner by it, once there is one.
        earlier_s: seconds that its training took before it was interrupted.
        before_saving: brings the model's weights up to date, where they are trained elsewhere.
    """

    job: TrialJob
    folder: Path
    rewarded: VecReward
    venv: VecEnv
    model: BaseAlgorithm
    record: TrainingRecord
    exploiter: Exploiter | None
    q_prior: PriorOfFields | None = None
    shaper: QShaper[Any] | None = None
    earlier_s: float = 0.0
    before_saving: Callable[[Agent], None] = lambda agent: None

    def write_row(self, steps: int) -> None:
        """Write a row of the curve, for the episodes that ended since the last one."""
        episodes, terms = self.rewarded.take_finished(), self.rewarded.term_names
        for key, value in self.record.row(steps, episodes, terms).items():
            name = key.replace("term/", "reward/") if "/" in key else f"task/{key}"
            self.model.logger.record(name, value)

    def finish(self, steps: int) -> None:
        """Write what is left, and close the files."""
        if self.rewarded.finished:
            self.write_row(steps)
        self.record.close()
        if self.exploiter is not None:
            self.exploiter.save(self.folder)

    def report(
        self, task: Task, steps: int, wall_s: float, broken: ProgramError | None
    ) -> TrainedReport:
        """Write that the training is over."""
        prior = None if self.shaper is None else self.shaper.decision.outcome
        checkpoints = list(self.record.checkpoints)
        report = report_of(task, self.job, steps, wall_s, broken)
        continued = list(self.record.continued)
        found = {"checkpoints": checkpoints, "prior": prior, "continued": continued}
        report = report.model_copy(update=found)
        write_json(self.folder / TRAINED, report)
        remove_state(self.folder)
        return report


@contextmanager
def opened_agent(task: Task, member: Member, *, shaped: bool) -> Iterator[Agent]:
    """An agent of a trial; its environments are closed with the context.

    Args:
        shaped: whether the model itself uses the program's prior on Q, if there is one; else
            it is a plain one, and who trains it is left to use the prior.

    Raises:
        ProgramError: its program could not be started.
        BoundaryError: the environment or the learner failed.
    """
    job, folder, open_functions = member
    seed = derived_seed("environments", job.seed)
    with closing(make_vec_env(task, job.training.n_envs, seed)) as base:
        functions = open_functions(base)
        watched = observed(base, functions.reward, job.training.policy)
        fitness = fitness_function(task)
        exploiter = None if job.exploiter is None else Exploiter(job.exploiter, fitness)
        rewarded, venv = _rewarded(job, watched, functions.reward, exploiter)
        prior = None if functions.q_prior is None else PriorOfFields(functions.q_prior, base)
        device = choose_device(job.training, job.device)
        seed = derived_seed("learner", job.seed)
        model = make_learner(job.training, venv, seed, device, prior if shaped else None)
        model.set_logger(configure(str(folder / "tensorboard"), ["tensorboard"]))

        def save(name: str) -> None:
            agent.before_saving(agent)
            save_state(model, venv, folder / "checkpoints", name)

        record = TrainingRecord(fitness, folder, job, save)
        agent = Agent(job, folder, rewarded, venv, model, record, exploiter)
        if shaped:
            agent.shaper = getattr(model, "q_shaper", None)
        else:
            agent.q_prior = prior
        try:
            yield agent
        finally:
            record.close()
            model.logger.close()


def report_of(
    task: Task, job: TrialJob, steps: int, wall_s: float, broken: ProgramError | None
) -> TrainedReport:
    """The report of a training without checkpoints."""
    return TrainedReport(
        digest=job.digest(task.digest),
        status="finished" if broken is None else "program_failed",
        steps=steps,
        wall_s=wall_s,
        checkpoints=[],
        message="" if broken is None else broken.message,
        line=0 if broken is None else broken.line,
    )


def rows_between_points(job: TrialJob) -> int:
    """Iterations between TensorBoard points: rollouts on-policy, episodes off-policy."""
    rollout = job.training.rollout_steps
    return 10 if rollout is None else max(1, job.steps // rollout // CURVE_POINTS)


def _rewarded(
    job: TrialJob, venv: VecEnv, reward: Reward, exploiter: Exploiter | None
) -> tuple[VecReward, VecEnv]:
    """The reward wrapper and the top of the stack: once per rollout where possible, else per step.

    Only PPO itself is known to read rewards when its rollout is full; a class below it may read
    them earlier. A term that observes each step must be valued in that step.
    """
    is_ppo = algorithm_class(job.training.algorithm) is PPO
    per_rollout = is_ppo and not reward.observing
    kind = RolloutReward if per_rollout else VecReward
    rewarded = kind(venv, reward, job.training.gamma, history=True, exploiter=exploiter)
    normalise = RolloutNormalize if per_rollout else VecNormalize
    return rewarded, normalised(rewarded, job.training, normalise)
