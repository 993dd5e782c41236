"""Settings of a fit; without torch, so that a command line can name them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from rewardsmith.learned.likelihood import Form
from rewardsmith.learned.model import Aggregate

Reduction = Literal["mean", "sum"]


class FitSettings(BaseModel, frozen=True, extra="forbid"):
    """How a reward model is fitted to preferences."""

    form: Form = Field(
        "return",
        description="What a segment is judged by: the discounted return; the regret, which needs "
        "the values of its first and last states; or the reward of its last transition.",
    )
    reduction: Reduction = Field(
        "mean",
        description="How segments of different lengths compare by return. `mean` divides by the "
        "discounted length, so that length alone decides nothing, and the rewards of the model "
        "have mean 0. `sum` compares plain returns, so that a cost or a gain per step is learned; "
        "the rewards are then scaled, but not shifted. With equal lengths both are the same fit, "
        "and such a constant cannot be learned: use `mean`.",
    )
    most_steps: int = Field(
        100,
        ge=2,
        description="Transitions of a segment that are used. Of a longer segment, evenly spaced "
        "ones stand for those around them, and the last one for itself.",
    )
    gamma: float = Field(1.0, gt=0, le=1, description="Discount within a segment.")
    members: int = Field(3, ge=1, description="Networks of the ensemble.")
    hidden: tuple[int, ...] = Field(
        (64, 64), description="Units of the hidden layers; none is a linear model."
    )
    learning_rate: float = Field(5e-3, gt=0, description="Of Adam at the first step.")
    steps: int = Field(200, ge=1, description="Gradient steps; the learning rate falls to 0.")
    batch: int = Field(32, ge=1, description="Pairs per gradient step.")
    weight_decay: float = Field(0.3, ge=0, description="Of AdamW, for the weights of the layers.")
    noise: float = Field(
        0.1, ge=0, lt=1, description="The share of labels that is expected to be random."
    )
    validation: float = Field(
        0.2,
        ge=0,
        le=0.5,
        description="The share of pairs that each member holds out, each another fold where the "
        "folds suffice. The weights of the step with the lowest held-out loss are kept. 0 trains "
        "on all pairs to the last step.",
    )
    evaluate_every: int = Field(20, ge=1, description="Gradient steps between such measurements.")
    aggregate: Aggregate = Field("mean", description="The centre of the members' rewards.")
    pessimism: float = Field(
        0.0, description="Standard deviations over the members that are subtracted from it."
    )
    seed: int = Field(0, ge=0, description="Equal seeds give equal models, bit for bit.")
