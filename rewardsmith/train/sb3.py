"""The trainer that trains one agent per call with Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.train.trainers import Member


class Sb3Trainer:
    """Trains one agent per call with Stable-Baselines3."""

    def takes(self, jobs: Sequence[TrialJob]) -> int:
        """One."""
        return 1

    def train(self, task: Task, members: Sequence[Member]) -> None:
        """Train each member, one after the other."""
        from rewardsmith.train.trial import run_training

        for member in members:
            run_training(task, member)
