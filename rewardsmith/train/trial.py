"""One training of one agent with Stable-Baselines3.

A program that breaks ends its own training and nothing else; the report says so.
"""

from __future__ import annotations

import time

from stable_baselines3.common.callbacks import BaseCallback, CallbackList

from rewardsmith.errors import ProgramError, boundary
from rewardsmith.run.trials import TRAINED, TrainedReport, write_json
from rewardsmith.task.loading import Task
from rewardsmith.train.agent import Agent, opened_agent, report_of, rows_between_points
from rewardsmith.train.rollout_reward import RolloutReward, SettleRollout
from rewardsmith.train.trainers import Member


def run_training(task: Task, member: Member) -> TrainedReport:
    """Train, and write curve, checkpoints and report into the trial's folder.

    Raises:
        BoundaryError: the environment or the learner failed.
    """
    begun = time.monotonic()
    try:
        with opened_agent(task, member, shaped=True) as agent:
            broken = _learn(agent)
            wall_s = time.monotonic() - begun
            return agent.report(task, agent.model.num_timesteps, wall_s, broken)
    except ProgramError as error:  # it could not be started
        report = report_of(task, member.job, 0, time.monotonic() - begun, error)
        write_json(member.folder / TRAINED, report)
        return report


def _learn(agent: Agent) -> ProgramError | None:
    """Let the model learn to its end; the error of a program that broke."""
    job, model = agent.job, agent.model
    callbacks: list[BaseCallback] = [_Recording(agent)]
    if isinstance(agent.rewarded, RolloutReward):
        callbacks.insert(0, SettleRollout(agent.rewarded))
    try:
        with boundary("trainer", f"training {job.program} with seed {job.seed}"):
            model.learn(
                job.steps, callback=CallbackList(callbacks), log_interval=rows_between_points(job)
            )
        agent.record.checkpoint(model.num_timesteps)
    except ProgramError as error:
        return error
    finally:
        agent.finish(model.num_timesteps)
    return None


class _Recording(BaseCallback):
    """Reports each step to the record of the training, and logs its rows."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self._agent = agent

    def _on_step(self) -> bool:
        self._agent.record.stepped(self.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        """Rewards of a rollout may be known only now, so rows are written here and not between."""
        if self._agent.record.row_is_due(self.num_timesteps):
            self._agent.write_row(self.num_timesteps)
