"""SAC, TD3, DDPG and DQN with several agents together: steps into memories, and updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.task.loading import Task
from rewardsmith.train.agent import Agent
from rewardsmith.train.cohort import Cohort
from rewardsmith.train.members.off_policy_learner import OffPolicyMembers
from rewardsmith.train.prior.member import MemberShaper
from rewardsmith.train.prior.options import shaping_options
from rewardsmith.train.vectors import derived_seed
from rewardsmith.types import Array


class OffPolicyCohort(Cohort):
    """Agents that learn from a memory of transitions.

    Raises:
        NotHere: only Stable-Baselines3 can train them.
    """

    def __init__(self, task: Task, agents: Sequence[Agent], begun: float, first: Path) -> None:
        models = [agent.model for agent in agents if isinstance(agent.model, OffPolicyAlgorithm)]
        seeds = [derived_seed("members", agent.job.seed) for agent in agents]
        self._learner = OffPolicyMembers(models, seeds, agents[0].job.steps)
        for place, agent in enumerate(agents):
            self._shape(place, agent)
        super().__init__(task, agents, self._learner, begun, first)

    def iterate(self) -> None:
        """Take the steps from one update to the next, and learn."""
        for _ in range(self._learner.train_freq):
            self._step()
            if not self.agents:
                return
        due = [agent for agent in self.agents if agent.record.row_is_due(self.steps)]
        self.write_rows(due)
        losses = self._learner.update() or {}
        if due:
            self.log(losses)
        if due or not _all_finite(losses):
            self.drop_lost()

    def _shape(self, place: int, agent: Agent) -> None:
        """Use the prior on Q of an agent, if it has one."""
        if agent.q_prior is None:
            return
        prior = agent.job.training.shaping.prior
        options = shaping_options(agent.q_prior, prior.model_dump())
        agent.shaper = shaper = MemberShaper(self._learner, place, agent.q_prior, options)
        self._learner.set_shaper(place, shaper)

    def _step(self) -> None:
        """Take a vector step; agents whose program broke are dropped."""
        broken = self._learner.step()
        for place, error in broken.items():
            self.end(self.agents[place], error)
        self.drop([self.agents[place] for place in broken])
        self.stepped()


def _all_finite(losses: Mapping[str, Array]) -> bool:
    return all(np.isfinite(values).all() for values in losses.values())
