"""The gradients of the losses of :mod:`rewardsmith.train.prior.losses`, in NumPy.

They are with respect to what networks give: the values of critics, and the mean action of an actor.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.task.training import PriorPart
from rewardsmith.train.prior.values import PriorBatch
from rewardsmith.types import Array

ORDER_SHARE = 0.2  # of the values, times 1 - gamma: the margin between two actions
MARGIN = 0.5  # how far the actor is pushed from a bad action, in the policy's range of -1 to 1
_TWO = np.float32(2)


def critic_gradient(found: Array, wanted: Array, part: PriorPart, gamma: float) -> Array:
    """Of the sum of the losses of N critics, shape (N, n, m).

    Args:
        found: the values of the critics, shape (N, n, m).
        wanted: the values of the prior, shape (n, m), NaN if unknown.
        part: what is compared, see :func:`rewardsmith.train.prior.losses.critic_loss`.
    """
    if part == "actions":
        return order_gradient(found, wanted, ORDER_SHARE * (1 - gamma))
    known = ~np.isnan(wanted)
    difference = np.where(known, found - wanted, np.float32(0))
    if part == "q":
        return np.asarray(difference * np.float32(2 / wanted.size))
    counts = known.sum(axis=1, keepdims=True).astype(np.float32)
    off = difference.sum(axis=2, keepdims=True) / (counts * counts)
    return np.asarray(off * known * np.float32(2 / len(wanted)))


def order_gradient(found: Array, wanted: Array, share: float) -> Array:
    """Of the sum of the order losses of N critics, shape (N, n, m).

    Args:
        found, wanted: as in :func:`critic_gradient`.
        share: of the mean absolute value of each critic; see
            :func:`rewardsmith.train.prior.losses.order_loss`.
    """
    gaps = np.nan_to_num(wanted[:, :, None] - wanted[:, None, :], nan=0.0)
    least = np.float32(share) * np.abs(found).mean(axis=(1, 2))
    margin = np.minimum(np.maximum(gaps, 0), least[:, None, None, None])
    short = margin - (found[:, :, :, None] - found[:, :, None, :])
    short = np.where(gaps > 0, np.maximum(short, 0), np.float32(0))
    of_pairs = short.sum(axis=2) - short.sum(axis=3)  # down where it is worse, up where better
    return np.asarray(of_pairs * (_TWO / np.float32(len(wanted))))


def actor_gradient(mean: Array, batch: PriorBatch[Array]) -> Array:
    """Of the actor's loss with respect to the mean actions, shape (n, d).

    Args:
        mean: in the policy's range of -1 to 1, shape (n, d).
    """
    assert batch.actions is not None
    rows, values = np.arange(len(mean)), batch.values
    alone = values.shape[1] == 1
    middle = np.zeros_like(values[:, 0]) if alone else values.mean(axis=1)
    best, worst = values.argmax(axis=1), values.argmin(axis=1)
    is_good = values[rows, best] > middle
    is_bad = values[rows, worst] < middle + np.float32(alone * 1e-9)
    towards = (mean - batch.actions[rows, best]) * is_good[:, None]
    apart = mean - batch.actions[rows, worst]
    distance = np.sqrt(np.square(apart).sum(axis=1))
    push = np.maximum(np.float32(MARGIN) - distance, 0) * is_bad
    push /= np.where(distance > 0, distance, 1)  # at the worst action itself nothing has a slope
    gradient: Array = (towards - push[:, None] * apart) * (_TWO / np.float32(len(mean)))
    return gradient
