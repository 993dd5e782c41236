"""A reward model: an ensemble of small networks that reads the columns of a transition.

It is data (JSON) and computed in NumPy, so a training needs no torch for it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from rewardsmith.errors import UsageError
from rewardsmith.types import Array, Columns, FloatArray

Aggregate = Literal["mean", "median", "min"]
Float32Array = NDArray[np.float32]


class Input(BaseModel, frozen=True, extra="forbid"):
    """One column that a reward model reads.

    Attributes:
        name: the argument name as programs use it: ``x``, ``next_x``, ``action``.
        size: numbers per row after flattening.
        categories: above 0, the column holds one integer per row, which is one-hot encoded
            (actions of ``gymnasium.spaces.Discrete``).
        start: the lowest of these integers.
    """

    name: str
    size: int = Field(ge=0)
    categories: int = Field(0, ge=0)
    start: int = 0

    @model_validator(mode="after")
    def _one_number_per_category(self) -> Self:
        if self.categories and self.size != 1:
            raise ValueError(f"{self.name}: a column of categories has size 1, not {self.size}")
        return self

    @property
    def width(self) -> int:
        """Number of features that the column becomes."""
        return self.categories or self.size

    def encoded(self, columns: Columns) -> FloatArray:
        """The column as numbers, shape (n, width).

        Raises:
            UsageError: the column is missing, has another size, is text, or holds an integer
                that is no category.
        """
        if self.name not in columns:
            raise UsageError(
                f"the reward model reads the column {self.name!r}, which is missing",
                f"the columns are: {', '.join(sorted(columns)) or 'none'}",
            )
        column = np.asarray(columns[self.name])
        _refuse_text(self.name, column)
        rows = column.reshape(len(column), math.prod(column.shape[1:]))
        if rows.shape[1] != self.size:
            raise UsageError(
                f"column {self.name!r}: expected {self.size} numbers per row, "
                f"found {rows.shape[1]}",
                "fit the reward model on columns of the same environment",
            )
        return self._one_hot(rows[:, 0]) if self.categories else rows.astype(np.float64)

    def _one_hot(self, values: Array) -> FloatArray:
        places = values.astype(np.int64) - self.start
        if (places != values - self.start).any() or not self._are_categories(places):
            raise UsageError(
                f"column {self.name!r}: expected integers from {self.start} to "
                f"{self.start + self.categories - 1}, found {values.min()} to {values.max()}",
                "set `categories` and `start` of the input to those of the space",
            )
        encoded = np.zeros((len(values), self.categories))
        encoded[np.arange(len(values)), places] = 1.0
        return encoded

    def _are_categories(self, places: Array) -> bool:
        return not places.size or bool(places.min() >= 0 and places.max() < self.categories)


def inputs_of(columns: Columns, categories: Mapping[str, int] | None = None) -> tuple[Input, ...]:
    """The inputs of a reward model that reads all given columns.

    Args:
        columns: name -> array of shape (n, ...) of numbers or booleans.
        categories: name -> number of categories, for columns with one integer per row.

    Returns:
        One input per column, in the order of the columns.

    Raises:
        UsageError: a column is text; ``categories`` names a column that does not exist; or a
            column of categories has several numbers per row.

    Example:
        columns = {"x": np.zeros((5, 2)), "action": np.zeros(5, int)}
        inputs = rs.inputs_of(columns, categories={"action": 4})
    """
    counts = dict(categories or {})
    if unknown := set(counts) - set(columns):
        raise UsageError(
            f"`categories` names columns that do not exist: {', '.join(sorted(unknown))}",
            f"the columns are: {', '.join(sorted(columns)) or 'none'}",
        )
    inputs = []
    for name, values in columns.items():
        column = np.asarray(values)
        _refuse_text(name, column)
        size = math.prod(column.shape[1:])
        if counts.get(name) and size != 1:
            raise UsageError(f"column {name!r}: expected one category per row, found {size}")
        inputs.append(Input(name=name, size=size, categories=counts.get(name, 0)))
    return tuple(inputs)


def _refuse_text(name: str, column: Array) -> None:
    if column.dtype.kind not in "biuf" or not column.ndim:
        kind = "text" if column.dtype.kind in "US" else f"values of type {column.dtype}"
        found = kind if column.ndim else "a single value"
        raise UsageError(
            f"column {name!r}: a reward model reads rows of numbers, found {found}",
            "leave the column out of `inputs`, or replace it by numbers",
        )


class Weights(BaseModel, frozen=True, extra="forbid"):
    """An array of float32 that is written as JSON without loss.

    Attributes:
        shape: of the array.
        data: its bytes in base64, little-endian, rows first.
    """

    shape: tuple[int, ...]
    data: str

    @classmethod
    def of(cls, array: Array) -> Self:
        """Encode an array; its values are rounded to float32."""
        data = np.ascontiguousarray(array, "<f4").tobytes()
        return cls(shape=np.shape(array), data=base64.b64encode(data).decode())

    @model_validator(mode="after")
    def _has_as_many_as_its_shape(self) -> Self:
        found = len(base64.b64decode(self.data, validate=True))
        expected = 4 * math.prod(self.shape)
        if found != expected:
            raise ValueError(f"weights of shape {self.shape} have {expected} bytes, not {found}")
        return self

    @cached_property
    def array(self) -> Float32Array:
        """The array; it cannot be written to."""
        return np.frombuffer(base64.b64decode(self.data), "<f4").reshape(self.shape)


class Layer(BaseModel, frozen=True, extra="forbid"):
    """One layer of a network: ``x @ weight + bias``.

    Attributes:
        weight: shape (in, out).
        bias: shape (out,).
    """

    weight: Weights
    bias: Weights


class Threshold(BaseModel, frozen=True, extra="forbid"):
    """Motif's post-processing: rewards below a threshold become 0.

    Attributes:
        below: the threshold, in units of the normalised reward.
    """

    below: float


def aggregated(
    rewards: FloatArray, aggregate: Aggregate = "mean", pessimism: float = 0.0
) -> FloatArray:
    """One reward from those of several models: ``aggregate - pessimism * std``.

    An ensemble lowers the gain of exploiting the errors of one model, but its members share
    errors (Eisenstein et al. 2023, arXiv 2312.09244).

    Args:
        rewards: shape (k, n), of k models.
        aggregate: the centre of the k values; ``min`` is the most cautious.
        pessimism: how many standard deviations over the models are subtracted.

    Returns:
        Shape (n,), float64.

    Example:
        aggregated(np.array([[1.0], [1.0], [9.0]]), "median")  # [1.0]
    """
    if aggregate == "mean":
        centre = rewards.mean(axis=0)
    elif aggregate == "median":
        centre = np.median(rewards, axis=0)
    else:
        centre = rewards.min(axis=0)
    return np.asarray(centre - pessimism * rewards.std(axis=0) if pessimism else centre)


class RewardModel(BaseModel, frozen=True, extra="forbid"):
    """A reward that was learned from comparisons; called with columns, it returns rewards.

    Attributes:
        inputs: the columns that it reads.
        centre, scale: standardisation of the encoded inputs, d numbers each.
        members: the layers of each network of the ensemble; tanh between them, one output. All
            have the same shapes.
        shift, spread: the reward is ``(output - shift) / spread``.
        aggregate: the centre of the members' rewards.
        pessimism: standard deviations over the members that are subtracted from it.
        post: what happens to the reward in the end.

    Example:
        fit = rs.fit_preferences(segments, pairs)
        Path("reward.json").write_text(fit.model.model_dump_json())
        model = rs.RewardModel.model_validate_json(Path("reward.json").read_text())
        rewards = model({"x": np.zeros((5, 2)), "action": np.zeros((5, 1))})
    """

    inputs: tuple[Input, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    members: tuple[tuple[Layer, ...], ...] = Field(min_length=1)
    shift: float = 0.0
    spread: float = Field(1.0, gt=0)
    aggregate: Aggregate = "mean"
    pessimism: float = 0.0
    post: Threshold | None = None

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        width = sum(item.width for item in self.inputs)
        if len(self.centre) != width or len(self.scale) != width:
            raise ValueError(
                f"expected {width} values in centre and scale, "
                f"found {len(self.centre)} and {len(self.scale)}"
            )
        for member in self.members:
            _check_layers(member, width)
        if any(_shapes(member) != _shapes(self.members[0]) for member in self.members):
            raise ValueError("expected members with layers of the same shapes")
        return self

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return tuple(item.name for item in self.inputs)

    @property
    def weights(self) -> int:
        """Number of weights of all members."""
        layers = [layer for member in self.members for layer in member]
        return sum(layer.weight.array.size + layer.bias.array.size for layer in layers)

    def features(self, columns: Columns) -> FloatArray:
        """The inputs encoded and standardised, shape (n, d), float64.

        Raises:
            UsageError: a column is missing or does not fit its input.
        """
        centre, scale = self._standard
        return (encoded(self.inputs, columns) - centre) / scale

    def member_rewards(self, columns: Columns) -> FloatArray:
        """The normalised reward of each member, shape (k, n), float64.

        Raises:
            UsageError: a column is missing or does not fit its input.
        """
        rows: Any = self.features(columns).astype(np.float32)
        *hidden, last = self._stacked
        for weight, bias in hidden:
            rows = rows @ weight
            rows += bias
            np.tanh(rows, out=rows)
        outputs = (rows @ last[0] + last[1])[..., 0].astype(np.float64)
        return np.asarray((outputs - self.shift) / self.spread)

    def __call__(self, columns: Columns) -> FloatArray:
        """The reward of each transition, shape (n,), float64.

        Args:
            columns: name -> array of shape (n, ...); others than the inputs are not read.

        Raises:
            UsageError: a column is missing or does not fit its input.
        """
        rewards = aggregated(self.member_rewards(columns), self.aggregate, self.pessimism)
        return rewards if self.post is None else np.where(rewards < self.post.below, 0.0, rewards)

    @cached_property
    def _standard(self) -> tuple[FloatArray, FloatArray]:
        return np.array(self.centre), np.array(self.scale)

    @cached_property
    def _stacked(self) -> list[tuple[Float32Array, Float32Array]]:
        """Weights (k, in, out) and biases (k, 1, out) of each layer, for one product over all."""
        stacked = []
        for layers in zip(*self.members, strict=True):
            weight = np.stack([layer.weight.array for layer in layers])
            stacked.append((weight, np.stack([layer.bias.array for layer in layers])[:, None]))
        return stacked


def encoded(inputs: tuple[Input, ...], columns: Columns) -> FloatArray:
    """The inputs as numbers, one-hot where they are categories, shape (n, d).

    Raises:
        UsageError: a column is missing or does not fit its input, there are no inputs, or the
            columns have different numbers of rows.
    """
    if not inputs:
        raise UsageError("a reward model needs at least one input, found none")
    parts = [item.encoded(columns) for item in inputs]
    lengths = {len(part) for part in parts}
    if len(lengths) > 1:
        found = ", ".join(map(str, sorted(lengths)))
        raise UsageError(f"expected columns with the same number of rows, found {found}")
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _shapes(layers: tuple[Layer, ...]) -> list[tuple[int, ...]]:
    return [layer.weight.shape for layer in layers]


def _check_layers(layers: tuple[Layer, ...], width: int) -> None:
    """Raise where layers do not lead from ``width`` numbers to one."""
    for layer in layers:
        shape = layer.weight.shape
        if len(shape) != 2 or shape[0] != width or layer.bias.shape != shape[1:]:
            raise ValueError(
                f"expected a layer that reads {width} numbers, found weights of shape {shape} "
                f"and biases of shape {layer.bias.shape}"
            )
        width = shape[1]
    if not layers or width != 1:
        raise ValueError(f"expected one output, found {width if layers else 'no layer'}")
