"""Agents that are trained together: those that are left, and how the training of each ends.

Each has its own environments, its own functions and its own random numbers, and its results are the
same, bit for bit, beside any others. A program that breaks ends its own training.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rewardsmith.errors import BoundaryError, ProgramError, boundary
from rewardsmith.run.trials import write_progress
from rewardsmith.task.loading import Task
from rewardsmith.train.agent import Agent
from rewardsmith.train.continuing import Saver, can_go_on, put_back, save, steps_of
from rewardsmith.types import Array, TrainingState


class Learner(Protocol):
    """What trains the members that stand for the agents, in the same order."""

    def begin(self) -> None:
        """Reset all environments."""

    def state(self, member: int) -> TrainingState:
        """What a member goes on from, but for its environments."""

    def restore(self, member: int, state: TrainingState, *, fresh: bool) -> None:
        """Go on from there; ``fresh`` resets its environments."""

    def keep(self, members: Sequence[int]) -> None:
        """Go on with some of the members only."""

    def write(self, member: int) -> None:
        """Copy a member's weights into its model."""

    @property
    def finite(self) -> Array:
        """Whether all weights of a member are finite, shape (G,)."""


class Cohort(ABC):
    """Agents on their way through a training.

    Args:
        begun: when the call began, in seconds of the monotonic clock.
        first: folder of the call's first trial, which takes the progress of all.

    Attributes:
        agents: those that are left.
        steps: environment steps that each has taken.
    """

    def __init__(
        self, task: Task, agents: Sequence[Agent], learner: Learner, begun: float, first: Path
    ) -> None:
        self._task, self._begun, self._together = task, begun, len(agents)
        self._members, self._lost = learner, list[Agent]()
        self._saver, self._written = Saver(), False  # rows, in this iteration
        self.agents, self.job, self.steps = list(agents), agents[0].job, 0
        self._first, self._records = first, [agent.record for agent in agents]
        for agent in agents:
            agent.before_saving = self._bring_up_to_date

    @abstractmethod
    def iterate(self) -> None:
        """Take some steps with all agents, and learn from them."""

    def learn(self, states: Sequence[TrainingState] = ()) -> None:
        """Train to the end, or until no agent is left.

        Args:
            states: from which the agents go on, one for each, after as many steps; by default they
                begin.

        Raises:
            BoundaryError: an environment failed, or the weights of an agent are no longer finite;
                the other agents are trained to their end first where they can be.
        """
        try:
            with boundary("trainer", f"training {_named(self.agents)}"):
                self._start(states)
                while self.steps < self.job.steps and self.agents:
                    self.iterate()
                    self._save()
                self.drop_lost()
                for agent in self.agents:
                    agent.record.checkpoint(self.steps)
        except BaseException:
            for agent in self.agents:
                agent.finish(self.steps)
            raise
        for agent in self.agents:
            self.end(agent)
        if self._lost:
            raise BoundaryError(
                f"training {_named(self._lost)}: the weights are no longer finite",
                "lower learning_rate, or set normalise_reward = true",
                where="trainer",
            )

    def _start(self, states: Sequence[TrainingState]) -> None:
        if not states:
            self._members.begin()
        for place, (agent, state) in enumerate(zip(self.agents, states, strict=False)):
            self.steps = steps_of(state)
            fresh = not put_back(agent, state)
            self._members.restore(place, state.part("learner"), fresh=fresh)

    def _save(self) -> None:
        """Save the agents, if a row was just written and enough time has passed."""
        written, self._written = self._written, False
        if not written or not self._saver.is_due:
            return
        with self._saver.saving():
            for place, agent in enumerate(self.agents):
                if can_go_on(agent):
                    taken = {"steps": self.steps, "wall_s": self._wall_s(agent)}
                    save(agent, self._task, self._members.state(place), taken)

    def _wall_s(self, agent: Agent) -> float:
        return agent.earlier_s + (time.monotonic() - self._begun) / self._together

    def write_rows(self, agents: Sequence[Agent]) -> None:
        """Write a row of the curve of some agents, and how far all are."""
        for agent in agents:
            agent.write_row(self.steps)
        self._written = bool(agents)
        if agents:
            write_progress(self._first, [record.progress for record in self._records])

    def stepped(self) -> None:
        """Report a vector step of all agents."""
        self.steps += self.job.training.n_envs
        for agent in self.agents:
            agent.record.stepped(self.steps)

    def end(self, agent: Agent, broken: ProgramError | None = None) -> None:
        """Write what is left of an agent's training, and its report."""
        agent.finish(self.steps)
        agent.report(self._task, self.steps, self._wall_s(agent), broken)

    def drop(self, agents: Sequence[Agent]) -> None:
        """Go on without some agents."""
        if not agents:
            return
        places = [place for place, agent in enumerate(self.agents) if agent not in agents]
        self.agents = [self.agents[place] for place in places]
        if places:
            self._members.keep(places)

    def drop_lost(self) -> None:
        """Go on without the agents whose weights are no longer finite."""
        if not self.agents:
            return
        finite = self._members.finite
        lost = [agent for agent, good in zip(self.agents, finite, strict=True) if not good]
        for agent in lost:
            agent.finish(self.steps)
        self._lost += lost
        self.drop(lost)

    def log(self, losses: Mapping[str, Array]) -> None:
        """Write a point of TensorBoard for each agent.

        Args:
            losses: a number of each agent by name.
        """
        for place, agent in enumerate(self.agents):
            logger = agent.model.logger
            for name, values in losses.items():
                logger.record(f"train/{name}", float(values[place]))
            logger.dump(self.steps)

    def _bring_up_to_date(self, agent: Agent) -> None:
        self._members.write(self.agents.index(agent))


def _named(agents: Sequence[Agent]) -> str:
    return ", ".join(f"{agent.job.program} with seed {agent.job.seed}" for agent in agents)
