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
    """One named array that a program may read."""

    name: str = Field(
        description="A Python identifier; programs read `<name>`, `next_<name>` and "
        "`first_<name>`. It may not begin with `next_`, `prev_`, `first_` or `_`.",
        examples=["swing_angle"],
    )
    source: str = Field(
        description="Where the value comes from: `obs`, a part of it as `obs[0]`, `obs[1:3]` or "
        '`obs["key"]`; `info["key"]`; or `fields.py:function`, which is called as '
        "`function(env, obs, info)`.",
        examples=['obs["angle"][0]'],
    )
    unit: str = Field("", description="Its unit, for the writer.", examples=["rad"])
    range: tuple[float, float] | None = Field(
        None,
        description="Lowest and highest possible value, shown to the writer.",
        examples=[[-3.14, 3.14]],
    )
    doc: str = Field(
        "",
        description="What it means, for the writer.",
        examples=["0 when the load hangs straight down"],
    )
    at_reset: bool = Field(
        False,
        description="Of an `info` key: the environment also reports it at reset, so that the "
        "value before a step exists. Otherwise only `next_<name>` is offered.",
        examples=[True],
    )
    default: float | tuple[float, ...] | None = Field(
        None,
        description="Of an `info` key or a function: the value where the environment reports "
        "none, because the key is missing, or the value is None, NaN or infinite. It states the "
        "shape: a number, or a list of them.",
        examples=[0.0],
    )
    hidden: bool = Field(
        False,
        description="Recorded for the fitness but never offered to programs.",
        examples=[True],
    )
    words: tuple[str, ...] = Field(
        (),
        description="Of a text: the words that matter. Programs see the position of each word of "
        "the text in this list, from 1; one more than its length for any other word, and 0 after "
        "the last word.",
        examples=[["go", "to", "the", "red", "ball"]],
    )
    most_words: Annotated[int, Field(ge=1, le=64)] = Field(
        12, description="Of a text: the number of words of the longest one.", examples=[8]
    )

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
