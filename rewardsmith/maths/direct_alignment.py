"""Direct alignment as functions on arrays: losses that match rewards, and the shape of the reward.

They compute numbers for checks and plots. For training they must be written in the trainer's
library, whose gradients they do not have; TRL has alpha in its experimental ``CPOConfig``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rewardsmith.maths.completions import per_completion
from rewardsmith.types import Array, FloatArray


def reward_matching_loss(
    log_ratio_gap: Array,
    reward_gap: Array,
    form: Literal["squared", "backward_kl", "forward_kl"],
    beta: float = 0.2,
    eta: float = 1.0,
) -> FloatArray:
    """How far the implicit reward of a pair is from its explicit one.

    With x = beta * D, z = eta * dr, P = sigmoid(x) and Q = sigmoid(z): "squared" is (x - z)^2,
    "backward_kl" the divergence KL(Q || P) of the two Bernoulli distributions, "forward_kl"
    KL(P || Q).

    Source: RPO, Sun et al. 2025, arXiv 2502.00203, and its code for the divergences, with beta 0.2
    and eta 1 in one configuration; the squared form is our reading of its name.

    Args:
        log_ratio_gap: D, log p(y1)/p_ref(y1) - log p(y2)/p_ref(y2), shape (n,).
        reward_gap: dr, the reward of y1 minus that of y2, shape (n,).
        form: one of the three.
        beta, eta: above 0.

    Returns:
        Shape (n,), at least 0, and 0 where beta * D = eta * dr. For a large reward gap
        "backward_kl" is the loss of DPO, -log sigmoid(beta * D).
    """
    ratio, reward = per_completion(log_ratio_gap=log_ratio_gap, reward_gap=reward_gap)
    if not beta > 0 or not eta > 0:
        raise ValueError(f"beta and eta must be above 0, found {beta!r} and {eta!r}")
    x, z = beta * ratio, eta * reward
    if form == "squared":
        return np.asarray((x - z) ** 2)
    if form == "backward_kl":
        return _bernoulli_kl(z, x)
    if form == "forward_kl":
        return _bernoulli_kl(x, z)
    raise ValueError(f"form is squared, backward_kl or forward_kl, found {form!r}")


def alpha_reward(mean_logp: Array, alpha: float) -> FloatArray:
    """The implicit reward of a completion: (1 - p^(-alpha)) / alpha, where p is its probability.

    Source: AlphaPO, Gupta et al. 2025, arXiv 2501.03884.

    Args:
        mean_logp: log p, the log-probability over the length, shape (n,), at most 0.
        alpha: of the shape; with 0 the reward is log p, as in SimPO.

    Returns:
        Shape (n,), at most 0, and 0 where p is 1.

    Example:
        >>> alpha_reward(np.log([0.5, 1.0]), alpha=1.0)
        array([-1.,  0.])
    """
    (logp,) = per_completion(mean_logp=mean_logp)
    if (logp > 0).any():
        raise ValueError("a log-probability is at most 0")
    return logp if alpha == 0 else -np.expm1(-alpha * logp) / alpha


def _bernoulli_kl(first: FloatArray, second: FloatArray) -> FloatArray:
    """KL between Bernoulli distributions with these logits, without overflow."""
    gaps = np.logaddexp(0, -second) - np.logaddexp(0, -first)  # log of the ratio for 1
    others = np.logaddexp(0, second) - np.logaddexp(0, first)  # and for 0
    share = 0.5 + 0.5 * np.tanh(0.5 * first)
    return np.asarray(np.maximum(share * gaps + (1.0 - share) * others, 0.0))
