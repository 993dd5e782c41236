"""The grammar: kinds of terms, each a formula with placeholders; a program is a tuple of terms.

The values of every kind are of order 1 per step, whatever the units of the fields, so that weights
are comparable. In a formula, ``x`` is a feature after the step, ``x0`` the same feature before it,
``y`` a second feature; ``target``, ``scale`` and ``step`` are numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from rewardsmith.writers.grammar.features import Feature


class Kind(NamedTuple):
    """A kind of term.

    Attributes:
        text: its formula.
        meaning: what it rewards, in words.
        frequency: how often it is drawn, relative to the others.
        penalty: it is drawn with small weights only, next to other terms.
    """

    text: str
    meaning: str
    frequency: float = 1.0
    penalty: bool = False

    def reads(self, placeholder: str) -> bool:
        """Whether its formula contains a placeholder."""
        return f"{{{placeholder}}}" in self.text


NUMBERS = {
    "level": Kind("{x} / {scale}", "{name}"),
    "size": Kind("np.abs({x}) / {scale}", "{name} being large either way"),
    "square": Kind("np.square({x} / {scale})", "{name} being large either way, steeply"),
    "progress": Kind("({x} - {x0}) / {step}", "every gain of {name}"),
    "approach": Kind(
        "(np.abs({x0} - {target}) - np.abs({x} - {target})) / {step}",
        "{name} coming nearer to {target}",
    ),
    "near": Kind("np.exp(-np.square(({x} - {target}) / {scale}))", "{name} being near {target}"),
    "distance": Kind("-np.abs({x} - {target}) / {scale}", "{name} being less far from {target}"),
    "above": Kind("np.where({x} >= {target}, 1.0, 0.0)", "{name} being {target} or more"),
    "below": Kind("np.where({x} <= {target}, 1.0, 0.0)", "{name} being {target} or less"),
    "crossed": Kind(
        "np.where(({x} >= {target}) & ({x0} < {target}), 1.0, 0.0)", "{name} rising past {target}"
    ),
    "product": Kind("({x} / {scale}) * ({y} / {scale_y})", "{name} and {name_y} of one sign"),
}
FLAGS = {
    "holds": Kind("np.where({x}, 1.0, 0.0)", "{name}"),
    "happens": Kind(
        "np.where({x} & ~{x0}, 1.0, 0.0)", "the step in which {name} comes true", frequency=2.0
    ),
}
OTHERS = {
    "ended": Kind("np.where(terminated, 1.0, 0.0)", "an end that is no time limit", frequency=0.3),
    "time": Kind("-1.0", "every step that is saved", frequency=0.5, penalty=True),
    "effort": Kind(
        "-np.mean(np.square(action), axis=1)", "less effort", frequency=0.5, penalty=True
    ),
    "effort_of_one": Kind("-np.square(action)", "less effort", frequency=0.5, penalty=True),
}
KINDS = NUMBERS | FLAGS | OTHERS


class Gate(BaseModel):
    """A condition; where it is false, its term is 0."""

    model_config = ConfigDict(frozen=True)

    feature: Feature
    threshold: float
    above: bool

    @property
    def text(self) -> str:
        """The condition as a formula."""
        return f"{self.feature.after} {'>=' if self.above else '<='} {self.threshold!r}"


class Term(BaseModel):
    """One term of a program."""

    model_config = ConfigDict(frozen=True)

    kind: str
    weight: float
    x: Feature | None = None
    y: Feature | None = None
    target: float = 0.0
    scale: float = 1.0
    scale_y: float = 1.0
    step: float = 1.0
    gate: Gate | None = None

    @property
    def text(self) -> str:
        """The formula without its weight."""
        x, y = self.x or _NOTHING, self.y or _NOTHING
        numbers = {
            name: repr(getattr(self, name)) for name in ("target", "scale", "scale_y", "step")
        }
        inner = KINDS[self.kind].text.format(x=x.after, x0=x.before, y=y.after, **numbers)
        return inner if self.gate is None else f"np.where({self.gate.text}, {inner}, 0.0)"

    @property
    def name(self) -> str:
        """Its kind and its features, as the key of the reward's dict."""
        return "_".join([self.kind, *(part.name for part in (self.x, self.y) if part is not None)])

    @property
    def meaning(self) -> str:
        """What it rewards, in words: the comment beside it."""
        names = {"name": self.x.name if self.x else "", "name_y": self.y.name if self.y else ""}
        meaning = KINDS[self.kind].meaning.format(target=repr(self.target), **names)
        gate = (
            f", while {self.gate.feature.name} is {self.gate.threshold!r} or " if self.gate else ""
        )
        gate += ("more" if self.gate.above else "less") if self.gate else ""
        return ("punishes: " if self.weight < 0 else "rewards: ") + meaning + gate


Genome = tuple[Term, ...]


def program_text(genome: Genome) -> str:
    """The Python code of a tuple of terms."""
    names = _distinct([term.name for term in genome])
    lines = [
        f'        "{name}": {term.weight!r} * {_bracketed(term.text)},  # {term.meaning}'
        for name, term in zip(names, genome, strict=True)
    ]
    head = (
        f"import numpy as np\n\n\ndef reward({', '.join(arguments_of(genome))}):\n    return {{\n"
    )
    return head + "\n".join(lines) + "\n    }\n"


def arguments_of(genome: Genome) -> list[str]:
    """The arguments of the program, sorted."""
    trees = [ast.parse(term.text, mode="eval") for term in genome]
    names = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return sorted(names - {"np"})


def _bracketed(text: str) -> str:
    return text if isinstance(ast.parse(text, mode="eval").body, ast.Call) else f"({text})"


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number where one occurs again."""
    found: list[str] = []
    for name in names:
        same = sum(other == name or other.startswith(f"{name}_again") for other in found)
        found.append(name if not same else f"{name}_again{same}")
    return found


_NOTHING = Feature("", "", "")
