"""Values as TOML, for the file of a drafted task."""

from __future__ import annotations

import json
from collections.abc import Mapping


def toml_value(value: object) -> str:
    """A value in TOML, on one line."""
    if isinstance(value, Mapping):
        given = [(str(key), item) for key, item in value.items() if item is not None]
        pairs = ", ".join(f"{toml_value(key)} = {toml_value(item)}" for key, item in given)
        return f"{{ {pairs} }}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if (
        isinstance(value, str)
        and '"' in value
        and value.isprintable()
        and not set(value) & {"'", "\\"}
    ):
        return f"'{value}'"
    return (
        json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        if isinstance(value, str)
        else repr(value)
    )
