"""Weights of the terms of a reward that change along a training, in a Stable-Baselines3 script."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.train.vec_reward import TERM_SUMS, VecReward
from rewardsmith.types import Array

TERMS = "reward_terms"  # key of info in every step
Schedule = Callable[[float], float]
_NOT_THE_SUM = 1e-3  # of the sizes of the terms; rewards of a VecEnv are float32


def linear(start: float, end: float) -> Schedule:
    """A weight that moves from one number to another along a training.

    Returns:
        A function of the share of the training that is left, as Stable-Baselines3 has them.

    Example:
        rs.linear(1.0, 0.0)(0.75)  # 0.75, after a quarter of the training
    """
    return lambda progress_remaining: end + (start - end) * progress_remaining


class WeightedTerms(VecEnvWrapper):
    """Multiplies the terms of a reward by weights, the same in all environments.

    The terms are those in ``info["reward_terms"]``, of :class:`rewardsmith.RewardWrapper`, an
    exported ``reward.py``, or your own environment; or those of a
    :class:`rewardsmith.VecReward` directly below. They must add up to the reward.

    Args:
        venv: below VecNormalize, if there is one.
        weights: term -> a number, or a function of the share of the training that is left, from 1
            to 0; a term without a weight keeps the weight 1.

    Attributes:
        progress_remaining: set by :class:`rewardsmith.TermLogger`, the callback that must be given
            to ``learn()`` if a weight is a function; None before.

    Raises:
        UsageError: a weight is no finite number and no function.

    ``info["reward_terms"]`` has the weighted terms. ``step_wait`` raises UsageError if there is no
    such term, if the terms do not add up to the reward, or if the callback is missing.

    Example:
        venv = make_vec_env(lambda: RewardWrapper(gym.make("Hopper-v5")), n_envs=4)
        venv = rs.WeightedTerms(venv, {"posture": rs.linear(1.0, 0.0), "speed": 2.0})
        PPO("MlpPolicy", venv).learn(100_000, callback=rs.TermLogger())
    """

    def __init__(self, venv: VecEnv, weights: Mapping[str, float | Schedule]) -> None:
        super().__init__(venv)
        self.progress_remaining: float | None = None
        self._weights = {name: _checked(name, weight) for name, weight in weights.items()}

    @property
    def weights(self) -> dict[str, float]:
        """The weights now, by term.

        Raises:
            UsageError: one is a function, and no callback says how far the training is.
        """
        return {
            name: float(weight(self._progress) if callable(weight) else weight)
            for name, weight in self._weights.items()
        }

    def reset(self) -> Any:
        """Reset all environments."""
        return self.venv.reset()

    def step_wait(self) -> Any:
        """Finish the step, and weight its rewards."""
        obs, rewards, dones, infos = self.venv.step_wait()
        weights = self.weights
        terms = self._terms(infos)
        self._check_names(terms[0])
        _check_sum(terms, rewards)
        weighted = [_weighted(of_row, weights) for of_row in terms]
        changes = [_total(new) - _total(old) for new, old in zip(weighted, terms, strict=True)]
        for info, of_row in zip(infos, weighted, strict=True):
            info.pop(TERM_SUMS, None)  # not weighted
            info[TERMS] = of_row
        return obs, rewards + np.asarray(changes, rewards.dtype), dones, infos

    @property
    def _progress(self) -> float:
        if self.progress_remaining is None:
            raise UsageError(
                "a weight is a function, and no callback says how far the training is",
                "give learn() the callback: learn(steps, callback=rewardsmith.TermLogger())",
            )
        return self.progress_remaining

    def _terms(self, infos: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
        """The terms of the latest step, by environment."""
        if isinstance(self.venv, VecReward):
            columns = self.venv.latest_terms
            return [_row_of(columns, row) for row in range(self.num_envs)]
        missing = next((row for row, info in enumerate(infos) if TERMS not in info), None)
        if missing is not None:
            raise UsageError(
                f"the info of environment {missing} has no {TERMS!r}",
                "wrap each environment in RewardWrapper, or put the terms there: "
                f'info["{TERMS}"] = {{"speed": …, "effort": …}}',
            )
        return [dict(info[TERMS]) for info in infos]

    def _check_names(self, terms: Mapping[str, float]) -> None:
        unknown = [name for name in self._weights if name not in terms]
        if unknown:
            known = ", ".join(terms) or "none"
            raise UsageError(
                f"the reward has no term {unknown[0]!r}; its terms are: {known}",
                did_you_mean(unknown[0], list(terms)),
            )


def _checked(name: str, weight: float | Schedule) -> float | Schedule:
    is_number = isinstance(weight, int | float) and math.isfinite(weight)
    if not callable(weight) and not is_number:
        raise UsageError(
            f"the weight of {name!r} is {weight!r}",
            "give a finite number, or a function such as rewardsmith.linear(1.0, 0.0)",
        )
    return weight


def _check_sum(terms: Sequence[Mapping[str, float]], rewards: Array) -> None:
    """Refuse a reward that weights of terms cannot change in a defined way."""
    for row, of_row in enumerate(terms):
        size = 1.0 + sum(abs(value) for value in of_row.values())
        difference = abs(_total(of_row) - float(rewards[row]))
        if difference > _NOT_THE_SUM * size:
            raise UsageError(
                f"the reward {rewards[row]:.6g} is not the sum of its terms {dict(of_row)}",
                "weights are defined for a sum of terms: let the reward return all its terms by "
                "name, and put WeightedTerms below wrappers that change rewards",
            )


def _weighted(terms: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    return {name: weights.get(name, 1.0) * value for name, value in terms.items()}


def _row_of(columns: Mapping[str, Array], row: int) -> dict[str, float]:
    return {name: float(values[row]) for name, values in columns.items()}


def _total(terms: Mapping[str, float]) -> float:
    return float(sum(terms.values()))
