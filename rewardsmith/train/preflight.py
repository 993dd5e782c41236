"""Checks a task before anything is spent: environment, fitness, learner and settings."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import numpy as np

from rewardsmith.episodes.files import TRANSITIONS, save_episodes
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.trials import write_json
from rewardsmith.task.actions import says_what_is_legal
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task
from rewardsmith.terms.specs import added_terms
from rewardsmith.terms.subgoals import bonus_for
from rewardsmith.train.learner import check_hyperparameters, make_policy, normalised, takes_masks
from rewardsmith.train.trainers import TRAINERS
from rewardsmith.train.vectors import make_vec_env


def run_preflight(task: Task, folder: Path, wanted: Collection[str] = ()) -> Preflight:
    """Check a task, and write ``preflight.json``, ``transitions.npz`` and recorded episodes.

    Args:
        wanted: the functions that programs may define.

    Raises:
        UsageError: the task's fields, fitness, algorithm or hyper-parameters do not fit the
            environment; or there is no such trainer or kind of term.
        BoundaryError: the environment fails on reset or in a step.
    """
    training = task.spec.training
    check_hyperparameters(training)
    added_terms(training.terms)
    TRAINERS.get(training.trainer)
    collected = collect_preflight(task)
    _check_learner(task)
    if "subgoals" in wanted:
        _check_bonus(task)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / TRANSITIONS, **collected.transitions)  # type: ignore[arg-type]
    save_episodes(folder / "random.npz", collected.behaviour.episodes)
    save_episodes(folder / "held.npz", collected.held.episodes)
    write_json(folder / "preflight.json", collected.report)
    return collected.report


def _check_bonus(task: Task) -> None:
    """A bonus that is too large for one subgoal is too large for any."""
    with closing(make_env(task)) as env:
        bonus_for(task, env, 1)


def _check_learner(task: Task) -> None:
    """Make the learner once: policy, algorithm and spaces must go together.

    Two environments show whether several can be open at the same time.
    """
    training = task.spec.training
    probe = make_vec_env(task, min(training.n_envs, 2), 0)
    try:
        learner = make_policy(training, normalised(probe, training))
        if takes_masks(learner) and not says_what_is_legal(probe.envs[0]):
            raise UsageError(
                f"{training.algorithm} needs to know which actions are legal, but {task.env_id} "
                "has no method action_masks()",
                'add it, or set [training] algorithm = "PPO"',
            )
    except BoundaryError as error:
        cause = error.__cause__ or error
        hint = (
            "Dict observations need MultiInputPolicy, nested ones the wrapper "
            "gymnasium.wrappers:FlattenObservation, "
            "images CnnPolicy; discrete actions need PPO or DQN, continuous ones PPO, SAC or TD3"
        )
        raise UsageError(
            f"{training.algorithm} with {training.policy} does not fit {task.env_id}: {cause}", hint
        ) from None
    finally:
        probe.close()
