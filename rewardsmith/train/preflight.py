"""Checks a task before anything is spent: environment, fitness, learner and settings."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.episodes.files import TRANSITIONS, save_episodes
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import BoundaryError, UsageError, boundary
from rewardsmith.run.trials import write_json
from rewardsmith.task.actions import says_what_is_legal
from rewardsmith.task.environment import make_env, wrap_env
from rewardsmith.task.loading import Task
from rewardsmith.task.observations import check_observations, check_policy
from rewardsmith.task.training import TrainingSpec
from rewardsmith.terms.specs import added_terms
from rewardsmith.terms.subgoals import bonus_for
from rewardsmith.train.group import check_model
from rewardsmith.train.learner import (
    check_hyperparameters,
    chosen_actions,
    make_policy,
    normalised,
    takes_masks,
)
from rewardsmith.train.members.weights import NotHere
from rewardsmith.train.trainers import TRAINERS
from rewardsmith.train.vector_check import check_vector
from rewardsmith.train.vectors import RecordedVecEnv, make_vec_env


def run_preflight(
    task: Task, folder: Path, wanted: Collection[str] = (), also: str | None = None
) -> Preflight:
    """Check a task, and write ``preflight.json``, ``transitions.npz`` and recorded episodes.

    Args:
        wanted: the functions that programs may define.
        also: another algorithm that is trained, with its defaults.

    Raises:
        UsageError: the task's fields, fitness, algorithm or hyper-parameters do not fit the
            environment; or there is no such trainer or kind of term.
        BoundaryError: the environment fails on reset or in a step.
    """
    check_settings(task.spec.training)
    _check_policy(task)
    collected = collect_preflight(task)
    if task.spec.env.vector:
        check_vector(task)
    slower = check_training(task, also)
    if "subgoals" in wanted:
        _check_bonus(task)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / TRANSITIONS, **collected.transitions)  # type: ignore[arg-type]
    save_episodes(folder / "random.npz", collected.behaviour.episodes)
    save_episodes(folder / "held.npz", collected.held.episodes)
    report = collected.report
    if slower:
        report = report.model_copy(update={"warnings": (*report.warnings, slower)})
    write_json(folder / "preflight.json", report)
    return report


def check_settings(training: TrainingSpec) -> None:
    """Refuse hyper-parameters, terms and a trainer that do not exist.

    Raises:
        UsageError: with the nearest names.
    """
    check_hyperparameters(training)
    added_terms(training.terms)
    TRAINERS.get(training.trainer)


def check_training(task: Task, also: str | None = None) -> str:
    """Open the environment, make the learner once, and let it act.

    Args:
        also: another algorithm that is trained, with its defaults.

    Returns:
        Why the agents are not trained by the fast trainer, if the task leaves that open.

    Raises:
        UsageError: the task's fields, algorithm or hyper-parameters do not fit the environment.
        BoundaryError: the environment fails on reset or in a step.
    """
    training = task.spec.training
    check_settings(training)
    slower = _check_learner(task, training)
    if also is not None:
        _check_learner(task, training.of_algorithm(also))
    return slower


def _check_bonus(task: Task) -> None:
    """A bonus that is too large for one subgoal is too large for any."""
    with closing(make_env(task)) as env:
        bonus_for(task, env, 1)


def _check_policy(task: Task) -> None:
    """Before random episodes are played: the policy must be able to see the observation."""
    with closing(wrap_env(task, make_env(task))) as env:
        check_observations(env.observation_space, task.env_id)
        check_policy(env.observation_space, task.spec.training, task.env_id)


def _check_learner(task: Task, training: TrainingSpec) -> str:
    """Make the learner once, and let it act: policy, algorithm and spaces must go together.

    Two environments show whether several can be open at the same time.

    Returns:
        Why the agents are not trained by the fast trainer, if the task leaves that open.
    """
    probe = make_vec_env(task, min(training.n_envs, 2), 0)
    try:
        check_policy(probe.observation_space, training, task.env_id)
        _check_memory(training, probe.action_space)
        seen = normalised(probe, training)
        learner = make_policy(training, seen)
        if takes_masks(learner) and not says_what_is_legal(probe.envs[0]):
            raise UsageError(
                f"{training.algorithm} needs to know which actions are legal, but {task.env_id} "
                "has no method action_masks()",
                'add it, or set [training] algorithm = "PPO"',
            )
        _check_action(task, learner, seen, probe)
        return _check_trainer(training, learner)
    except BoundaryError as error:
        if error.where == "environment":
            raise
        cause = error.__cause__ or error
        hint = "discrete actions need PPO or DQN, continuous ones PPO, SAC or TD3"
        raise UsageError(
            f"{training.algorithm} with {training.policy} does not fit {task.env_id}: {cause}", hint
        ) from None
    finally:
        probe.close()


def _check_trainer(training: TrainingSpec, learner: BaseAlgorithm) -> str:
    if training.trainer not in ("auto", "fast"):
        return ""
    try:
        check_model(learner)
    except NotHere as why:
        if training.trainer == "fast":
            raise UsageError(
                f"the fast trainer cannot train this: {why}", 'set trainer = "auto" or "sb3"'
            ) from why
        return f"Stable-Baselines3 trains the agents, not the faster trainer: {why}"
    return ""


def _check_memory(training: TrainingSpec, space: Space[Any]) -> None:
    """Off-policy learners store actions in the dtype of their space."""
    if _is_whole(space) and not training.capabilities.on_policy:
        raise UsageError(
            f"{training.algorithm} cannot learn actions of {space.dtype}: "
            "its memory would cut off their fractions",
            "declare a Box of float32 and round in step, or use PPO",
        )


def _check_action(task: Task, model: BaseAlgorithm, seen: VecEnv, base: RecordedVecEnv) -> None:
    """Take one step: an action of a learner need not be like a random one."""
    obs: Any = seen.reset()
    base.buffers.begin()
    actions = chosen_actions(model, seen, obs)
    hint = (
        f"Stable-Baselines3 acts with fractions in a Box of {base.action_space.dtype}: "
        "round them in step, or declare MultiDiscrete"
        if _is_whole(base.action_space)
        else "call env.step with such an action by hand"
    )
    doing = f"taking an action of {task.spec.training.algorithm}, {actions[0].tolist()}"
    with boundary("environment", doing, hint):
        seen.step(actions)


def _is_whole(space: Space[Any]) -> bool:
    """Whether it is a Box of integers."""
    return isinstance(space, Box) and np.dtype(space.dtype).kind in "iu"
