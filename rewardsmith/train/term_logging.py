"""A callback for your own Stable-Baselines3 script: logs what each term of a reward pays."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from rewardsmith.train.vec_reward import NATIVE_RETURN, TERM_SUMS
from rewardsmith.train.weighted_terms import TERMS, WeightedTerms

_NATIVE = "native_reward"  # key of info in every step


class EpisodeTerms(NamedTuple):
    """What the terms of a reward paid in one episode.

    Attributes:
        steps: environment steps that the learner had taken when the episode ended.
        length: of the episode, in steps.
        terms: the sum of each term.
        native: the sum of the native reward; None where it is not known.
    """

    steps: int
    length: int
    terms: dict[str, float]
    native: float | None


class TermLogger(BaseCallback):
    """Logs the sum of each term of the reward per episode, as a mean since the last log.

    It reads ``info["reward_terms"]``, a dict of numbers in every step: that of
    :class:`rewardsmith.RewardWrapper`, of an exported ``reward.py``, or of your own environment;
    or the sums of :class:`rewardsmith.VecReward`. The values go to the logger of the model: to the
    console, TensorBoard, CSV, or to W&B with ``wandb.init(sync_tensorboard=True)``.
    ``info["native_reward"]`` is logged as ``native_return`` where it exists.

    It also tells a :class:`rewardsmith.WeightedTerms` how far the training is, and logs its weights
    as ``reward_weight/<term>``; the terms are then the weighted ones.

    Args:
        key: of the dict in ``info``.
        prefix: of the names in the log.

    Attributes:
        episodes: all episodes that ended, in order.

    Example:
        logger = rs.TermLogger()
        model = PPO("MlpPolicy", env, tensorboard_log="logs")
        model.learn(100_000, callback=logger)
        logger.episodes[-1].terms  # {"progress": 3.1, "effort": -0.2}
    """

    def __init__(self, key: str = TERMS, prefix: str = "reward") -> None:
        super().__init__()
        self.episodes: list[EpisodeTerms] = []
        self._key, self._prefix = key, prefix
        self._weighted: WeightedTerms | None = None
        self._running: dict[int, _Running] = defaultdict(_Running)

    def _on_training_start(self) -> None:
        self._weighted = _weighted_in(self.training_env)
        self._tell_progress()

    def _on_step(self) -> bool:
        self._tell_progress()
        dones = self.locals["dones"]
        for row, info in enumerate(self.locals["infos"]):
            self._running[row].add(info, self._key)
            if dones[row]:
                self._log(self._running.pop(row).ended(info, self.num_timesteps))
        return True

    def _tell_progress(self) -> None:
        """The share of the training that is left, as Stable-Baselines3 counts it."""
        if self._weighted is not None:
            total = self.model._total_timesteps
            self._weighted.progress_remaining = max(0.0, 1.0 - self.num_timesteps / total)

    def _log(self, episode: EpisodeTerms) -> None:
        if not episode.terms:
            return
        self.episodes.append(episode)
        for name, value in episode.terms.items():
            self.logger.record_mean(f"{self._prefix}/{name}", value)
        for name, weight in self._weighted.weights.items() if self._weighted is not None else ():
            self.logger.record(f"{self._prefix}_weight/{name}", weight)
        if episode.native is not None:
            self.logger.record_mean("rollout/native_return", episode.native)


def _weighted_in(venv: VecEnv) -> WeightedTerms | None:
    """The environments with weights on their terms, at or below a VecEnv."""
    while isinstance(venv, VecEnvWrapper):
        if isinstance(venv, WeightedTerms):
            return venv
        venv = venv.venv
    return None


class _Running:
    """Sums over an episode that is under way."""

    def __init__(self) -> None:
        self._terms: dict[str, float] = defaultdict(float)
        self._native: float | None = None
        self._length = 0

    def add(self, info: dict[str, Any], key: str) -> None:
        """Take in a step."""
        self._length += 1
        for name, value in info.get(key, {}).items():
            self._terms[name] += float(value)
        if _NATIVE in info:
            self._native = (self._native or 0.0) + float(info[_NATIVE])

    def ended(self, info: dict[str, Any], steps: int) -> EpisodeTerms:
        """The episode, whose last ``info`` may give the sums."""
        terms = dict(info.get(TERM_SUMS, self._terms))
        return EpisodeTerms(steps, self._length, terms, info.get(NATIVE_RETURN, self._native))
