"""The trainers that train in NumPy, see :mod:`rewardsmith.train.members`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import takewhile

from rewardsmith.errors import UsageError
from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.train.trainers import Member

_TOGETHER = {"PPO": 4, "SAC": 4, "TD3": 4, "DDPG": 4, "DQN": 8}
"""Agents per call by algorithm; of others one. More gain nothing: the environments of many agents
leave the processor's caches. DQN gains longer, as its updates are short beside the calls in them.
"""


class FastTrainer:
    """Trains several agents per call in NumPy; refuses what only Stable-Baselines3 can train."""

    def takes(self, jobs: Sequence[TrialJob]) -> int:
        """Those at the front that share their settings and their steps, up to 4, of DQN up to 8."""
        first = jobs[0]
        together = _TOGETHER.get(first.training.algorithm, 1)
        alike = takewhile(lambda job: _alike(job, first), jobs[:together])
        return sum(1 for _ in alike)

    def train(self, task: Task, members: Sequence[Member]) -> None:
        """Train the members together.

        Raises:
            UsageError: only Stable-Baselines3 can train them.
        """
        from rewardsmith.train.group import train_group
        from rewardsmith.train.members.weights import NotHere

        try:
            train_group(task, members)
        except NotHere as why:
            raise UsageError(
                f"the fast trainer cannot train this: {why}", 'set trainer = "auto" or "sb3"'
            ) from why


class AutoTrainer(FastTrainer):
    """Trains in NumPy where that gives the results of Stable-Baselines3, else with it."""

    def train(self, task: Task, members: Sequence[Member]) -> None:
        """Train the members together, or one after the other."""
        from rewardsmith.train.group import train_group
        from rewardsmith.train.members.weights import NotHere
        from rewardsmith.train.trial import run_training

        try:
            train_group(task, members)
        except NotHere as why:
            logging.getLogger(__name__).warning("trained by Stable-Baselines3: %s", why)
            for member in members:
                run_training(task, member)


def _alike(job: TrialJob, first: TrialJob) -> bool:
    shared = (first.training, first.steps, first.device)
    return (job.training, job.steps, job.device) == shared
