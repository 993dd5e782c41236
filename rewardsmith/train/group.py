"""Training of several agents together with PPO, in NumPy.

Each agent has its own environments, its own functions and its own random numbers, and its results
are the same, bit for bit, in any group. A program that breaks ends its own training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from stable_baselines3 import PPO

from rewardsmith.errors import BoundaryError, ProgramError, boundary
from rewardsmith.run.trials import TRAINED, write_json, write_progress
from rewardsmith.task.loading import Task
from rewardsmith.train.agent import Agent, opened_agent, report_of, rows_between_points
from rewardsmith.train.members.learner import PpoMembers
from rewardsmith.train.members.ppo import Losses
from rewardsmith.train.members.weights import NotHere
from rewardsmith.train.rollout_reward import RolloutReward, settled
from rewardsmith.train.trainers import Member
from rewardsmith.train.vectors import derived_seed


def train_group(task: Task, members: Sequence[Member]) -> None:
    """Train agents that share their settings and their number of steps.

    Raises:
        NotHere: only Stable-Baselines3 can train them; nothing is written yet.
        BoundaryError: an environment failed, or the weights of an agent are no longer finite; the
            other agents are trained to their end first where they can be.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        agents = []
        for member in members:
            try:
                agents.append(stack.enter_context(opened_agent(task, member)))
            except ProgramError as error:  # it could not be started
                report = report_of(task, member.job, 0, time.monotonic() - begun, error)
                write_json(member.folder / TRAINED, report)
        if agents:
            _Group(task, agents, members[0].folder, begun).learn()


class _Group:
    """Agents on their way through a training.

    Args:
        first: folder of the call's first trial, which takes the progress of all.
        begun: when the call began, in seconds of the monotonic clock.
    """

    def __init__(self, task: Task, agents: Sequence[Agent], first: Path, begun: float) -> None:
        self._task, self._begun, self._together = task, begun, len(agents)
        self._agents, self._lost = list(agents), list[Agent]()
        self._records = [agent.record for agent in agents]
        self._first = first
        self._job, self._steps, self._rollouts = agents[0].job, 0, 0
        models = [agent.model for agent in agents if type(agent.model) is PPO]
        if len(models) < len(agents):
            raise NotHere(f"{self._job.training.algorithm} is not PPO")
        seeds = [derived_seed("members", agent.job.seed) for agent in agents]
        self._learner = PpoMembers(models, seeds)
        for agent in agents:
            agent.before_saving = self._bring_up_to_date

    def learn(self) -> None:
        """Train to the end, or until no agent is left."""
        try:
            with boundary("trainer", f"training {_named(self._agents)}"):
                self._learner.begin()
                while self._steps < self._job.steps and self._agents:
                    self._iterate()
                for agent in self._agents:
                    agent.record.checkpoint(self._steps)
        except BaseException:
            for agent in self._agents:
                agent.finish(self._steps)
            raise
        for agent in self._agents:
            self._end(agent)
        if self._lost:
            raise BoundaryError(
                f"training {_named(self._lost)}: the weights are no longer finite",
                "lower learning_rate, or set normalise_reward = true",
                where="trainer",
            )

    def _iterate(self) -> None:
        """Collect a rollout, and learn from it."""
        before = self._steps
        self._learner.collect(self._stepped)
        self._rollouts += 1
        self._settle(before)
        if not self._agents:
            return
        losses = self._learner.update(1 - self._steps / self._job.steps)
        if self._rollouts % rows_between_points(self._job) == 0:
            self._log(losses)
        finite = self._learner.finite
        lost = [agent for agent, good in zip(self._agents, finite, strict=True) if not good]
        for agent in lost:
            agent.finish(self._steps)
        self._lost += lost
        self._drop(lost)

    def _stepped(self) -> None:
        self._steps += self._job.training.n_envs
        for agent in self._agents:
            agent.record.stepped(self._steps)

    def _settle(self, before: int) -> None:
        """Value the rollout, where rewards are not valued in each step; write rows of curves.

        Agents whose program broke are dropped.

        Args:
            before: steps before the rollout.
        """
        broken: list[Agent] = []
        for place, agent in enumerate(self._agents):
            if place in self._learner.rollouts.broken:
                error, steps = self._learner.rollouts.broken[place]
                self._end(agent, error, before + steps * self._job.training.n_envs)
                broken.append(agent)
                continue
            try:
                if isinstance(agent.rewarded, RolloutReward):
                    rewards, _ = settled(agent.rewarded, agent.venv)
                    self._learner.rollouts.rewards[place] = rewards
            except ProgramError as error:
                self._end(agent, error)
                broken.append(agent)
                continue
            if agent.record.row_is_due(self._steps):
                agent.write_row(self._steps)
        self._drop(broken)
        write_progress(self._first, [record.progress for record in self._records])

    def _end(
        self, agent: Agent, broken: ProgramError | None = None, steps: int | None = None
    ) -> None:
        steps = self._steps if steps is None else steps
        agent.finish(steps)
        wall_s = (time.monotonic() - self._begun) / self._together
        agent.report(self._task, steps, wall_s, broken)

    def _drop(self, agents: Sequence[Agent]) -> None:
        if not agents:
            return
        places = [place for place, agent in enumerate(self._agents) if agent not in agents]
        self._agents = [self._agents[place] for place in places]
        if places:
            self._learner.keep(places)

    def _log(self, losses: Losses) -> None:
        for place, agent in enumerate(self._agents):
            logger = agent.model.logger
            for name, values in losses._asdict().items():
                logger.record(f"train/{name}", float(values[place]))
            logger.dump(self._steps)

    def _bring_up_to_date(self, agent: Agent) -> None:
        self._learner.write(self._agents.index(agent))


def _named(agents: Sequence[Agent]) -> str:
    return ", ".join(f"{agent.job.program} with seed {agent.job.seed}" for agent in agents)
