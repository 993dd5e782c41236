"""How far a critic, and an actor, are from a prior on Q: losses of a batch in torch.

The gradients of the same losses in NumPy are in :mod:`rewardsmith.train.prior.gradients`.
"""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.task.training import PriorPart
from rewardsmith.train.prior.gradients import MARGIN, ORDER_SHARE
from rewardsmith.train.prior.values import PriorBatch

TensorBatch = PriorBatch[torch.Tensor]


def prior_loss(model: OffPolicyAlgorithm, batch: TensorBatch, part: PriorPart) -> torch.Tensor:
    """Mean squared distance of the critic, or of all critics, from the values of the prior.

    Args:
        part: ``states`` compares means over actions; of ``actions`` see :func:`order_loss`.
    """
    losses = [
        critic_loss(found, batch.values, part, model.gamma)
        for found in _critic_values(model, batch)
    ]
    return torch.stack(losses).sum()


def critic_loss(
    found: torch.Tensor, wanted: torch.Tensor, part: PriorPart, gamma: float
) -> torch.Tensor:
    """The loss of one critic.

    Args:
        found: the values of the critic, shape (n, m).
        wanted: the values of the prior, same shape, NaN if unknown.
    """
    if part == "actions":
        return order_loss(found, wanted, share=ORDER_SHARE * (1 - gamma))
    known = ~torch.isnan(wanted)
    difference = torch.where(known, found - wanted.nan_to_num(0.0), torch.zeros_like(found))
    if part == "states":
        return ((difference.sum(dim=1) / known.sum(dim=1)) ** 2).mean()
    return (difference**2).mean()


def order_loss(found: torch.Tensor, wanted: torch.Tensor, share: float) -> torch.Tensor:
    """Squared hinge over pairs of actions: the better one must be better by a small margin.

    A margin, not the distance in the prior: a critic that must keep a distance d between actions
    adds d again at every backup, and its values grow by up to d gamma / (1 - gamma). Margins of 0.2
    (1 - gamma) of the values make them grow by a share, which is larger if more actions are
    ordered: in the tests, where all are equally good, by a factor of 1.1 with two and 1.6 with
    five. (Large margins: Hester et al. 2018, arXiv 1704.03732.)

    Args:
        found: the values of the critic, shape (n, m).
        wanted: the values of the prior, same shape, NaN if unknown.
        share: of the mean absolute value in ``found``; the margin is this, or the distance in the
            prior if that is less.
    """
    gaps = (wanted[:, :, None] - wanted[:, None, :]).nan_to_num(0.0).clamp(min=0.0)
    margin = gaps.clamp(max=share * float(found.detach().abs().mean()))
    short = (margin - (found[:, :, None] - found[:, None, :])).clamp(min=0.0)
    return torch.where(gaps > 0, short**2, 0.0).sum(dim=(1, 2)).mean()


def _critic_values(model: OffPolicyAlgorithm, batch: TensorBatch) -> list[torch.Tensor]:
    """The values of each critic for the actions of a batch, shape (n, m)."""
    if isinstance(model, DQN):
        return [model.q_net(batch.obs)]
    assert batch.actions is not None
    n, m, _ = batch.actions.shape
    if isinstance(batch.obs, dict):
        obs: Any = {key: value.repeat_interleave(m, dim=0) for key, value in batch.obs.items()}
    else:
        obs = batch.obs.repeat_interleave(m, dim=0)
    critic: Any = model.policy.critic
    return [values.reshape(n, m) for values in critic(obs, batch.actions.reshape(n * m, -1))]


def actor_loss(mean: torch.Tensor, batch: TensorBatch) -> torch.Tensor:
    """Squared distance to the best action, if it is good; a hinge near the worst, if it is bad."""
    assert batch.actions is not None
    rows = torch.arange(len(mean), device=mean.device)
    values, m = batch.values, batch.values.shape[1]
    middle = values.mean(dim=1) if m > 1 else torch.zeros_like(values[:, 0])
    best, worst = values.argmax(dim=1), values.argmin(dim=1)
    towards = ((mean - batch.actions[rows, best]) ** 2).sum(dim=1) * (values[rows, best] > middle)
    apart = (mean - batch.actions[rows, worst]).norm(dim=1)
    away = torch.clamp(MARGIN - apart, min=0.0) ** 2 * (
        values[rows, worst] < middle + (m == 1) * 1e-9
    )
    return (towards + away).mean()
