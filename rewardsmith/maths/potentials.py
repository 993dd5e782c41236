"""The share of a reward that is the change of a potential, which never changes the optimal policy.

The potential is looked for among functions of the state's fields: their values, their squares, and
bumps around states that were seen. Whatever is found must also hold on trajectories that it was not
fitted to, so a reward that follows no potential is not taken for one by fitting its noise.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.maths.distances import sampled_starc
from rewardsmith.types import Array, FloatArray

_BUMPS = 24
_RIDGE = 1e-6


class StateFeatures:
    """Functions of a state: a constant, its fields, their squares, and bumps around sampled states.

    Args:
        states: shape (N, d).
    """

    def __init__(self, states: FloatArray, bumps: int = _BUMPS) -> None:
        self._mean = states.mean(axis=0)
        spread = states.std(axis=0)
        self._scale = np.where(spread > 1e-12, spread, 1.0)
        plain = (states - self._mean) / self._scale
        count = min(bumps, len(plain))
        self._centres = plain[np.linspace(0, len(plain) - 1, count).astype(int)]
        apart = _squares(self._centres, self._centres)
        self._width = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0

    def __call__(self, states: FloatArray) -> FloatArray:
        """Shape (N, d) -> (N, number of functions)."""
        plain = (states - self._mean) / self._scale
        bumps = np.exp(-_squares(plain, self._centres) / self._width)
        return np.concatenate([np.ones((len(plain), 1)), plain, plain**2, bumps], axis=1)


def shaping_share(
    reward: FloatArray,
    reference: FloatArray,
    features: FloatArray,
    next_features: FloatArray,
    terminated: Array,
    folds: Array,
    gamma: float,
) -> float | None:
    """Share of ``reward - c * reference`` that is gamma*phi(s') - phi(s) for some phi, in [0, 1].

    None if it adds nothing. The potential is the closest one by least squares, as in Gleave's
    evaluating-rewards, with these differences:

    * The multiple is not negative, because a negated reward has the opposite optimum.
    * There is no constant beside the potential: if episodes end, a reward for every step rewards
      living longer. A constant potential also gives a constant, and takes all of it back at the
      end; if no episode ends, the data does not show that, and it is left out.
    * What is left may be small and yet decide: along the ways of one behaviour its values explain
      nearly all of any reward. So no more is called shaping than stays of the other reward's wishes
      when both lose their values, the squared correlation that
      :func:`rewardsmith.maths.distances.sampled_starc` measures; nothing where it is negative.

    Args:
        reward, reference: shape (N,).
        features, next_features: of the states before and after, shape (N, d).
        terminated: shape (N,): phi is 0 after an end.
        folds: shape (N,), ints: what is judged was fitted on the other folds.
    """
    middle = features.mean(axis=0) if not terminated.any() else 0.0
    change = gamma * np.where(terminated[:, None], 0.0, next_features - middle) - (
        features - middle
    )
    base = reference[:, None]
    rest, left = np.empty(len(reward)), np.empty(len(reward))
    for fold in np.unique(folds):
        here, others = folds == fold, folds != fold
        if not others.any():
            return None
        rest[here] = _unexplained(base, reward, others, here)
        left[here] = _unexplained(np.concatenate([base, change], axis=1), reward, others, here)
    added = float((rest**2).mean())
    if added <= 1e-12 * max(1e-12, float((reward**2).mean())):
        return None
    distance = sampled_starc(reward, reference, features, next_features, terminated, gamma)
    kept = max(0.0, 1.0 - 2.0 * distance**2) ** 2
    return float(np.clip(1.0 - (left**2).mean() / added, 0.0, kept))


def _unexplained(
    design: FloatArray, values: FloatArray, fitted: Array, judged: Array
) -> FloatArray:
    """What a ridge fit on some rows leaves of others; the first column has no negative weight."""
    scale = np.sqrt((design[fitted] ** 2).mean(axis=0))
    scaled = design / np.where(scale > 1e-12, scale, 1.0)
    matrix = scaled[fitted].T @ scaled[fitted] + _RIDGE * fitted.sum() * np.eye(design.shape[1])
    towards = scaled[fitted].T @ values[fitted]
    weights = np.linalg.solve(matrix, towards)
    if weights[0] < 0:
        weights[0], weights[1:] = 0.0, np.linalg.solve(matrix[1:, 1:], towards[1:])
    left: FloatArray = values[judged] - scaled[judged] @ weights
    return left


def _squares(one: FloatArray, other: FloatArray) -> FloatArray:
    """Squared distances, shape (len(one), len(other))."""
    squares: FloatArray = (
        (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2 * one @ other.T
    )
    return np.maximum(squares, 0.0)
