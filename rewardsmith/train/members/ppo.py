"""The update of PPO for several members (Schulman et al. 2017, arXiv 1707.06347).

The loss, its order of operations and its defaults are those of Stable-Baselines3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from rewardsmith.train.members.actor_critic import ActorCritic, Outputs
from rewardsmith.train.members.adam import Adam, clip_gradients
from rewardsmith.types import Array

_TINY = np.float32(1e-8)


class PpoSettings(NamedTuple):
    """Hyper-parameters by the names of Stable-Baselines3; schedules take the remaining share."""

    n_steps: int
    batch_size: int
    n_epochs: int
    gamma: float
    gae_lambda: float
    learning_rate: Callable[[float], float]
    clip_range: Callable[[float], float]
    clip_range_vf: Callable[[float], float] | None
    normalize_advantage: bool
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    target_kl: float | None


class Samples(NamedTuple):
    """Samples of a rollout, or of a minibatch, of G members.

    Attributes:
        observations: shape (G, B, inputs).
        actions: shape (G, B, numbers).
        log_prob: of the actions when they were taken, shape (G, B).
        values: estimated then, shape (G, B).
        advantages, returns: shape (G, B).
    """

    observations: Array
    actions: Array
    log_prob: Array
    values: Array
    advantages: Array
    returns: Array


class Losses(NamedTuple):
    """Of the latest minibatch, one number per member."""

    policy: Array
    value: Array
    entropy: Array
    kl: Array


class PpoUpdate:
    """Steps of gradient descent on samples of a rollout.

    Args:
        networks: what is trained.
        optimiser: of the networks' parameters.
    """

    def __init__(self, networks: ActorCritic, optimiser: Adam, settings: PpoSettings) -> None:
        self._networks, self._optimiser, self._settings = networks, optimiser, settings
        self._shuffled: Samples | None = None

    def __call__(self, samples: Samples, orders: Array, remaining: float) -> Losses:
        """Train on a rollout, epoch by epoch.

        Args:
            orders: of the samples in each epoch, shape (epochs, G, B).
            remaining: share of the training that is left, for schedules.

        Returns:
            The losses of the last minibatch.
        """
        members = orders.shape[1]
        rates = np.full(members, self._settings.learning_rate(remaining))
        learning = np.ones(members, bool)
        for order in orders:
            for batch in self._minibatches(samples, order):
                losses = self._gradients(batch, remaining)
                if self._settings.target_kl is not None:
                    learning &= ~(losses.kl > 1.5 * self._settings.target_kl)
                if not learning.any():
                    return losses
                clip_gradients(self._networks.parameters.gradients, self._settings.max_grad_norm)
                some = None if learning.all() else np.flatnonzero(learning).tolist()
                self._optimiser.step(rates, some)
        return losses

    def _minibatches(self, samples: Samples, order: Array) -> Iterator[Samples]:
        """The samples in a member's own order, cut into minibatches."""
        if self._shuffled is None:
            self._shuffled = Samples(*(np.empty_like(field) for field in samples))
        for field, shuffled in zip(samples, self._shuffled, strict=True):
            for member, places in enumerate(order):
                np.take(field[member], places, axis=0, out=shuffled[member], mode="clip")
        size = self._settings.batch_size
        for begin in range(0, order.shape[1], size):
            yield Samples(*(field[:, begin : begin + size] for field in self._shuffled))

    def _gradients(self, batch: Samples, remaining: float) -> Losses:
        """Write the gradients of the loss of a minibatch."""
        settings, distribution = self._settings, self._networks.distribution
        size = batch.advantages.shape[1]
        outputs = self._networks.forward(batch.observations)
        found = distribution.value(outputs.policy, batch.actions)
        advantages = batch.advantages
        if settings.normalize_advantage and size > 1:
            advantages = _normalised(advantages)
        log_ratio = found.log_prob - batch.log_prob
        ratio = np.exp(log_ratio)
        gain = advantages * ratio
        clip = np.float32(settings.clip_range(remaining))
        bounded = advantages * np.clip(ratio, 1 - clip, 1 + clip)
        # where the bounded gain is the smaller one, nothing more can be gained or lost
        of_log_prob = np.where(bounded < gain, np.float32(0), gain)
        of_log_prob *= np.float32(-1 / size)
        of_entropy = np.full_like(of_log_prob, -settings.ent_coef / size)
        error, moved = self._value_error(outputs.value, batch, remaining)
        of_value = error * np.float32(2 * settings.vf_coef / size)
        if moved is not None:
            of_value *= moved
        of_policy = distribution.gradient(of_log_prob, of_entropy)
        self._networks.backward(Outputs(of_policy, of_value))
        return Losses(
            policy=-np.minimum(gain, bounded).mean(axis=1),
            value=np.square(error).mean(axis=1),
            entropy=found.entropy.mean(axis=1),
            kl=(ratio - 1 - log_ratio).mean(axis=1),
        )

    def _value_error(
        self, values: Array, batch: Samples, remaining: float
    ) -> tuple[Array, Array | None]:
        """Estimates minus returns, and where a bounded estimate still moves."""
        if self._settings.clip_range_vf is None:
            return values - batch.returns, None
        most = np.float32(self._settings.clip_range_vf(remaining))
        change = values - batch.values
        bounded = batch.values + np.clip(change, -most, most)
        return np.subtract(bounded, batch.returns), np.abs(change) <= most


def _normalised(advantages: Array) -> Array:
    """With mean 0 and the deviation of a sample 1, member by member."""
    centred: Array = advantages - advantages.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.square(centred).sum(axis=1, keepdims=True) / (centred.shape[1] - 1))
    centred /= deviation + _TINY
    return centred


def advantages_of(
    rewards: Array, values: Array, dones: Array, gamma: float, gae_lambda: float
) -> Array:
    """Generalised advantage estimates (Schulman et al. 2016, arXiv 1506.02438).

    Args:
        rewards: shape (T, n); where a time limit ended an episode, with the discounted value of
            its last observation.
        values: estimated before each step and after the last, shape (T + 1, n).
        dones: where an episode ended, shape (T, n), bool.

    Returns:
        Shape (T, n), float32.

    Example:
        advantages_of(np.ones((2, 1)), np.zeros((3, 1)), np.array([[False], [True]]), 0.5, 1.0)
        # [[1.5], [1.0]]
    """
    goes_on = 1 - dones.astype(np.float32)
    rewards, values = rewards.astype(np.float32), values.astype(np.float32)
    surprise = rewards + np.float32(gamma) * values[1:] * goes_on - values[:-1]
    decay = np.float32(gamma * gae_lambda) * goes_on
    advantages: Array = np.empty_like(surprise)
    later = np.zeros_like(surprise[0])
    for step in reversed(range(len(rewards))):
        later = surprise[step] + decay[step] * later
        advantages[step] = later
    return advantages
