"""Hand-made results of a preflight; nothing is run."""

from __future__ import annotations

from typing import Any

from rewardsmith.episodes.preflight import Argument, Preflight


def argument(low: float = 0.0, high: float = 0.0, **more: Any) -> Argument:
    """A scalar float with this range by default."""
    return Argument(**{"shape": (), "dtype": "float64", "range": (low, high), **more})


def preflight(**found: Any) -> Preflight:
    """A preflight of which only what is given matters."""
    given: dict[str, Any] = {
        "arguments": {},
        "hidden": (),
        "random_fitness": (0.0,),
        "episode_length": 100.0,
        "time_limit": None,
        "ended": 1.0,
        "steps": 0,
        "actions": "",
        "n_actions": None,
        "return_bound": None,
        "observations": "",
        "warnings": (),
    }
    return Preflight(**{**given, **found})
