"""Write docs/task_toml.md, the reference of task.toml: python docs/make_task_toml.py."""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rewardsmith.task.field import FieldSpec
from rewardsmith.task.spec import ActionSpec, EnvironmentSpec, EvaluationSpec, FitnessSpec, TaskSpec
from rewardsmith.task.toml import toml_value
from rewardsmith.task.training import AddedTerm, PriorSpec, ShapingSpec, TrainingSpec

PAGE = Path(__file__).parent / "task_toml.md"
HEAD = """# The keys of task.toml

A task is a folder with a file `task.toml`. `rewardsmith tasks new` drafts it, see [Your own
environment](environments.md). This page lists every key. It is made from the schema by
`python docs/make_task_toml.py`. An unknown key is an error that names the most similar key.

A short task:

```toml
goal = "Keep the pole upright, near the middle of the track."

[env]
id = "CartPole-v1"

[[fields]]
name = "pole_angle"
source = "obs[2]"
unit = "rad"
doc = "0 when the pole is upright"

[fitness]
source = "native_return"
solved = 475
```
"""
# Heading of each table, and its schema; in the order in which a file has them.
TABLES: dict[str, type[BaseModel]] = {
    "Top level": TaskSpec,
    "[env]": EnvironmentSpec,
    "[[fields]]": FieldSpec,
    "[action]": ActionSpec,
    "[fitness]": FitnessSpec,
    "[training]": TrainingSpec,
    "[training.shaping]": ShapingSpec,
    "[training.shaping.prior]": PriorSpec,
    "[[training.terms]]": AddedTerm,
    "[evaluation]": EvaluationSpec,
}
AFTER = {
    "[[fields]]": "One table for each field. A task without fields offers the whole observation as "
    "`obs` and `next_obs`.",
    "[training]": "`[training.hyperparameters]` is usually written as a table of its own. A run "
    "changes these keys with `--set NAME=VALUE`; names that are not listed here are "
    "hyper-parameters.",
    "[[training.terms]]": "One table for each term, see [Terms that are added to every "
    "reward](environments.md#3-terms-that-are-added-to-every-reward).",
}
WORDS = {str: "text", bool: "true or false", int: "whole number", float: "number", dict: "table"}
BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def page() -> str:
    """The text of the page."""
    parts = [HEAD]
    for title, model in TABLES.items():
        heading = title if title == "Top level" else f"`{title}`"
        about = " ".join(part for part in (_first_line(model), AFTER.get(title, "")) if part)
        parts += [f"## {heading}\n", f"{about}\n", *_rows(model), ""]
    return "\n".join(parts).rstrip() + "\n"


def _first_line(model: type[BaseModel]) -> str:
    line = (model.__doc__ or "").splitlines()[0]
    return line.partition(", see :mod:")[0].rstrip(".").replace("``", "`") + "."


def _rows(model: type[BaseModel]) -> Iterator[str]:
    yield "| key | type | default | example | meaning |\n|---|---|---|---|---|"
    for name, field in model.model_fields.items():
        inner = _table_of(field)
        if inner is not None:
            yield f"| `{name}` | table | | | {field.description} See `{inner}` below. |"
            continue
        example = toml_value(field.examples[0]) if field.examples else ""
        cells = (_type(field), _default(field), f"`{example}`", field.description or "")
        yield f"| `{name}` | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table_of(field: FieldInfo) -> str | None:
    """The heading of the table that a key stands for; None for a value."""
    kinds = {field.annotation, *get_args(field.annotation)}
    return next((title for title, model in TABLES.items() if model in kinds), None)


def _default(field: FieldInfo) -> str:
    """As TOML; empty for a key that is required, and ``none`` where leaving it out means that."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "none" if value is None else f"`{toml_value(value)}`".replace("{  }", "{}")


def _type(field: FieldInfo) -> str:
    words = _words(field.annotation)
    return ", ".join([words, *_bounds(field.metadata)])


def _words(kind: Any) -> str:
    """A type in words, with its bounds."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(f"`{toml_value(value)}`" for value in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(part) for part in inside if part is not type(None))
    if origin is tuple:
        return "two numbers" if inside[-1] is not ... else f"list of {_words(inside[0])}s"
    if hasattr(kind, "__metadata__"):
        bounds = [part for note in kind.__metadata__ for part in getattr(note, "metadata", ())]
        return ", ".join([_words(inside[0]), *_bounds(bounds)])
    return WORDS.get(origin or kind, str(kind))


def _bounds(metadata: list[Any]) -> list[str]:
    """Bounds of a number in words."""
    return [
        f"{word} {getattr(bound, name):g}"
        for bound in metadata
        for name, word in BOUNDS.items()
        if getattr(bound, name, None) is not None
    ]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
