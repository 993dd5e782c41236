"""A reward model from pairs of segments: all members of an ensemble in one computation of torch.

Source: Christiano et al. 2017, arXiv 1706.03741. Each member holds out another fold of the pairs,
which stops it, measures it, and makes the members differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rewardsmith.errors import UsageError
from rewardsmith.learned.batches import Problem, problem_of
from rewardsmith.learned.extras import Batch, Extra, Outputs
from rewardsmith.learned.likelihood import (
    CLIP,
    calibration_error,
    pair_accuracy,
    preference_probability,
)
from rewardsmith.learned.model import Input, RewardModel, aggregated, inputs_of
from rewardsmith.learned.network import NetworkOutputs, StackedNetworks
from rewardsmith.learned.pairs import Pairs
from rewardsmith.learned.settings import FitSettings as FitSettings
from rewardsmith.types import Array, Columns, FloatArray

_LEAST_HELD_OUT = 4  # pairs per fold, below which nothing is held out
_SMALL = 1e-8  # an output that varies less is a constant


@dataclass(frozen=True)
class Fit:
    """A fitted reward model and how good it is.

    Attributes:
        model: the reward model.
        accuracy: on held-out pairs: the share whose order it predicts, each member on its own
            held-out pairs, without ties; NaN if nothing was held out. Segments may occur in both
            held-out and other pairs, and the held-out pairs chose the step, so it is slightly too
            high for segments that were never seen; wrong labels make it too low.
        calibration_error: on held-out pairs, the expected calibration error; NaN without any.
        losses: shape (e, 3): the gradient step, and the mean loss over the members on their
            training pairs and on their held-out pairs (NaN without any).
        pairs: number of pairs with a weight above 0.
    """

    model: RewardModel
    accuracy: float
    calibration_error: float
    losses: FloatArray
    pairs: int


def fit_preferences(
    segments: Sequence[Columns],
    pairs: Pairs,
    inputs: Sequence[Input] | None = None,
    settings: FitSettings | None = None,
    extras: Sequence[Extra] = (),
    values: FloatArray | None = None,
) -> Fit:
    """Fit a reward model to preferences between segments.

    The score of a segment is the sum of its rewards. With segments of different lengths it is
    divided by the length, or not, see ``FitSettings.reduction``. The rewards of the model are
    normalised as far as that keeps the preferences it has learned: to mean 0 and standard
    deviation 1 over all transitions of the segments; only to standard deviation 1 with
    ``reduction="sum"``, where a shift would change which length is preferred; not at all with
    ``form="regret"``, where rewards have the unit of the values.

    Args:
        segments: name -> array of shape (T, ...) of numbers, T of its own for each segment.
        pairs: of places in ``segments``.
        inputs: what the model reads; None reads all columns of the first segment as numbers. Give
            them (:func:`inputs_of` with ``categories``) where a column holds discrete actions.
        settings: None is the defaults, which suit 200 pairs of short segments.
        extras: further losses, of ``rewardsmith.learned.extras``.
        values: for ``form="regret"``: V* of the first state of each segment and of the state
            after its last step, shape (m, 2).

    Raises:
        UsageError: a segment lacks a column, has text or a value that is not finite, or no step;
            the pairs are no pairs of the segments; values or extras do not fit; or the settings
            ask for values that are missing.

    Example:
        rng = np.random.default_rng(0)
        segments = [{"x": rng.normal(size=(50, 2))} for _ in range(40)]
        better = [segment["x"][:, 0].sum() for segment in segments]
        first, second = np.arange(20), np.arange(20, 40)
        label = [float(better[a] > better[b]) for a, b in zip(first, second)]
        fit = rs.fit_preferences(segments, rs.Pairs.of(first, second, label))
        rewards = fit.model(segments[0])  # shape (50,)
    """
    settings = settings or FitSettings()
    if not segments:
        raise UsageError("expected at least two segments, found none")
    chosen = tuple(inputs) if inputs is not None else inputs_of(segments[0])
    problem = problem_of(segments, pairs, chosen, settings, values)
    lengths = np.array([len(next(iter(segment.values()))) for segment in segments])
    for extra in extras:
        extra.check(lengths, len(problem.centre))
    training = _Training(problem, settings, extras)
    training.run()
    return _fit(training, chosen)


class _Training:
    """The gradient steps of a fit.

    Attributes:
        held_out: which pairs each member holds out, shape (k, p), bool.
        differences: of the scores of each pair under the reward that was kept, shape (k, p).
        outputs: of the kept networks for all transitions, shape (k, n).
        losses: the step, the training loss and the held-out loss of each measurement.
    """

    def __init__(self, problem: Problem, settings: FitSettings, extras: Sequence[Extra]) -> None:
        self.problem, self.settings, self.extras = problem, settings, extras
        self._rng = np.random.default_rng(settings.seed)
        self.held_out = _folds(len(problem.pairs.label), settings, self._rng)
        self.networks = StackedNetworks(
            settings.members,
            len(problem.centre),
            settings.hidden,
            sum(extra.heads for extra in extras),
            torch.Generator().manual_seed(settings.seed),
        )
        label = torch.as_tensor(problem.pairs.label, dtype=torch.float32)
        self._given = label.expand(settings.members, -1)
        self._labels = self._given.clone()  # what the members are trained on
        weight = torch.as_tensor(problem.pairs.weight / problem.pairs.weight.mean()).float()
        self._weights = weight * ~torch.from_numpy(self.held_out)
        self._held_out_weights = weight * torch.from_numpy(self.held_out)
        self._best = torch.full((settings.members,), torch.inf)
        self._kept = [parameter.detach().clone() for parameter in self.networks.parameters()]
        self.losses: list[tuple[int, float, float]] = []

    def run(self) -> None:
        """Train all members, and leave each at the step with its lowest held-out loss."""
        settings = self.settings
        optimiser = torch.optim.AdamW(
            self.networks.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, settings.steps)
        batches = self._batches()
        for step in range(1, settings.steps + 1):
            optimiser.zero_grad()
            self._step(next(batches))
            optimiser.step()
            schedule.step()
            if step % settings.evaluate_every == 0 or step == settings.steps:
                self._measure(step)
        with torch.no_grad():
            for parameter, kept in zip(self.networks.parameters(), self._kept, strict=True):
                parameter.copy_(kept)
        self.differences = self._all_differences(only_reward=True).double().numpy()
        with torch.no_grad():
            self.outputs = self.networks(self.problem.features).rewards.double().numpy()

    def _batches(self) -> Iterator[Array]:
        """Places of pairs, in a new random order each time all were taken."""
        p = len(self.problem.pairs.label)
        size = min(self.settings.batch, p)
        while True:
            order = self._rng.permutation(p)
            for start in range(0, p - size + 1, size):
                yield np.sort(order[start : start + size])

    def _step(self, places: Array) -> None:
        """Gradients of the loss of a batch; then its labels move, where an extra moves them."""
        features, batch = self.problem.batch(places)
        if any(extra.needs_gradients for extra in self.extras):
            members = self.settings.members
            features = features.expand(members, -1, -1).clone().requires_grad_()
        found = self.networks(features)
        difference = self._differences(found, batch)
        probability = _probability(difference, self.settings.noise)
        labels, weights = self._labels[:, batch.pairs], self._weights[:, batch.pairs]
        losses = _mean(_cross_entropy(probability, labels), weights)
        for extra in self.extras:
            losses = losses * extra.preference_weight
        losses = losses + self._extra_losses(features, found, batch)
        total: Any = losses.sum()
        total.backward()
        for extra in self.extras:
            labels = extra.relabelled(labels, torch.sigmoid(difference.detach()))
        self._labels[:, batch.pairs] = labels

    def _extra_losses(self, features: Tensor, found: NetworkOutputs, batch: Batch) -> Tensor:
        total = found.rewards.new_zeros(self.settings.members)
        rows = features.expand(self.settings.members, -1, -1)
        for extra, place in self._heads():
            outputs = Outputs(
                found.rewards,
                found.heads[..., place],
                batch.weighted_sums(found.rewards) + batch.offsets,
                self.networks.weights[-1][..., 0],
                self.networks.heads[..., place],
            )
            total = total + extra(features if features.ndim == 3 else rows, outputs, batch)
        return total

    def _heads(self) -> Iterator[tuple[Extra, slice]]:
        """The extras, each with the place of its outputs."""
        start = 0
        for extra in self.extras:
            yield extra, slice(start, start + extra.heads)
            start += extra.heads

    def _differences(
        self, found: NetworkOutputs, batch: Batch, only_reward: bool = False
    ) -> Tensor:
        """Score of the first minus that of the second segment, shape (k, b)."""
        rewards = found.rewards
        for extra, place in self._heads():
            if extra.joins_score and not only_reward:
                rewards = rewards + found.heads[..., place.start]
        scores = batch.weighted_sums(rewards) + batch.offsets
        return (scores[:, batch.first] - scores[:, batch.second]).clamp(-CLIP, CLIP)

    @torch.no_grad()
    def _all_differences(self, only_reward: bool = False) -> Tensor:
        features, batch = self.problem.batch(np.arange(len(self.problem.pairs.label)))
        return self._differences(self.networks(features), batch, only_reward)

    @torch.no_grad()
    def _measure(self, step: int) -> None:
        """Note the losses, and keep the members that have never been better."""
        probability = _probability(self._all_differences(), self.settings.noise)
        losses = _cross_entropy(probability, self._given)
        training, held_out = _mean(losses, self._weights), _mean(losses, self._held_out_weights)
        none = self._held_out_weights.sum(dim=1) == 0
        held_out[none] = torch.nan
        self.losses.append((step, float(training.mean()), float(held_out.mean())))
        better = (held_out < self._best) | none  # without held-out pairs the last step is kept
        self._best = torch.where(better, held_out, self._best)
        for kept, parameter in zip(self._kept, self.networks.parameters(), strict=True):
            kept[better] = parameter[better]


def _folds(p: int, settings: FitSettings, rng: np.random.Generator) -> Array:
    """Which pairs each member holds out, shape (k, p): another fold each, while they suffice."""
    held_out = np.zeros((settings.members, p), bool)
    size = round(settings.validation * p)
    if size < _LEAST_HELD_OUT:
        return held_out
    order = rng.permutation(p)
    for member in range(settings.members):
        held_out[member, np.take(order, np.arange(size) + member * size, mode="wrap")] = True
    return held_out


def _probability(difference: Tensor, noise: float) -> Tensor:
    """P(first is better) and P(second is better), shape (2, k, b)."""
    both = torch.stack([difference, -difference])
    probability: Tensor = 0.5 * noise + (1 - noise) * torch.sigmoid(both)
    return probability


def _cross_entropy(probability: Tensor, labels: Tensor) -> Tensor:
    first, second = probability.log()
    loss: Tensor = -labels * first - (1 - labels) * second
    return loss


def _mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Of each member, shape (k,); 0 where no pair has a weight."""
    total: Tensor = (losses * weights).sum(dim=1)
    return total / weights.sum(dim=1).clamp(min=_SMALL)


def _fit(training: _Training, inputs: tuple[Input, ...]) -> Fit:
    problem, settings = training.problem, training.settings
    shifts, spreads = _normalisation(training.outputs, settings)
    rewards = (training.outputs - shifts[:, None]) / spreads[:, None]
    total = aggregated(rewards, settings.aggregate, settings.pessimism)
    (shift,), (spread,) = _normalisation(total[None], settings)
    model = RewardModel(
        inputs=inputs,
        centre=tuple(problem.centre.tolist()),
        scale=tuple(problem.scale.tolist()),
        members=training.networks.layers(shifts.tolist(), spreads.tolist()),
        shift=float(shift),
        spread=float(spread),
        aggregate=settings.aggregate,
        pessimism=settings.pessimism,
    )
    member, place = np.nonzero(training.held_out)
    difference = training.differences[member, place]
    label, weight = problem.pairs.label[place], problem.pairs.weight[place]
    probability = preference_probability(difference, np.zeros(len(place)), settings.noise)
    return Fit(
        model,
        pair_accuracy(difference, label, weight),
        calibration_error(probability, label, weight),
        np.array(training.losses),
        int((problem.pairs.weight > 0).sum()),
    )


def _normalisation(outputs: FloatArray, settings: FitSettings) -> tuple[FloatArray, FloatArray]:
    """Shift and spread of each row, as far as they keep the preferences, shape (k,)."""
    spread = np.where(outputs.std(axis=1) > _SMALL, outputs.std(axis=1), 1.0)
    shift = outputs.mean(axis=1)
    if settings.form == "regret":
        return np.zeros_like(shift), np.ones_like(spread)
    if settings.form == "return" and settings.reduction == "sum":
        return np.zeros_like(shift), spread
    return shift, spread
