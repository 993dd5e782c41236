"""The hyper-parameters of off-policy models of Stable-Baselines3; what is not here is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from stable_baselines3 import DDPG, DQN, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictReplayBuffer, ReplayBuffer
from stable_baselines3.common.noise import NormalActionNoise, VectorizedActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit

from rewardsmith.train.members.dqn import Dqn, DqnSettings
from rewardsmith.train.members.environments import normalises_numbers_only
from rewardsmith.train.members.learner import optimiser_of
from rewardsmith.train.members.off_policy import OffPolicy
from rewardsmith.train.members.off_policy_weights import check_networks, critics_of, network_of
from rewardsmith.train.members.sac import Sac, SacSettings
from rewardsmith.train.members.td3 import Td3, Td3Settings
from rewardsmith.train.members.weights import NotHere
from rewardsmith.types import Array

MakeAlgorithm = Callable[[int], OffPolicy]
_KINDS = (DDPG, DQN, SAC, TD3)


class OffPolicySettings(NamedTuple):
    """What the algorithms share, by the names of Stable-Baselines3.

    Attributes:
        learning_rate: takes the share of the training that is left.
        train_freq: vector steps between updates.
        gradient_steps: updates at a time; below 0 as many as steps were taken.
        noise: mean and deviation of the noise on actions, each shape (numbers,); None for none.
        handle_timeouts: whether an episode that a time limit ended counts as going on.
    """

    learning_rate: Callable[[float], float]
    buffer_size: int
    learning_starts: int
    batch_size: int
    train_freq: int
    gradient_steps: int
    noise: tuple[Array, Array] | None
    handle_timeouts: bool


def settings_of(model: OffPolicyAlgorithm) -> OffPolicySettings:
    """The hyper-parameters of a model.

    Raises:
        NotHere: it has some that only Stable-Baselines3 itself can train with.
    """
    check_model(model)
    frequency, memory = model.train_freq, model.replay_buffer
    assert isinstance(frequency, TrainFreq), "made when the model is"
    if frequency.unit is not TrainFrequencyUnit.STEP:
        raise NotHere("train_freq counts episodes")
    if type(memory) not in (ReplayBuffer, DictReplayBuffer) or model.n_steps != 1:
        raise NotHere("its replay buffer is not the plain one")
    assert memory is not None
    if memory.optimize_memory_usage:
        raise NotHere("optimize_memory_usage stores no next observations")
    return OffPolicySettings(
        learning_rate=model.lr_schedule,
        buffer_size=model.buffer_size,
        learning_starts=model.learning_starts,
        batch_size=model.batch_size,
        train_freq=frequency.frequency,
        gradient_steps=model.gradient_steps,
        noise=_noise(model),
        handle_timeouts=memory.handle_timeout_termination,
    )


def algorithm_of(model: OffPolicyAlgorithm) -> MakeAlgorithm:
    """A maker of the same algorithm for any number of members."""
    assert isinstance(model, _KINDS), "others are refused before"
    form = network_of(model)
    if isinstance(model, DQN):
        optimiser = partial(optimiser_of, model.policy.optimizer)
        steps = max(model.target_update_interval // model.n_envs, 1)
        of_dqn = DqnSettings(
            model.gamma, model.tau, model.max_grad_norm, model.exploration_schedule, steps
        )
        return lambda members: Dqn(members, form, of_dqn, optimiser)
    critics = critics_of(model)
    optimiser = partial(optimiser_of, model.policy.actor.optimizer)
    if isinstance(model, SAC):
        of_sac = _sac(model)
        return lambda members: Sac(members, form, critics, of_sac, optimiser)
    of_td3 = Td3Settings(
        model.gamma,
        model.tau,
        model.policy_delay,
        model.target_policy_noise,
        model.target_noise_clip,
    )
    return lambda members: Td3(members, form, critics, of_td3, optimiser)


def check_model(model: BaseAlgorithm) -> DQN | SAC | TD3:
    """The same model, if members have its algorithm and its networks.

    Raises:
        NotHere: they do not.
    """
    if not isinstance(model, _KINDS) or type(model) not in _KINDS:
        raise NotHere(f"its algorithm is {type(model).__name__}")
    if model.use_sde:
        raise NotHere("use_sde explores by noise that depends on the state")
    normalising = model.get_vec_normalize_env()
    if normalising is not None and not normalises_numbers_only(normalising):
        raise NotHere("observations that are no numbers are normalised")
    check_networks(model)
    return model


def _noise(model: OffPolicyAlgorithm) -> tuple[Array, Array] | None:
    noise: Any = model.action_noise
    if isinstance(noise, VectorizedActionNoise):
        noise = noise.base_noise
    if noise is None:
        return None
    if type(noise) is not NormalActionNoise:
        raise NotHere(f"action_noise is a {type(noise).__name__}")
    return np.ravel(noise._mu), np.ravel(noise._sigma)


def _sac(model: SAC) -> SacSettings:
    learns = model.log_ent_coef is not None
    return SacSettings(
        gamma=model.gamma,
        tau=model.tau,
        ent_coef=None if learns else float(model.ent_coef_tensor),
        target_entropy=float(model.target_entropy),
        target_update_interval=model.target_update_interval,
    )
