"""Policies of several checkpoints that act at once, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import (
    VecEnv,
    VecNormalize,
    VecTransposeImage,
    unwrap_vec_wrapper,
)

from rewardsmith.train.learner import chosen_actions
from rewardsmith.train.members.actions import for_environment
from rewardsmith.train.members.actor_critic import ActorCritic
from rewardsmith.train.members.exploring import stored_actions
from rewardsmith.train.members.features import Features
from rewardsmith.train.members.off_policy_settings import check_model
from rewardsmith.train.members.off_policy_weights import network_of, read_network
from rewardsmith.train.members.single import Network, network_parameters
from rewardsmith.train.members.squashed import actions_of
from rewardsmith.train.members.weights import (
    NotHere,
    State,
    architecture_of,
    check_actions,
    read_weights,
)
from rewardsmith.types import Array

Statistics = Mapping[str, Array]
"""Of observations, as a checkpoint holds them: ``obs/<key>/mean`` and ``obs/<key>/var``."""


class Policies(Protocol):
    """Policies of several checkpoints."""

    def load(self, place: int, weights: State, statistics: Statistics) -> None:
        """Give a policy its weights and its statistics."""

    def act(self, obs: Any, generators: Sequence[np.random.Generator] | None = None) -> Array:
        """Actions for the environments, shape (count * n, ...).

        Args:
            obs: not normalised, those of the first policy's n environments first.
            generators: one of each policy, to draw actions; without them the likeliest are taken.
        """


def acting_policies(make: Callable[[], BaseAlgorithm], venv: VecEnv, count: int) -> Policies:
    """Policies that act in NumPy where they can, else by Stable-Baselines3.

    Args:
        make: makes a model with the form of the policies.
        venv: what they act in; may normalise.
    """
    model = make()
    try:
        return ActingPolicies(model, venv, count)
    except NotHere:
        return _Sb3Policies([model, *(make() for _ in range(count - 1))], venv)


class ActingPolicies:
    """Policies of the same form, each with its own weights and statistics of observations.

    Their actions are those of Stable-Baselines3's ``predict`` up to rounding.

    Args:
        model: has the form of the policies.
        venv: what it acts in; may normalise.
        count: number of policies.

    Raises:
        NotHere: only Stable-Baselines3 itself can act with such a policy.
    """

    def __init__(self, model: BaseAlgorithm, venv: VecEnv, count: int) -> None:
        self._count = count
        self._networks = _OfPpo(model, count) if type(model) is PPO else _OffPolicy(model, count)
        self._features = Features(model.observation_space)
        self._normalising = _normalising(venv, count)
        # Stable-Baselines3 puts the channels of images first, with or without convolutions
        self._channels_first = unwrap_vec_wrapper(model.get_env() or venv, VecTransposeImage)

    def load(self, place: int, weights: State, statistics: Statistics) -> None:
        """Give a policy its weights and its statistics."""
        self._networks.load(place, weights)
        if self._normalising is not None:
            self._normalising.load(place, statistics)

    def act(self, obs: Any, generators: Sequence[np.random.Generator] | None = None) -> Array:
        """Actions for the environments, shape (count * n, ...).

        Args:
            obs: not normalised, those of the first policy's n environments first.
            generators: one of each policy, to draw actions; without them the likeliest are taken.
        """
        if self._normalising is not None:
            obs = self._normalising(obs)
        if isinstance(self._channels_first, VecTransposeImage):
            obs = self._channels_first.transpose_observations(obs)
        rows = self._features(obs)
        return self._networks.act(rows.reshape(self._count, -1, rows.shape[1]), generators)


class _OfPpo:
    """Policy networks of PPO."""

    def __init__(self, model: PPO, count: int) -> None:
        check_actions(model)
        self._networks = ActorCritic(count, architecture_of(model))
        self._space = model.action_space

    def load(self, place: int, weights: State) -> None:
        read_weights(weights, self._networks, place)

    def act(self, rows: Array, generators: Sequence[np.random.Generator] | None) -> Array:
        outputs, distribution = self._networks.policy(rows), self._networks.distribution
        if generators is None:
            actions = distribution.mode(outputs)
        else:
            noise = [distribution.noise(rng, rows.shape[1:2]) for rng in generators]
            actions = distribution.sample(outputs, np.stack(noise))
        taken = for_environment(actions, self._space)
        return taken.reshape(-1, *taken.shape[2:])


class _OffPolicy:
    """Actors of SAC, TD3 and DDPG, and the Q of DQN."""

    def __init__(self, model: BaseAlgorithm, count: int) -> None:
        self._model = check_model(model)
        form = network_of(self._model)
        self._parameters = network_parameters(count, form)
        self._network = Network(self._parameters, form)
        self._stored = stored_actions(model.action_space, None)

    def load(self, place: int, weights: State) -> None:
        self._model.policy.load_state_dict(dict(weights))
        read_network(self._model, self._parameters, place)

    def act(self, rows: Array, generators: Sequence[np.random.Generator] | None) -> Array:
        outputs = self._network.act(rows)
        if isinstance(self._model, DQN):
            actions = outputs.argmax(axis=1)[:, None]
        elif not isinstance(self._model, SAC):
            actions = np.tanh(outputs)
        else:
            shape = outputs.shape[1] // 2, rows.shape[1]
            noise = [rng.standard_normal(shape, np.float32) for rng in generators or ()]
            none = np.zeros((len(outputs), *shape), np.float32)
            actions = actions_of(outputs, np.stack(noise) if noise else none)
        each = actions.swapaxes(1, 2)
        return self._stored.taken(each.reshape(-1, each.shape[2]))


class _Sb3Policies:
    """Models of Stable-Baselines3 that act one after the other."""

    def __init__(self, models: Sequence[BaseAlgorithm], venv: VecEnv) -> None:
        self._models, self._venv = models, venv
        self._normalising = _normalising(venv, len(models))
        for model in models:
            model.policy.set_training_mode(False)
            # predict() would visit all modules in every step to turn off what is off: a third of
            # the time of an evaluation
            model.policy.set_training_mode = lambda mode: None  # type: ignore[method-assign]

    def load(self, place: int, weights: State, statistics: Statistics) -> None:
        self._models[place].policy.load_state_dict(dict(weights))
        if self._normalising is not None:
            self._normalising.load(place, statistics)

    def act(self, obs: Any, generators: Sequence[np.random.Generator] | None = None) -> Array:
        if self._normalising is not None:
            obs = self._normalising(obs)
        each = self._venv.num_envs // len(self._models)
        actions = []
        for place, model in enumerate(self._models):
            rows = range(place * each, (place + 1) * each)
            seen = _rows(obs, slice(rows.start, rows.stop))
            actions.append(chosen_actions(model, self._venv, seen, generators is None, rows))
        return np.concatenate(actions)


def _rows(obs: Any, rows: slice) -> Any:
    return {key: of[rows] for key, of in obs.items()} if isinstance(obs, dict) else obs[rows]


def _normalising(venv: VecEnv, count: int) -> _Normalising | None:
    return _Normalising(venv, count) if isinstance(venv, VecNormalize) else None


class _Normalising:
    """What VecNormalize does to observations, with the statistics of several checkpoints."""

    def __init__(self, venv: VecNormalize, count: int) -> None:
        self._clip, self._epsilon, self._count = venv.clip_obs, venv.epsilon, count
        statistics: Any = venv.obs_rms if venv.norm_obs else {}
        found = statistics if isinstance(statistics, dict) else {"": statistics}
        shapes = {key: running.mean.shape for key, running in found.items()}
        self._means = {key: np.zeros((count, 1, *shape)) for key, shape in shapes.items()}
        self._deviations = {key: np.ones((count, 1, *shape)) for key, shape in shapes.items()}

    def load(self, place: int, statistics: Statistics) -> None:
        for key, mean in self._means.items():
            mean[place] = statistics[f"obs/{key}/mean"]
            variance = statistics[f"obs/{key}/var"]
            self._deviations[key][place] = np.sqrt(variance + self._epsilon)

    def __call__(self, obs: Any) -> Any:
        if isinstance(obs, dict):
            return obs | {key: self._of_key(key, obs[key]) for key in self._means}
        return self._of_key("", obs) if self._means else obs

    def _of_key(self, key: str, values: Array) -> Array:
        split = values.reshape(self._count, -1, *values.shape[1:])
        scaled = (split - self._means[key]) / self._deviations[key]
        return np.clip(scaled, -self._clip, self._clip).astype(np.float32).reshape(values.shape)
