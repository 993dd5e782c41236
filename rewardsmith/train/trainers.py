"""The seam of a trial's training: what a trainer is, and which trainers exist.

Another package adds one through the entry-point group ``rewardsmith.trainers``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from rewardsmith.plugins import Registry
from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import Reward
from rewardsmith.types import Evaluator

if TYPE_CHECKING:
    from rewardsmith.train.vectors import RecordedVecEnv


class RunningFunctions(NamedTuple):
    """A trial's reward and its prior on Q, ready to be called."""

    reward: Reward
    q_prior: Evaluator | None = None


OpenFunctions = Callable[["RecordedVecEnv"], RunningFunctions]
"""Starts a trial's functions for the environments that they will value."""


class Member(NamedTuple):
    """One trial of a training call.

    Attributes:
        folder: where its curve, its checkpoints and its report go.
        open_functions: starts its functions.
    """

    job: TrialJob
    folder: Path
    open_functions: OpenFunctions


class Trainer(Protocol):
    """Trains the agents of trials.

    A trial's result must not depend on the other members of its call, so that a resumed run may
    group trials differently.
    """

    def takes(self, jobs: Sequence[TrialJob]) -> int:
        """How many of these trials, from the first on, one call of :meth:`train` takes.

        Called in a process that trains nothing: it must not import a learning library.
        """

    def train(self, task: Task, members: Sequence[Member]) -> None:
        """Train each member; write its curve, checkpoints and ``trained.json`` into its folder.

        A program that breaks ends its own training and no other.

        Raises:
            BoundaryError: the environment or the learner failed.
        """


_OURS = {
    "auto": "rewardsmith.train.fast:AutoTrainer",
    "fast": "rewardsmith.train.fast:FastTrainer",
    "sb3": "rewardsmith.train.sb3:Sb3Trainer",
}
TRAINERS = Registry("trainer", _OURS, "rewardsmith.trainers")
