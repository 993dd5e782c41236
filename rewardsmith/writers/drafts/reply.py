"""The form of a reply that drafts a task: one TOML document."""

from __future__ import annotations

import tomllib
from typing import Any, Literal

from markdown_it import MarkdownIt
from pydantic import Field, ValidationError

from rewardsmith.errors import UsageError
from rewardsmith.task.field import Model

Basis = Literal["docstring", "source", "data", "knowledge", "guess"]
Meaning = Literal["number", "angle", "flag", "constant", "fixed", "counter", "unit"]
Over = Literal["last", "best", "mean", "limit", "sum"]
SCORE = "score"  # the source of a fitness that is an expression


class DraftedField(Model):
    """A field, and what the model claims about it; see :class:`rewardsmith.task.field.FieldSpec`.

    Attributes:
        kind: ``unit`` is a vector of length one, such as a quaternion.
        rate_of: the source of the number whose rate of change it is.
        moved_by: parts of the action that change it within one step.
        basis: where the model knows it from.
        sure: whether a claim shall stand although recorded steps refute it.
    """

    source: str
    name: str
    unit: str = ""
    doc: str = ""
    range: tuple[float, float] | None = None
    kind: Meaning = "number"
    rate_of: str = ""
    moved_by: tuple[int, ...] = ()
    basis: Basis = "guess"
    sure: bool = False


class DraftedAction(Model):
    """What the action means."""

    doc: str = ""
    names: tuple[str, ...] = ()


class DraftedFitness(Model):
    """A measure of an episode.

    Attributes:
        source: ``score``, ``native_return`` or ``info["key"]``.
        let: name -> expression, which the score, the gates and later ones may read.
        score: an expression in NumPy over the fields of a step, for the source ``score``.
        over: how the scores of the steps become one number.
        gates: conditions on a step, without which it scores 0.
        solved: from which fitness an episode is a success.
    """

    source: str
    doc: str = ""
    let: dict[str, str] = Field(default_factory=dict)
    score: str = ""
    over: Over = "last"
    gates: tuple[str, ...] = ()
    solved: float | None = None
    range: tuple[float, float] | None = None


class DraftReply(Model):
    """A whole reply.

    Attributes:
        left_out: sources of the observation that no field reads, because they tell nothing.
        training: keys of ``[training]`` that differ from the defaults.
    """

    goal: str = Field(min_length=1)
    naive: str = ""
    fields: tuple[DraftedField, ...] = ()
    left_out: tuple[str, ...] = ()
    action: DraftedAction = DraftedAction()
    fitness: DraftedFitness
    training: dict[str, Any] = Field(default_factory=dict)


def read_reply(text: str) -> DraftReply:
    """Read the TOML document of a reply: its last fenced block, or all of it.

    Raises:
        UsageError: it is not TOML, or not of this form.
    """
    try:
        content = tomllib.loads(_document(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the reply is not a TOML document: {error}") from None
    try:
        return DraftReply.model_validate(content)
    except ValidationError as error:
        found = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        ]
        raise UsageError(f"the document has another form: {'; '.join(found[:10])}") from None


def _document(text: str) -> str:
    tokens = MarkdownIt("commonmark").parse(text)
    blocks = [one.content for one in tokens if one.type == "fence" and one.info in ("", "toml")]
    return blocks[-1] if blocks else text
