"""The schema of a field in ``task.toml``."""

from __future__ import annotations

import keyword
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rewardsmith.task.sources import Source, parse_source
from rewardsmith.task.text import words_in

RESERVED_PREFIXES = (
    "next_",
    "prev_",
    "first_",
    "_",
)  # names of the recorder begin with _
RESERVED_NAMES = ("action", "prev_action", "terminated", "obs", "next_obs")


class Model(BaseModel):
    """Base of the schema: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(Model):
    """One named array that a program may read.

    Attributes:
        source: where the value comes from, see :mod:`rewardsmith.task.sources`.
        range: lowest and highest possible value, shown to the writer.
        at_reset: an ``info`` key that the environment also reports at reset, so that the value
            before a step exists; otherwise only ``next_<name>`` is offered.
        default: of an ``info`` key or a function: the value where the environment reports none,
            because the key is missing, or the value is None, NaN or infinite. It states the shape:
            a number, or a list of them.
        hidden: recorded for the fitness but never offered to programs.
        words: for a text field, the words that matter; programs see their positions in this list,
            see :mod:`rewardsmith.task.text`.
        most_words: number of words of the longest text.
    """

    name: str
    source: str
    unit: str = ""
    range: tuple[float, float] | None = None
    doc: str = ""
    at_reset: bool = False
    default: float | tuple[float, ...] | None = None
    hidden: bool = False
    words: tuple[str, ...] = ()
    most_words: Annotated[int, Field(ge=1, le=64)] = 12

    @field_validator("name")
    @classmethod
    def _name_is_usable(cls, name: str) -> str:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"a field name must be a Python identifier, got {name!r}")
        if name.startswith(RESERVED_PREFIXES) or name in RESERVED_NAMES:
            raise ValueError(
                f"the field name {name!r} is reserved; "
                "names may not begin with next_, prev_, first_ or _"
            )
        return name

    @field_validator("source")
    @classmethod
    def _source_parses(cls, source: str) -> str:
        parse_source(source)
        return source

    @field_validator("words")
    @classmethod
    def _words_are_single(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [word for word in words if words_in(word) != [word] or words.count(word) > 1]
        if wrong:
            raise ValueError(
                f"words must be single words in lower case, each once, found {wrong[0]!r}"
            )
        return words

    @model_validator(mode="after")
    def _default_is_usable(self) -> FieldSpec:
        if self.default is None:
            return self
        if not np.isfinite(self.default).all():
            raise ValueError(f"default must be finite, found {self.default}")
        if self.words or self.parsed_source.kind == "obs":
            raise ValueError(
                "default is for numbers of info and of functions; for NaN in an observation set "
                '[env] nan_policy to "zero" or "last"'
            )
        if self.parsed_source.part is not None:
            raise ValueError("a field with a default is a whole value: leave out the subscript")
        return self

    @property
    def parsed_source(self) -> Source:
        """The parsed source."""
        return parse_source(self.source)
