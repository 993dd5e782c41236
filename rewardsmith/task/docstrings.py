"""Names from an environment's docstring, if it lists spaces in tables as Gymnasium does.

| Num | Observation   | Min | Max |        - 0: push left
| 0   | Cart Position | ...               - 1: push right
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium as gym


class Named(NamedTuple):
    """What a table says about one number."""

    name: str
    doc: str = ""
    unit: str = ""


def observation_names(env: gym.Env[Any, Any], size: int) -> list[Named]:
    """Names of the numbers of a flat observation; empty unless the docstring lists all of them."""
    rows = _table(docstring_of(env), "observation")
    names = [_slug(row["observation"]) for row in rows]
    if len(rows) != size or not all(names):
        return []
    unique = [
        name if names.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(names)
    ]
    return [
        Named(name, row["observation"], _unit(row)) for name, row in zip(unique, rows, strict=True)
    ]


def _unit(row: Mapping[str, str]) -> str:
    return next((row[key] for key in row if "unit" in key), "")


def action_names(env: gym.Env[Any, Any]) -> tuple[str, ...]:
    """Names of discrete actions; empty unless the docstring lists all of them."""
    space = env.action_space
    section = re.search(r"## Action Space(.*?)(\n## |\Z)", docstring_of(env), re.DOTALL)
    if not isinstance(space, gym.spaces.Discrete) or section is None:
        return ()
    listed = re.findall(r"^\s*[-*] (\d+): (.+?)\.?\s*$", section[1], re.MULTILINE)
    names = {int(number): text for number, text in listed}
    if not names:
        names = {
            int(row["num"]): row["action"]
            for row in _table(section[1], "action")
            if row["num"].isdigit()
        }
    return (
        tuple(names[i] for i in range(int(space.n)))
        if set(names) == set(range(int(space.n)))
        else ()
    )


def docstring_of(env: gym.Env[Any, Any]) -> str:
    """The docstring of an environment's class, without indentation; empty if it has none."""
    return inspect.getdoc(type(env.unwrapped)) or ""


def _table(text: str, column: str) -> list[dict[str, str]]:
    """Rows of the first table with the columns ``num`` and ``column``, keyed by header."""
    header: list[str] | None = None
    rows: list[dict[str, str]] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
        if header is None:
            lowered = [cell.lower() for cell in cells]
            header = lowered if "num" in lowered and column in lowered else None
        elif not cells:
            break
        elif len(cells) == len(header) and cells[0].isdigit():
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


def _slug(text: str) -> str:
    """An identifier of at most four words."""
    plain = re.sub(r"\(.*?\)|`|\\", " ", text.lower())
    words = [
        w
        for w in re.findall(r"[a-z0-9]+", plain)
        if w not in ("the", "of", "a", "an", "in", "along", "with")
    ]
    name = "_".join(words[:4])
    return name if name and not name[0].isdigit() else ""
