"""Tables of a task file whose keys belong to another package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator


def _without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    """Refuse null at any depth: TOML has no null, so a run's frozen copy would differ."""
    pending: list[Any] = [values]
    while pending:
        value = pending.pop()
        if value is None:
            raise ValueError("null cannot be written in a task file; leave the key out")
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
    return values


def _written(value: Any) -> Any:
    """A value as a task file gives it back: arrays and tuples as lists."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in value.items()}
    if not isinstance(value, str | int | float | None):
        raise ValueError(
            f"found a {type(value).__name__}, expected numbers, texts, lists or tables; "
            "name a function that makes the environment, in the place of its class"
        )
    return value


Table = Annotated[dict[str, Any], AfterValidator(_without_nulls)]
"""A table as a task file can hold it."""

PlainTable = Annotated[Table, BeforeValidator(_written)]
"""The same, given from Python: arrays and tuples become lists."""
