"""Strategies by name: their classes, and instances with checked options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardsmith.errors import UsageError
from rewardsmith.run.config import RunConfig
from rewardsmith.run.settings import validated
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.base import Strategy


def strategy_class(name: str) -> type[Strategy[Any]]:
    """The class of a strategy.

    Raises:
        UsageError: there is no such strategy, or a plugin registered something else by that name.
    """
    found = STRATEGIES.get(name)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise UsageError(
            f"strategy {name!r} is {found!r}, expected a subclass of "
            "rewardsmith.strategy.base.Strategy",
            "let its class inherit from Strategy; see docs/plugins.md",
        )
    return found


def make_strategy(name: str, options: Mapping[str, Any], steps: int) -> Strategy[Any]:
    """A strategy with its options.

    Args:
        steps: training steps of each training.

    Raises:
        UsageError: there is no such strategy, or it has no such option, or a value is out of range.
    """
    cls = strategy_class(name)
    return cls(validated(cls.Options, options, f"{name} has no option"), steps)


def strategy_of(config: RunConfig) -> Strategy[Any]:
    """The strategy of a run, with the options that the run recorded."""
    return make_strategy(config.strategy, config.options, config.steps)
