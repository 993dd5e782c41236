"""The first look at an environment: random steps, and what they show about it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.task.actions import own_action_space, random_action
from rewardsmith.task.environment import guarded_reset, guarded_step
from rewardsmith.task.finite import not_finite, refuse_misfit
from rewardsmith.task.motion import Motion
from rewardsmith.task.observations import key_of, readable
from rewardsmith.task.timebox import Tell, TimeBox, silent
from rewardsmith.task.values import numbers
from rewardsmith.types import Array

LOOK_STEPS = 2000
LEAST_LOOK_STEPS = 20
TRAINING_STEPS = 200_000  # of a drafted task
_LOOK_S = 30.0


@dataclass
class InfoKey:
    """What was seen of one key of info after steps.

    Attributes:
        value: an example of its numbers; None if there were none.
        steps: in which it was reported.
        other: what it was besides numbers of this shape; empty if nothing.
        is_flag: whether each value was True or False, or 1 or 0.
        not_finite: where it first was NaN or infinite; empty if nowhere.
    """

    value: Array | None = None
    steps: int = 0
    other: str = ""
    is_flag: bool = True
    not_finite: str = ""

    def see(self, value: Any, when: str) -> None:
        """Take in the value after one step; None is no value."""
        if value is None:
            return
        self.steps += 1
        found = numbers(value)
        if found is None:
            self.other = f"it is {_kind(value)}"
            return
        if self.value is not None and found.shape != self.value.shape and not self.other:
            self.other = f"its shape changes: {self.value.shape}, then {found.shape}"
        self.value = found
        self.is_flag &= found.size == 1 and found.item() in (0, 1)
        if not self.not_finite and found.dtype.kind == "f" and not np.isfinite(found).all():
            self.not_finite = f"{found.tolist()} {when}"

    @property
    def usable(self) -> bool:
        """Whether it can be a field."""
        return self.value is not None and not self.other and readable(self.value.shape)


def _kind(value: Any) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        size = value.size if isinstance(value, np.ndarray) else len(value)
        return "no array of numbers" if size else "empty"
    return "a text" if isinstance(value, str) else f"a {type(value).__name__}"


@dataclass
class Look:
    """What was observed of an environment.

    Attributes:
        info: of each key of info after steps.
        at_reset: keys of info that every reset reported as numbers.
        texts: source -> the texts that were observed there.
        steps: that were taken.
        ended: whether any episode ended.
        limit: the time limit of episodes, where one is known.
        slow: what was measured of an environment that is too slow for all steps; else empty.
        not_finite: where an observation first was NaN or infinite; empty if nowhere.
        many: how many observations were.
        motion: how the numbers of the observation moved.
    """

    env: gym.Env[Any, Any]
    info: dict[str, InfoKey] = field(default_factory=dict)
    at_reset: set[str] = field(default_factory=set)
    texts: dict[str, set[str]] = field(default_factory=dict)
    steps: int = 0
    rewarded: bool = False
    ended: bool = False
    limit: int | None = None
    slow: str = ""
    not_finite: str = ""
    many: int = 0
    motion: Motion = field(init=False)

    def __post_init__(self) -> None:
        self.motion = Motion(self.env)

    def see(self, obs: Any, when: str) -> None:
        """Take in an observation.

        Raises:
            BoundaryError: it does not fit its space.
        """
        refuse_misfit(self.env.observation_space, obs, when)
        self._read(obs, "obs")
        found = not_finite(obs)
        if found is not None:
            self.many += 1
            self.not_finite = self.not_finite or f"{found.source} is {found.value} {when}"

    def _read(self, obs: Any, source: str) -> None:
        """Collect the texts."""
        if isinstance(obs, dict):
            for key, value in obs.items():
                self._read(value, key_of(source, key))
        elif isinstance(obs, str):
            self.texts.setdefault(source, set()).add(obs)


def look_at(
    env: gym.Env[Any, Any], limit: int | None = None, time_box: TimeBox | None = None
) -> Look:
    """Play random steps and collect what can be observed.

    Args:
        limit: the time limit of episodes, where one is known.
        time_box: how long it may take; half a minute by default.

    Raises:
        BoundaryError: the environment fails, or an observation does not fit its space.
    """
    look, time_box = Look(env, limit=limit), time_box or look_time()
    obs, info = guarded_reset(env, seed=0)
    look.at_reset = _numeric_keys(info)
    space = own_action_space(env, 0)
    look.see(obs, "after a reset")
    look.motion.begin(obs)
    step = 0
    for _ in range(LOOK_STEPS):
        step += 1
        when = f"after step {step} of an episode"
        before, action = deepcopy(obs), random_action(env, space)
        obs, reward, terminated, truncated, info = guarded_step(env, action)
        look.see(obs, when)
        look.motion.see(before, action, obs)
        look.steps += 1
        time_box.step()
        look.rewarded |= bool(reward)
        for key, value in info.items():
            look.info.setdefault(key, InfoKey()).see(value, when)
        if terminated or truncated:
            obs, info = guarded_reset(env)
            look.see(obs, "after a reset")
            look.motion.begin(obs)
            look.at_reset &= _numeric_keys(info)
            look.ended, step = True, 0
        if time_box.is_over and look.steps >= LEAST_LOOK_STEPS:
            look.slow = time_box.measured(TRAINING_STEPS)
            break
    return look


def look_time(tell: Tell = silent) -> TimeBox:
    """The time of a first look."""
    return TimeBox("the look at the environment", _LOOK_S, tell)


def _numeric_keys(info: dict[str, Any]) -> set[str]:
    return {key for key, value in info.items() if numbers(value) is not None}
