"""The grammar: kinds of terms, each a formula with placeholders; a program is a tuple of terms.

The reward function returns some terms; the other ones are summed in the potential, whose change the
agent receives. So there are no terms of gains, approaches or crossings: these are the changes of
values, and as the changes of a potential they cannot be collected again and again.

The values of every kind are of order 1 per step, whatever the units of the fields, so that weights
are comparable. In a formula, ``x`` is a feature after the step, ``x0`` the same feature before it,
``y`` a second feature; ``target`` and ``scale`` are numbers.
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

    @property
    def of_state(self) -> bool:
        """Whether its formula reads one state only, so that it can be part of a potential."""
        return self.reads("x") and not self.reads("x0")

    def reads(self, placeholder: str) -> bool:
        """Whether its formula contains a placeholder."""
        return f"{{{placeholder}}}" in self.text


NUMBERS = {
    "level": Kind("{x} / {scale}", "{name}"),
    "size": Kind("np.abs({x}) / {scale}", "{name} being large either way"),
    "square": Kind("np.square({x} / {scale})", "{name} being large either way, steeply"),
    "near": Kind("np.exp(-np.square(({x} - {target}) / {scale}))", "{name} being near {target}"),
    "distance": Kind("-np.abs({x} - {target}) / {scale}", "{name} being less far from {target}"),
    "above": Kind("np.where({x} >= {target}, 1.0, 0.0)", "{name} being {target} or more"),
    "below": Kind("np.where({x} <= {target}, 1.0, 0.0)", "{name} being {target} or less"),
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
    gate: Gate | None = None
    potential: bool = False

    @property
    def can_be_potential(self) -> bool:
        """Whether it reads the state only, and has a value before the step."""
        features = [feature for feature in (self.x, self.y) if feature is not None]
        return (
            KINDS[self.kind].of_state
            and self.gate is None
            and all(feature.before for feature in features)
        )

    @property
    def text(self) -> str:
        """The formula without its weight, of the state after the step."""
        x, y = self.x or _NOTHING, self.y or _NOTHING
        inner = KINDS[self.kind].text.format(x=x.after, x0=x.before, y=y.after, **self._numbers)
        return inner if self.gate is None else f"np.where({self.gate.text}, {inner}, 0.0)"

    @property
    def text_before(self) -> str:
        """The same formula of the state before the step, for a term that can be a potential."""
        x, y = self.x or _NOTHING, self.y or _NOTHING
        return KINDS[self.kind].text.format(x=x.before, y=y.before, **self._numbers)

    @property
    def _numbers(self) -> dict[str, str]:
        return {name: repr(getattr(self, name)) for name in ("target", "scale", "scale_y")}

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
        if self.potential:
            return ("lower" if self.weight < 0 else "higher") + f" with {meaning}"
        return ("punishes: " if self.weight < 0 else "rewards: ") + meaning + gate


Genome = tuple[Term, ...]


def program_text(genome: Genome) -> str:
    """The Python code of a tuple of terms."""
    rewards = [term for term in genome if not term.potential]
    potentials = [term for term in genome if term.potential]
    functions = [_reward_text(rewards)] + [_potential_text(potentials)] * bool(potentials)
    return "\n\n".join(["import numpy as np\n", *functions])


def _reward_text(terms: Sequence[Term]) -> str:
    names = _distinct([term.name for term in terms])
    lines = [
        f'        "{name}": {term.weight!r} * {_bracketed(term.text)},  # {term.meaning}'
        for name, term in zip(names, terms, strict=True)
    ]
    arguments = _arguments_of([term.text for term in terms])
    return "\n".join([f"def reward({arguments}):", "    return {", *lines, "    }\n"])


def _potential_text(terms: Sequence[Term]) -> str:
    lines = [
        f"        {'+ ' * (place > 0)}{term.weight!r} * {_bracketed(term.text_before)}"
        f"  # {term.meaning}"
        for place, term in enumerate(terms)
    ]
    arguments = _arguments_of([term.text_before for term in terms])
    return "\n".join([f"def potential({arguments}):", "    return (", *lines, "    )\n"])


def _arguments_of(formulas: Sequence[str]) -> str:
    """The arguments of a function of these formulas, sorted."""
    trees = [ast.parse(formula, mode="eval") for formula in formulas]
    names = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return ", ".join(sorted(names - {"np"}))


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
