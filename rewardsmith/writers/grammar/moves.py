"""How programs of the grammar come about: drawn, changed, crossed. Every draw is from the generator that is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.writers.grammar.features import Feature, Known, short
from rewardsmith.writers.grammar.terms import (
    FLAGS,
    KINDS,
    NUMBERS,
    OTHERS,
    Gate,
    Genome,
    Kind,
    Term,
)

MOST_TERMS = 5
_DRAWN_TERMS = (1, 1, 2, 2, 3)  # as many main terms has a drawn program, each as likely
_WEIGHTS = (0.3, 1.0, 3.0)
_SMALL_WEIGHTS = (0.01, 0.03, 0.1)
_RARE = 10.0  # what happens once in an episode must weigh against what is paid in every step
_GATED = 0.15
_NEGATIVE = 0.3
_WITH_PENALTY = 0.3
_COSTS = 1.2  # times what a good step is paid

Generator = np.random.Generator


class Ground(NamedTuple):
    """What programs are made over.

    Attributes:
        features: with what is known of each.
        action_shape: of one action; None where actions are choices without a size.
    """

    features: Mapping[Feature, Known]
    action_shape: tuple[int, ...] | None


def draw(ground: Ground, rng: Generator) -> Genome:
    """A new program."""
    terms = [_main_term(ground, rng) for _ in range(rng.choice(_DRAWN_TERMS))]
    if rng.random() < _WITH_PENALTY:
        terms.append(_penalty(ground, rng))
    return _tidy(terms)


def mutated(parent: Genome, ground: Ground, rng: Generator) -> Genome:
    """A program that differs from its parent in one thing, sometimes two."""
    terms = list(parent)
    for _ in range(1 + (rng.random() < 0.3)):
        place = int(rng.integers(len(terms)))
        move = rng.choice(("weight", "numbers", "again", "add", "drop", "gate"))
        if move == "weight":
            factor = float(
                rng.choice((-1.0, 0.3, 0.5, 2.0, 3.0), p=(0.1, 0.225, 0.225, 0.225, 0.225))
            )
            terms[place] = terms[place].model_copy(
                update={"weight": short(terms[place].weight * factor)}
            )
        elif move == "numbers":
            terms[place] = _renumbered(terms[place], ground, rng)
        elif move == "again":
            terms[place] = _main_term(ground, rng)
        elif move == "add" and len(terms) < MOST_TERMS:
            terms.append(_main_term(ground, rng) if rng.random() < 0.7 else _penalty(ground, rng))
        elif move == "drop" and len(terms) > 1:
            del terms[place]
        elif move == "gate":
            gate = None if terms[place].gate is not None else _gate(ground, rng)
            terms[place] = terms[place].model_copy(update={"gate": gate})
    return _tidy(terms)


def crossed(one: Genome, other: Genome, rng: Generator) -> Genome:
    """A program of some terms of each parent, at least one of either."""
    taken = [term for parent in (one, other) for term in _some(parent, rng)]
    return _tidy(taken)


def brought_to_an_end(genome: Genome, going_on: float) -> Genome:
    """The same program, so that going on no longer pays more than arriving: each step costs what a good one is paid.

    Args:
        going_on: what it pays in a step of good behaviour.
    """
    if going_on <= 0:
        return genome
    cost = _COSTS * going_on + sum(term.weight for term in genome if term.kind == "time")
    kept = [term for term in genome if term.kind not in ("time", "ended")][: MOST_TERMS - 2]
    bonus = max([_RARE, *(term.weight for term in genome if term.kind == "ended")])
    return _tidy([*kept, Term(kind="time", weight=short(cost)), Term(kind="ended", weight=bonus)])


def _some(parent: Genome, rng: Generator) -> list[Term]:
    kept = [term for term in parent if rng.random() < 0.6]
    return kept or [parent[int(rng.integers(len(parent)))]]


def _tidy(terms: Sequence[Term]) -> Genome:
    """Equal terms once, no more than may be; penalties never alone, for there is nothing that they are weighed with."""
    return tuple(dict.fromkeys(terms))[:MOST_TERMS]


def _main_term(ground: Ground, rng: Generator) -> Term:
    """A term of a feature, or rarely of how the episode ends."""
    feature = _feature(ground, rng)
    known = ground.features[feature]
    kinds = {**_fitting(feature, known), "ended": OTHERS["ended"]}
    likely = np.array([kind.usual for kind in kinds.values()])
    kind = str(rng.choice(list(kinds), p=likely / likely.sum()))
    rare = kind in ("crossed", "happens", "ended")
    weight = float(rng.choice(_WEIGHTS)) * (_RARE if rare else 1.0)
    sign = (
        -1.0 if rng.random() < _NEGATIVE and kind not in ("approach", "near", "distance") else 1.0
    )
    if kind == "ended":
        return Term(kind=kind, weight=sign * weight)
    term = Term(
        kind=kind, weight=sign * weight, x=feature, scale=known.scale, step=known.step or 1.0
    )
    if KINDS[kind].asks("y"):
        second = _feature(ground, rng, state=False)
        term = term.model_copy(update={"y": second, "scale_y": ground.features[second].scale})
    if KINDS[kind].asks("target"):
        term = term.model_copy(update={"target": _target(known, rng)})
    if kind == "near":
        term = term.model_copy(
            update={"scale": short(known.scale * float(rng.choice((0.2, 0.5, 1.0))))}
        )
    return term if rng.random() > _GATED else term.model_copy(update={"gate": _gate(ground, rng)})


def _penalty(ground: Ground, rng: Generator) -> Term:
    efforts = (
        []
        if ground.action_shape is None
        else ["effort" if ground.action_shape else "effort_of_one"]
    )
    kind = str(rng.choice(["time", *efforts]))
    return Term(kind=kind, weight=float(rng.choice(_SMALL_WEIGHTS)))


def _renumbered(term: Term, ground: Ground, rng: Generator) -> Term:
    """The same term aiming elsewhere, wider or narrower; a gate's threshold moved."""
    if term.gate is not None and rng.random() < 0.5:
        threshold = _target(ground.features[term.gate.feature], rng)
        return term.model_copy(
            update={"gate": term.gate.model_copy(update={"threshold": threshold})}
        )
    if term.x is None:
        return term.model_copy(
            update={"weight": short(term.weight * float(rng.choice((0.5, 2.0))))}
        )
    if KINDS[term.kind].asks("target") and rng.random() < 0.6:
        return term.model_copy(update={"target": _target(ground.features[term.x], rng)})
    return term.model_copy(update={"scale": short(term.scale * float(rng.choice((0.5, 2.0))))})


def _gate(ground: Ground, rng: Generator) -> Gate | None:
    numbers = [feature for feature in ground.features if not feature.flag]
    if not numbers:
        return None
    feature = numbers[int(rng.integers(len(numbers)))]
    return Gate(
        feature=feature,
        threshold=_target(ground.features[feature], rng),
        above=bool(rng.random() < 0.5),
    )


def _feature(ground: Ground, rng: Generator, *, state: bool = True) -> Feature:
    """One of the features; with ``state`` none of the action, which alone is nothing to be paid for."""
    features = [
        feature for feature in ground.features if not (state and feature.after.startswith("action"))
    ]
    return features[int(rng.integers(len(features)))]


def _fitting(feature: Feature, known: Known) -> dict[str, Kind]:
    """The kinds that can read a feature."""
    kinds = FLAGS if feature.flag else NUMBERS
    changes = bool(feature.before) and (feature.flag or known.step > 0)
    return {name: kind for name, kind in kinds.items() if changes or not kind.asks("x0")}


def _target(known: Known, rng: Generator) -> float:
    """A value worth aiming at, or one between two such."""
    one, other = rng.choice(known.targets, 2)
    between = rng.random() if rng.random() < 0.5 else 0.0
    return short(float(one + between * (other - one)))
