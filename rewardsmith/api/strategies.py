"""The strategies that are installed, with their options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.making import strategy_class


@dataclass(frozen=True)
class StrategyInfo:
    """A strategy.

    Attributes:
        name: as ``strategy=`` takes it.
        about: what it does, in a sentence.
        options: option -> default, as ``options=`` takes them.
    """

    name: str
    about: str
    options: dict[str, Any]


def strategies() -> list[StrategyInfo]:
    """The built-in strategies, and those of installed plugins.

    Raises:
        UsageError: a plugin cannot be loaded.

    Example:
        {one.name: one.options for one in rs.strategies()}
    """
    return [_info(name) for name in STRATEGIES.names()]


def _info(name: str) -> StrategyInfo:
    cls = strategy_class(name)
    about = (cls.__doc__ or "").strip().partition("\n")[0]
    return StrategyInfo(name, about, cls.Options().model_dump(mode="json"))
