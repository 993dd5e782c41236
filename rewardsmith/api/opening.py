"""Open the environment of a planned run: it works, the learner fits it, and how fast it is.

It runs no generated code and leaves nothing behind. A run makes the same checks in its preflight.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import NamedTuple

import numpy as np

from rewardsmith.api.planning import Plan
from rewardsmith.errors import boundary
from rewardsmith.task.actions import random_action

_MEASURED_S = 1.0
_MOST_ENVS = 16  # opened at once
_MOST_STEPS = 200


class Measured(NamedTuple):
    """What opening an environment shows about the time of a training.

    Attributes:
        step_s: seconds that the environment takes for one step.
        fast: whether the fast trainer trains the agents; None where the task names a trainer of
            another package.
    """

    step_s: float
    fast: bool | None


def open_environment(plan: Plan) -> Measured:
    """Check that environment and learner work, and measure the time of random steps.

    Raises:
        UsageError: fields, algorithm or hyper-parameters do not fit the environment.
        BoundaryError: the environment fails.
    """
    from rewardsmith.train.preflight import check_training

    slower = check_training(plan.task, plan.config.also)
    own = {"auto": not slower, "fast": True, "sb3": False}
    return Measured(_step_s(plan), own.get(plan.task.spec.training.trainer))


def _step_s(plan: Plan) -> float:
    """The mean time of a random step, as the environments of a training take it."""
    from rewardsmith.train.vectors import make_vec_env

    n_envs = min(plan.task.spec.training.n_envs, _MOST_ENVS)
    with closing(make_vec_env(plan.task, n_envs, 0)) as venv, boundary("environment", "playing"):
        venv.reset()
        venv.buffers.begin()
        taken_s, steps = 0.0, 0
        while steps < _MOST_STEPS and taken_s < _MEASURED_S:
            actions = np.stack([random_action(env) for env in venv.envs])
            begun = time.perf_counter()
            venv.buffers.advance()
            venv.step(actions)
            taken_s += time.perf_counter() - begun
            steps += 1
        return taken_s / (steps * n_envs)
