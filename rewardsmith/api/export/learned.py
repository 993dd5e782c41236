"""A learned reward as the part of an exported file that computes it with NumPy alone."""

from __future__ import annotations

import base64
from typing import NamedTuple

import numpy as np

from rewardsmith.learned.model import RewardModel

_LINE = 100  # characters of encoded weights


class LearnedPart(NamedTuple):
    """What the template needs of a learned reward.

    Attributes:
        inputs: name, number of categories (0 for numbers) and lowest category of each column.
        shapes: of the layers of one member.
        members: number of them.
        lines: all weights in base64, float32, little-endian: of each member, layer after layer, the
            weight and then the bias.
        below: rewards below it become 0; None for no threshold.
    """

    inputs: list[tuple[str, int, int]]
    centre: list[float]
    scale: list[float]
    shapes: list[list[int]]
    members: int
    lines: list[str]
    shift: float
    spread: float
    aggregate: str
    pessimism: float
    below: float | None


def learned_part(model: RewardModel) -> LearnedPart:
    """The parts of a model that an exported file holds."""
    arrays = [
        array.array.ravel()
        for member in model.members
        for layer in member
        for array in (layer.weight, layer.bias)
    ]
    inputs = [(one.name, one.categories, one.start) for one in model.inputs]
    shapes = [list(layer.weight.shape) for layer in model.members[0]]
    text = base64.b64encode(np.concatenate(arrays).astype("<f4").tobytes()).decode()
    return LearnedPart(
        inputs=inputs,
        centre=list(model.centre),
        scale=list(model.scale),
        shapes=shapes,
        members=len(model.members),
        lines=[text[start : start + _LINE] for start in range(0, len(text), _LINE)],
        shift=model.shift,
        spread=model.spread,
        aggregate=model.aggregate,
        pessimism=model.pessimism,
        below=model.post.below if model.post is not None else None,
    )
