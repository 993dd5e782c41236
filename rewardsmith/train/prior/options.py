"""The options of a learner that uses a prior on Q."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError

from rewardsmith.errors import UsageError
from rewardsmith.task.training import PriorSpec
from rewardsmith.train.prior.values import QFunction, QPairs

_FOLLOW = 0.75
_PROVE = 0.2


class QShaping(PriorSpec):
    """What a task may set, and what only a script needs.

    Attributes:
        steps: length of the training of which ``until`` and ``prove`` are shares; by default what
            ``learn`` is called with. Give the total here if you call ``learn`` several times
            (``reset_num_timesteps=False``).
        fit_steps: gradient steps of ``prefill``.
        actor: whether ``prefill`` also moves the actor, where there is one.
    """

    steps: int | None = Field(None, ge=1)
    fit_steps: int = Field(500, ge=1)
    actor: bool = True

    def of(self, prior: QFunction | QPairs) -> Self:
        """These options with the defaults that depend on the mode and on the prior.

        Raises:
            UsageError: the options need an order of actions, and the prior has none.
        """
        pairs, anneals = isinstance(prior, QPairs), self.mode == "anneal"
        part = self.part or ("actions" if anneals and not pairs else "q")
        orders = part != "states" and not pairs
        follow, prove = self.follow, self.prove
        if follow is None:
            follow = _FOLLOW if orders and anneals else 0.0
        if prove is None:
            prove = _PROVE if orders else 0.0
        if pairs and (part == "actions" or follow > 0 or prove > 0):
            raise UsageError(
                "pairs give the value of one action, and no order of actions",
                "leave out part, follow and prove",
            )
        return self.model_copy(update={"part": part, "follow": follow, "prove": prove})


def shaping_options(prior: QFunction | QPairs, options: Mapping[str, Any]) -> QShaping:
    """Options with the defaults for a prior.

    Raises:
        UsageError: an unknown option, or pairs that shall act or order actions.
    """
    try:
        return QShaping(**options).of(prior)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"q_shaped: {first['loc'][0]}: {first['msg']}", f"found {first['input']!r}"
        ) from None
