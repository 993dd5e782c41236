"""Text at the boundary: equal content has equal JSON, and every text can be written to a file."""

from __future__ import annotations

import json
import unicodedata
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON that is equal for equal content; line ends, key order and Unicode form do not matter.

    Keys are sorted, there are no spaces, text is NFC with line feeds only, and unset fields are
    left out: one that is added later with the default None or () changes no digest of an older run.
    """
    content = _canonical(set_fields(value))
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def set_fields(value: Any) -> Any:
    """The same JSON value without fields that are not set."""
    if isinstance(value, dict):
        return {
            key: set_fields(item) for key, item in value.items() if item is not None and item != ()
        }
    return [set_fields(item) for item in value] if isinstance(value, list | tuple) else value


def whole_text(text: str) -> str:
    """Replace lone surrogates: a cut-off reply may contain one, and no file can."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _canonical(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value
