"""Training of several agents together in NumPy, by the algorithms that have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from stable_baselines3 import DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.errors import ProgramError
from rewardsmith.run.training_state import read_state
from rewardsmith.run.trials import TRAINED, write_json
from rewardsmith.task.loading import Task
from rewardsmith.train.agent import Agent, opened_agent, report_of
from rewardsmith.train.cohort import Cohort
from rewardsmith.train.continuing import steps_of
from rewardsmith.train.learner import algorithm_class
from rewardsmith.train.members.actor_critic import ActorCritic
from rewardsmith.train.members.learner import optimiser_of
from rewardsmith.train.members.off_policy_settings import algorithm_of, settings_of
from rewardsmith.train.members.weights import NotHere, architecture_of, check_actions
from rewardsmith.train.off_policy import OffPolicyCohort
from rewardsmith.train.on_policy import OnPolicyCohort
from rewardsmith.train.trainers import Member
from rewardsmith.types import TrainingState

_COHORTS: Mapping[type[BaseAlgorithm], Callable[[Task, Sequence[Agent], float, Path], Cohort]] = {
    PPO: OnPolicyCohort,
    **dict.fromkeys((DDPG, DQN, SAC, TD3), OffPolicyCohort),
}
"""By the algorithm itself: a class below it may learn otherwise."""


def check_model(model: BaseAlgorithm) -> None:
    """Refuse a model that members cannot be trained for, before anything is trained.

    Raises:
        NotHere: says why.
    """
    if type(model) not in _COHORTS:
        raise NotHere(f"its algorithm is {type(model).__name__}")
    if model.device.type != "cpu":
        raise NotHere("its networks are on a GPU")
    if isinstance(model, PPO):
        check_actions(model)
        networks = ActorCritic(1, architecture_of(model))
        optimiser_of(model.policy.optimizer, networks.parameters)
    elif isinstance(model, OffPolicyAlgorithm):
        settings_of(model)
        algorithm_of(model)


def train_group(task: Task, members: Sequence[Member]) -> None:
    """Train agents that share their settings and their number of steps.

    Raises:
        NotHere: only Stable-Baselines3 can train them; nothing is learned yet.
        BoundaryError: an environment failed, or the weights of an agent are no longer finite; the
            other agents are trained to their end first where they can be.
    """
    begun = time.monotonic()
    algorithm = algorithm_class(members[0].job.training.algorithm)
    if algorithm not in _COHORTS:  # before environments are made
        raise NotHere(f"its algorithm is {algorithm.__name__}")
    if algorithm is PPO and any(member.job.q_prior is not None for member in members):
        raise NotHere("PPO has no Q that a prior could shape")
    with ExitStack() as stack:
        agents = []
        for member in members:
            try:
                agents.append(stack.enter_context(opened_agent(task, member, shaped=False)))
            except ProgramError as error:  # it could not be started
                report = report_of(task, member.job, 0, time.monotonic() - begun, error)
                write_json(member.folder / TRAINED, report)
        if agents:
            check_model(agents[0].model)
        for some, states in _by_steps(task, agents):
            cohort = _COHORTS[algorithm](task, some, begun, members[0].folder)
            cohort.learn(states)


def _by_steps(
    task: Task, agents: Sequence[Agent]
) -> Iterator[tuple[list[Agent], list[TrainingState]]]:
    """Agents that go on after as many steps, with their states; those that begin come first."""
    found = [(agent, read_state(agent.folder, agent.job.digest(task.digest))) for agent in agents]
    beginning = [agent for agent, state in found if state is None]
    if beginning:
        yield beginning, []
    saved = [(agent, state) for agent, state in found if state is not None]
    saved.sort(key=lambda one: steps_of(one[1]))
    for _, some in groupby(saved, key=lambda one: steps_of(one[1])):
        going_on, states = zip(*some, strict=True)
        yield list(going_on), list(states)
