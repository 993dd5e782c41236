"""PPO with several agents together: rollouts, valued when they are full, and updates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stable_baselines3 import PPO

from rewardsmith.errors import ProgramError
from rewardsmith.task.loading import Task
from rewardsmith.train.agent import Agent, rows_between_points
from rewardsmith.train.cohort import Cohort
from rewardsmith.train.members.learner import PpoMembers
from rewardsmith.train.rollout_reward import RolloutReward, settled
from rewardsmith.train.vectors import derived_seed


class OnPolicyCohort(Cohort):
    """Agents that learn with PPO.

    Raises:
        NotHere: only Stable-Baselines3 can train them.
    """

    def __init__(self, task: Task, agents: Sequence[Agent], begun: float, first: Path) -> None:
        models = [agent.model for agent in agents if isinstance(agent.model, PPO)]
        seeds = [derived_seed("members", agent.job.seed) for agent in agents]
        self._learner = PpoMembers(models, seeds)
        self._ended: list[Agent] = []  # in this rollout
        super().__init__(task, agents, self._learner, begun, first)

    def iterate(self) -> None:
        """Collect a rollout, and learn from it."""
        self._ended = []
        self._learner.collect(self.stepped)
        self.drop(self._ended)
        self._settle()
        if not self.agents:
            return
        losses = self._learner.update(1 - self.steps / self.job.steps)
        rollout = self.job.training.rollout_steps or 1
        if self.steps // rollout % rows_between_points(self.job) == 0:
            self.log(losses._asdict())
        self.drop_lost()

    def stepped(self) -> None:
        """End the agents whose program broke in this vector step; report it of the others."""
        for place, error in self._learner.rollouts.broken.items():
            if self.agents[place] not in self._ended:
                self.end(self.agents[place], error)
                self._ended.append(self.agents[place])
        self.steps += self.job.training.n_envs
        for agent in self.agents:
            if agent not in self._ended:
                agent.record.stepped(self.steps)

    def _settle(self) -> None:
        """Value the rollout, where rewards are not valued in each step; write rows of curves.

        Agents whose program broke are dropped.
        """
        broken, due = list[Agent](), list[Agent]()
        for place, agent in enumerate(self.agents):
            try:
                if isinstance(agent.rewarded, RolloutReward):
                    rewards, _ = settled(agent.rewarded, agent.venv)
                    self._learner.rollouts.rewards[place] = rewards
            except ProgramError as error:
                self.end(agent, error)
                broken.append(agent)
                continue
            if agent.record.row_is_due(self.steps):
                due.append(agent)
        self.write_rows(due)
        self.drop(broken)
