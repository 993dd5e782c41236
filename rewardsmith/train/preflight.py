"""Tries a task before a token or a training step is spent: environment, fitness, learner and settings."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from rewardsmith.episodes.files import TRANSITIONS, save_episodes
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.episodes.random_policy import look_at
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.run.trials import write_json
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task
from rewardsmith.train.learner import check_hyperparameters, make_policy, normalised
from rewardsmith.train.subgoals import bonus_for
from rewardsmith.train.vectors import make_vec_env


def run_preflight(task: Task, folder: Path, wanted: Collection[str] = ()) -> Preflight:
    """Look at the environment; write ``preflight.json``, ``transitions.npz``, ``random.npz`` and ``held.npz``.

    Args:
        wanted: the functions that programs shall have.

    Raises:
        UsageError: the task's fields, fitness, algorithm or hyper-parameters do not fit the
            environment.
        BoundaryError: the environment fails on reset or in a step.
    """
    check_hyperparameters(task.spec.training)
    look = look_at(task)
    _try_learner(task)
    if "subgoals" in wanted:
        _try_bonus(task)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / TRANSITIONS, **look.transitions)  # type: ignore[arg-type]
    save_episodes(folder / "random.npz", look.behaviour.episodes)
    save_episodes(folder / "held.npz", look.held.episodes)
    write_json(folder / "preflight.json", look.report)
    return look.report


def _try_bonus(task: Task) -> None:
    """A bonus that is too large for one subgoal is too large for any."""
    env = make_env(task)
    bonus_for(task, env, 1)
    env.close()


def _try_learner(task: Task) -> None:
    """Make the learner once: policy, algorithm and spaces must go together."""
    training = task.spec.training
    probe = make_vec_env(task, 1, 0)
    try:
        make_policy(training, normalised(probe, training))
    except BoundaryError as error:
        cause = error.__cause__ or error
        hint = (
            "Dict observations need MultiInputPolicy, nested ones the wrapper gymnasium.wrappers:FlattenObservation, "
            "images CnnPolicy; discrete actions need PPO or DQN, continuous ones PPO, SAC or TD3"
        )
        raise UsageError(
            f"{training.algorithm} with {training.policy} does not fit {task.env_id}: {cause}", hint
        ) from None
    finally:
        probe.close()
