"""Further losses of a fit of a reward model. One trainer serves all of them.

nuisance          ODIN: a second output takes up what the reward must not depend on
prior             PRIOR: the reward is drawn towards one that is known beforehand
second_head       GRM: a second task on the hidden units
smoothing         IDS: labels move towards the predictions
gradient_penalty  the reward changes slowly
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.types import Array, Columns, FloatArray

if TYPE_CHECKING:
    from torch import Tensor

_SMALL = 1e-8  # below it a standard deviation counts as 0


@dataclass(frozen=True)
class Batch:
    """What a gradient step sees: b pairs of s segments with n transitions.

    Attributes:
        rows: places of the transitions among those of all segments, shape (n,).
        segments: places of the segments, shape (s,).
        segment_of: which of these each transition belongs to, shape (n,).
        row_weights: the weight of each transition in the score of its segment, shape (n,).
        offsets: added to the score of each segment, shape (s,).
        pairs: places of the pairs, shape (b,).
        first, second: which of the batch's segments each pair compares, shape (b,).
    """

    rows: Tensor
    segments: Tensor
    segment_of: Tensor
    row_weights: Tensor
    offsets: Tensor
    pairs: Tensor
    first: Tensor
    second: Tensor

    def weighted_sums(self, values: Tensor) -> Tensor:
        """Values of transitions, shape (k, n), summed up over each segment, shape (k, s)."""
        sums = values.new_zeros(len(values), len(self.segments))
        return sums.index_add(1, self.segment_of, values * self.row_weights)


@dataclass(frozen=True)
class Outputs:
    """What k members of the ensemble return for a batch.

    Attributes:
        rewards: shape (k, n), not normalised.
        heads: the outputs that belong to this extra, shape (k, n, h).
        scores: of the segments under ``rewards``, shape (k, s).
        reward_weights: of the last layer, shape (k, u), for u hidden units.
        head_weights: those of the extra's outputs, shape (k, u, h).
    """

    rewards: Tensor
    heads: Tensor
    scores: Tensor
    reward_weights: Tensor
    head_weights: Tensor


class Extra:
    """A further loss; the base of all, which does nothing.

    Attributes:
        heads: further outputs of the networks that it needs.
        joins_score: its first output is added to the reward in the loss of preferences.
        preference_weight: what the loss of preferences is multiplied by.
        needs_gradients: whether it differentiates with respect to the features.
    """

    heads: int = 0
    joins_score: bool = False
    preference_weight: float = 1.0
    needs_gradients: bool = False

    def check(self, lengths: Array, width: int) -> None:
        """Raise a UsageError if it does not fit the segments.

        Args:
            lengths: steps of each segment, shape (m,).
            width: number of features, d.
        """

    def __call__(self, features: Tensor, outputs: Outputs, batch: Batch) -> Tensor:
        """The loss of each member, shape (k,).

        Args:
            features: encoded and standardised inputs, shape (k, n, d).
        """
        return outputs.rewards.new_zeros(len(outputs.rewards))

    def relabelled(self, labels: Tensor, probabilities: Tensor) -> Tensor:
        """The labels of a batch's pairs after a gradient step, both of shape (k, b)."""
        return labels


def nuisance(
    values: Sequence[float] | FloatArray, weight: float = 1.0, orthogonality: float = 1.0
) -> Extra:
    """A second output that takes up a nuisance, for example the length of a segment.

    Preferences are explained by the sum of both outputs. Over the segments of a batch, with the
    nuisance z, scores Q of the reward and L of the second output, and w the last weights::

        weight * (|corr(Q, z)| - corr(L, z)) + orthogonality * |cos(w_Q, w_L)|

    Only Q becomes the reward. ODIN (Chen et al. 2024, arXiv 2402.07319) prints the correlation of
    Q without its absolute value, which rewards a negative one. The
    correlations need large batches and more steps than the defaults: ``FitSettings(batch=128,
    learning_rate=0.02, steps=300)`` in the tests.

    Args:
        values: the nuisance of each segment, shape (m,), as :func:`segment_means` computes it.
        weight: of the correlations.
        orthogonality: of the angle between the two outputs.

    Example:
        fit = rs.fit_preferences(segments, pairs, extras=[nuisance(lengths)])
    """
    return _Nuisance(np.asarray(values, np.float64), weight, orthogonality)


class _Nuisance(Extra):
    heads = 1
    joins_score = True

    def __init__(self, values: FloatArray, weight: float, orthogonality: float) -> None:
        self._values, self._weight, self._orthogonality = values, weight, orthogonality

    def check(self, lengths: Array, width: int) -> None:
        _expect("nuisance", self._values, (len(lengths),))

    def __call__(self, features: Tensor, outputs: Outputs, batch: Batch) -> Tensor:
        from torch.nn.functional import cosine_similarity

        values = _taken(self._values, batch.segments)
        taken_up = batch.weighted_sums(outputs.heads[..., 0])
        correlations = correlation(outputs.scores, values).abs() - correlation(taken_up, values)
        angle = cosine_similarity(outputs.reward_weights, outputs.head_weights[..., 0], dim=1)
        return self._weight * correlations + self._orthogonality * angle.abs()


def prior(weights: Sequence[float] | FloatArray, strength: float = 1.0) -> Extra:
    """The reward is drawn towards a linear one: ``strength * (1 - corr(reward, features @ w))``.

    The correlation is over the transitions of a batch, so the prior gives a direction, and no
    scale. PRIOR (Verma and Metcalf 2022, arXiv 2210.09151) adds a soft constraint by a prior on
    what matters in a state; this form of it is our own. A wrong prior does harm: compare the
    held-out accuracy with and without it.

    Args:
        weights: of the encoded and standardised inputs, in their order, shape (d,).
        strength: of the constraint.

    Example:
        fit = rs.fit_preferences(segments, pairs, extras=[prior([1.0, 0.0, -0.5])])
    """
    return _Prior(np.asarray(weights, np.float64), strength)


class _Prior(Extra):
    def __init__(self, weights: FloatArray, strength: float) -> None:
        self._weights, self._strength = weights, strength

    def check(self, lengths: Array, width: int) -> None:
        _expect("prior", self._weights, (width,))
        if not self._weights.any():
            raise UsageError("prior: expected a weight other than 0")

    def __call__(self, features: Tensor, outputs: Outputs, batch: Batch) -> Tensor:
        expected = features[0] @ _tensor(self._weights)
        return (1 - correlation(outputs.rewards, expected)) * self._strength


def second_head(targets: Sequence[Array], weight: float = 0.01) -> Extra:
    """A second task on the hidden units: ``(1 - weight) * preferences + weight * squared error``.

    It keeps the hidden units useful beyond the pairs. GRM (Yang et al. 2024, arXiv 2406.10216)
    keeps generating text; here it is any numbers of a transition, for example the next state.

    Args:
        targets: per segment what is predicted from each transition, shape (T, t) or (T,). They
            are standardised.
        weight: of the second task, in [0, 1).

    Raises:
        UsageError: the weight is out of range, or the targets are no arrays with the same number
            of columns.

    Example:
        states = [segment["next_x"] for segment in segments]
        fit = rs.fit_preferences(segments, pairs, extras=[second_head(states)])
    """
    if not 0 <= weight < 1:
        raise UsageError(f"second_head: expected a weight in [0, 1), found {weight}")
    rows = [np.asarray(target, np.float64).reshape(len(target), -1) for target in targets]
    if len({row.shape[1] for row in rows}) != 1:
        raise UsageError("second_head: expected targets with the same number of columns")
    return _SecondHead(rows, weight)


class _SecondHead(Extra):
    def __init__(self, rows: list[FloatArray], weight: float) -> None:
        self._lengths, self._weight = [len(row) for row in rows], weight
        targets = np.concatenate(rows)
        spread = targets.std(axis=0)
        spread[spread < _SMALL] = 1.0
        self._targets = (targets - targets.mean(axis=0)) / spread
        self.heads, self.preference_weight = targets.shape[1], 1 - weight

    def check(self, lengths: Array, width: int) -> None:
        if self._lengths != list(lengths):
            raise UsageError(
                f"second_head: expected targets of {len(lengths)} segments, one row per step, "
                f"found {len(self._lengths)} segments or another number of rows"
            )
        _expect("second_head", self._targets, self._targets.shape)

    def __call__(self, features: Tensor, outputs: Outputs, batch: Batch) -> Tensor:
        errors = outputs.heads - _taken(self._targets, batch.rows)
        loss: Tensor = self._weight * (errors**2).mean(dim=(1, 2))
        return loss


def smoothing(beta: float = 0.01) -> Extra:
    """After each gradient step, labels of its pairs move towards the predicted probability.

    ``label <- (1 - beta) * label + beta * P``. Pairs that are seen often keep their label; a
    model does not become certain about those that it cannot explain. Each member of the ensemble
    has labels of its own. Held-out pairs keep theirs.

    Source: Iterative Data Smoothing (Zhu et al. 2024, arXiv 2401.16335).

    Args:
        beta: per gradient step. Its effect adds up over the steps: in the tests 0.01 helps, and
            0.3 does harm, because the labels are gone before the model has learned them.

    Raises:
        UsageError: ``beta`` is not in [0, 1].

    Example:
        fit = rs.fit_preferences(segments, pairs, extras=[smoothing()])
    """
    if not 0 <= beta <= 1:
        raise UsageError(f"smoothing: expected beta in [0, 1], found {beta}")
    return _Smoothing(beta)


class _Smoothing(Extra):
    def __init__(self, beta: float) -> None:
        self._beta = beta

    def relabelled(self, labels: Tensor, probabilities: Tensor) -> Tensor:
        return (1 - self._beta) * labels + self._beta * probabilities


def gradient_penalty(weight: float = 1.0, largest: float = 1.0) -> Extra:
    """The reward changes slowly: ``weight * mean(max(0, |gradient| - largest)^2)``.

    The gradient is that of the reward before normalisation with respect to the standardised
    features, at the transitions of the batch.

    Source: Blondé et al. 2020, arXiv 2006.16785, with one side of its penalty.

    Args:
        weight: of the penalty.
        largest: the length of a gradient up to which there is none.

    Example:
        fit = rs.fit_preferences(segments, pairs, extras=[gradient_penalty(weight=10.0)])
    """
    return _GradientPenalty(weight, largest)


class _GradientPenalty(Extra):
    needs_gradients = True

    def __init__(self, weight: float, largest: float) -> None:
        self._weight, self._largest = weight, largest

    def __call__(self, features: Tensor, outputs: Outputs, batch: Batch) -> Tensor:
        import torch

        (gradients,) = torch.autograd.grad(outputs.rewards.sum(), features, create_graph=True)
        excess = (gradients.norm(dim=2) - self._largest).clamp(min=0)
        loss: Tensor = self._weight * (excess**2).mean(dim=1)
        return loss


def segment_means(segments: Sequence[Columns], name: str) -> FloatArray:
    """The mean of a column over each segment, shape (m,); of ``length`` the number of steps.

    Raises:
        UsageError: a segment lacks the column.
    """
    if missing := [place for place, segment in enumerate(segments) if name not in segment]:
        if name == "length":
            return np.array([float(len(next(iter(segment.values())))) for segment in segments])
        raise UsageError(f"segment {missing[0]} has no column {name!r}")
    return np.array([np.asarray(segment[name], np.float64).mean() for segment in segments])


def correlation(values: Tensor, other: Tensor) -> Tensor:
    """Pearson's correlation of each row with ``other``: (k, n) and (n,) give (k,).

    It is 0 where one of the two does not vary.
    """
    centred = values - values.mean(dim=1, keepdim=True)
    others = other - other.mean()
    product: Tensor = centred @ others
    found: Tensor = product / (centred.norm(dim=1) * others.norm()).clamp(min=_SMALL)
    return found


def _expect(name: str, found: FloatArray, shape: tuple[int, ...]) -> None:
    if found.shape != shape or not np.isfinite(found).all():
        raise UsageError(f"{name}: expected finite numbers of shape {shape}, found {found.shape}")


def _tensor(values: FloatArray) -> Any:
    import torch

    return torch.as_tensor(values, dtype=torch.float32)


def _taken(values: FloatArray, places: Tensor) -> Any:
    return _tensor(values[places.numpy()])
