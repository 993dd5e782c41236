"""Records as JSON: what commands print with ``--json``."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from pydantic import BaseModel

from rewardsmith.types import Interval


def as_json(value: object) -> object:
    """A value as JSON: records by the names of their fields, tuples as lists."""
    if isinstance(value, Interval):
        return {"mean": value.mean, "low": value.low, "high": value.high, "seeds": value.n}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", include=set(type(value).model_fields))
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list | tuple) else value
