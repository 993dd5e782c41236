"""Terms that observe each vector step, and the flags that one of them shows to the policy.

The flags are part of the observation, in training, at evaluation and in the export: appended to a
Box, which is flattened for it; under a key of their own in a Dict. A number, and an image that
convolutions must see, become a Dict of the two.

The wrapper stands directly above the recorded environments, below the one that replaces rewards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from rewardsmith.errors import UsageError
from rewardsmith.terms.reward import Reward
from rewardsmith.terms.term import ObservingTerm, ShownTerm
from rewardsmith.train.vectors import RecordedVecEnv
from rewardsmith.types import Array

KEY, WHOLE = "subgoals", "observation"  # of a Dict observation: the flags, and what was no Dict
WHOLE_AND_MASK = {WHOLE, KEY}


def observed(venv: RecordedVecEnv, reward: Reward, policy: str = "MlpPolicy") -> VecEnv:
    """Recorded environments in which a reward's terms observe each step, as far as any does.

    Args:
        policy: the kind of policy, see :class:`ShownFlags`.
    """
    shown = reward.shown
    watching: VecEnv = venv
    if others := [term for term in reward.observing if term is not shown]:
        watching = ObservedSteps(venv, venv, others)
    return watching if shown is None else ShownFlags(watching, venv, shown, policy)


class ObservedSteps(VecEnvWrapper):
    """Lets terms observe each vector step.

    Args:
        base: the recorded environments below ``venv``.
    """

    def __init__(self, venv: VecEnv, base: RecordedVecEnv, terms: Sequence[ObservingTerm]) -> None:
        super().__init__(venv)
        self._base, self._terms = base, tuple(terms)

    def reset(self) -> Any:
        """Reset all environments."""
        return self.venv.reset()

    def step_wait(self) -> Any:
        """Finish the step, and let the terms observe it."""
        obs, rewards, dones, infos = self.venv.step_wait()
        for term in self._terms:
            term.observe(self._base.buffers.columns(term.arguments), dones)
        return obs, rewards, dones, infos


class ShownFlags(VecEnvWrapper):
    """Lets a term observe each vector step, and puts its flags into the observation.

    Args:
        base: the recorded environments below ``venv``.
        term: what observes and shows.
        policy: the kind of policy: one with convolutions must see an image as it is.

    Raises:
        UsageError: the observation already has a key of the flags' name.
    """

    def __init__(
        self, venv: VecEnv, base: RecordedVecEnv, term: ShownTerm, policy: str = "MlpPolicy"
    ) -> None:
        self.term, self._base = term, base
        space = venv.observation_space
        self._appends = isinstance(space, spaces.Box) and policy != "CnnPolicy"
        # policies divide what they see as an image by this
        self._scale = 255.0 if is_image_space(space) else 1.0
        mask = spaces.Box(0.0, 1.0, (len(term.shows),), np.float32)
        shown = _appended(space, mask, self._scale) if self._appends else _beside(space, mask)
        super().__init__(venv, observation_space=shown)
        term.restart(self.num_envs)

    def reset(self) -> Any:
        """Reset all environments, and the term's episodes with them."""
        obs = self.venv.reset()
        self.term.restart(self.num_envs)
        return self._with_flags(obs, self.term.shown)

    def step_wait(self) -> Any:
        """Finish the step, let the term observe it, and show its flags."""
        obs, rewards, dones, infos = self.venv.step_wait()
        self.term.observe(self._base.buffers.columns(self.term.arguments), dones)
        for row in np.flatnonzero(dones):
            flags = self.term.shown_at_end[row]
            last = infos[row]["terminal_observation"]
            infos[row]["terminal_observation"] = self._with_flags(last, flags)
            infos[row][KEY] = dict(zip(self.term.shows, flags.tolist(), strict=True))
        return self._with_flags(obs, self.term.shown), rewards, dones, infos

    def _with_flags(self, obs: Any, flags: Array) -> Any:
        """An observation, or one of each environment, with its flags."""
        mask = flags.astype(np.float32)
        if not self._appends:
            return {**(obs if isinstance(obs, dict) else {WHOLE: obs}), KEY: mask}
        flat = obs.reshape(*flags.shape[:-1], -1) / self._scale
        return np.concatenate([flat, mask], axis=-1, dtype=np.float32)


def _appended(space: Any, mask: spaces.Box, scale: float) -> spaces.Box:
    low = np.concatenate([space.low.ravel() / scale, mask.low]).astype(np.float32)
    high = np.concatenate([space.high.ravel() / scale, mask.high]).astype(np.float32)
    return spaces.Box(low, high, dtype=np.float32)


def _beside(space: spaces.Space[Any], mask: spaces.Box) -> spaces.Dict:
    parts = space.spaces if isinstance(space, spaces.Dict) else {WHOLE: space}
    if KEY in parts:
        raise UsageError(
            f"subgoals are shown in the observation as {KEY!r}, a key that it has already",
            "rename it by a wrapper of the environment, or use a program without subgoals",
        )
    return spaces.Dict({**parts, KEY: mask})
