"""Draw, mutate and cross programs of the grammar; all randomness is from the given generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.writers.grammar.features import Feature, FeatureStatistics, short
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
_DRAWN_TERMS = (1, 1, 2, 2, 3)  # numbers of main terms, equally likely
_WEIGHTS = (0.3, 1.0, 3.0)
_SMALL_WEIGHTS = (0.01, 0.03, 0.1)
# factor of terms that are nonzero once per episode, and of those whose changes cancel out over an
# episode (the potential), against those of every step
_RARE = 10.0
_RARE_KINDS = ("happens", "ended")
# probabilities
_SHAPED = 0.5  # of a new program whose terms of the state are a potential
_GATED = 0.15
_NEGATIVE = 0.3
_WITH_PENALTY = 0.3
_COSTS = 1.2  # time cost in units of the reward of a good step

Generator = np.random.Generator


class SearchSpace(NamedTuple):
    """What programs are composed of.

    Attributes:
        features: with the statistics of each.
        action_shape: of one action; None where actions are discrete.
    """

    features: Mapping[Feature, FeatureStatistics]
    action_shape: tuple[int, ...] | None


def draw(space: SearchSpace, rng: Generator) -> Genome:
    """A new program."""
    terms = [_main_term(space, rng) for _ in range(rng.choice(_DRAWN_TERMS))]
    if rng.random() < _WITH_PENALTY:
        terms.append(_penalty(space, rng))
    return as_potential(terms) if rng.random() < _SHAPED else _tidy(terms)


def mutate(parent: Genome, space: SearchSpace, rng: Generator) -> Genome:
    """A program that differs from its parent by one change, sometimes two."""
    terms = list(parent)
    for _ in range(1 + (rng.random() < 0.3)):
        place = int(rng.integers(len(terms)))
        move = rng.choice(("weight", "numbers", "again", "add", "drop", "gate", "potential"))
        if move == "weight":
            factor = float(
                rng.choice((-1.0, 0.3, 0.5, 2.0, 3.0), p=(0.1, 0.225, 0.225, 0.225, 0.225))
            )
            terms[place] = terms[place].model_copy(
                update={"weight": short(terms[place].weight * factor)}
            )
        elif move == "numbers":
            terms[place] = _renumbered(terms[place], space, rng)
        elif move == "again":
            terms[place] = _main_term(space, rng)
        elif move == "add" and len(terms) < MOST_TERMS:
            terms.append(_main_term(space, rng) if rng.random() < 0.7 else _penalty(space, rng))
        elif move == "drop" and len(terms) > 1:
            del terms[place]
        elif move == "potential" and terms[place].can_be_potential:
            terms[place] = _moved(terms[place])
        elif move == "gate" and not terms[place].potential:
            gate = None if terms[place].gate is not None else _gate(space, rng)
            terms[place] = terms[place].model_copy(update={"gate": gate})
    return _tidy(terms)


def cross(one: Genome, other: Genome, rng: Generator) -> Genome:
    """A program of some terms of each parent, at least one of each."""
    taken = [term for parent in (one, other) for term in _some(parent, rng)]
    return _tidy(taken)


def with_time_cost(genome: Genome, continuing: float) -> Genome:
    """The same program with a cost per step and a bonus at the end, so that finishing is better.

    Args:
        continuing: mean reward of a step of good episodes; the cost is a little more.
    """
    if continuing <= 0:
        return genome
    cost = _COSTS * continuing + _weight_of("time", genome)
    bonus = max(_RARE, _weight_of("ended", genome))
    kept = [term for term in genome if term.kind not in ("time", "ended")][: MOST_TERMS - 2]
    return _tidy([*kept, Term(kind="time", weight=short(cost)), Term(kind="ended", weight=bonus)])


def with_bonus(genome: Genome, further: float) -> Genome:
    """The same program with a further reward of a termination."""
    if further <= 0:
        return genome
    kept = [term for term in genome if term.kind != "ended"][: MOST_TERMS - 1]
    bonus = further + _weight_of("ended", genome)
    return _tidy([*kept, Term(kind="ended", weight=short(bonus))])


def as_potential(genome: Sequence[Term]) -> Genome:
    """The same program with the terms of the state in the potential.

    The change of a potential pays nothing for staying where it is high, so that what is left to
    prefer is in the other terms.
    """
    return _tidy(
        [_moved(term) if term.can_be_potential and not term.potential else term for term in genome]
    )


def has_potential(genome: Genome) -> bool:
    """Whether a program defines a potential."""
    return any(term.potential for term in genome)


def of_potential(genome: Sequence[Term]) -> Genome:
    """A program whose only rewards of many steps are the changes of a potential.

    Terms of the state are moved to the potential without their gates. Of the others, only those
    remain that are rare, and costs; so no failure can collect a high return.
    """
    terms = as_potential([term.model_copy(update={"gate": None}) for term in genome])
    return _tidy([term for term in terms if term.potential or _is_rare_or_cost(term)])


def _is_rare_or_cost(term: Term) -> bool:
    return term.kind in _RARE_KINDS or (KINDS[term.kind].penalty and term.weight > 0)


def _moved(term: Term) -> Term:
    """The term moved from the reward to the potential, or back."""
    factor = 1 / _RARE if term.potential else _RARE
    return term.model_copy(
        update={"potential": not term.potential, "weight": short(term.weight * factor)}
    )


def _weight_of(kind: str, genome: Genome) -> float:
    """The sum of the weights of the terms of a kind."""
    return sum(term.weight for term in genome if term.kind == kind)


def _some(parent: Genome, rng: Generator) -> list[Term]:
    kept = [term for term in parent if rng.random() < 0.6]
    return kept or [parent[int(rng.integers(len(parent)))]]


def _tidy(terms: Sequence[Term]) -> Genome:
    """Without duplicates, with at most :data:`MOST_TERMS` terms, and with some reward.

    A potential alone, or with a time cost, says nothing about the goal: then the end of the episode
    is rewarded.
    """
    kept = tuple(dict.fromkeys(terms))[:MOST_TERMS]
    if all(term.potential or term.kind == "time" for term in kept):
        return (*kept[: MOST_TERMS - 1], Term(kind="ended", weight=_RARE))
    return kept


def _main_term(space: SearchSpace, rng: Generator) -> Term:
    """A term of a feature, or rarely of the end of the episode."""
    feature = _feature(space, rng)
    known = space.features[feature]
    kinds = {**_fitting(feature), "ended": OTHERS["ended"]}
    likely = np.array([kind.frequency for kind in kinds.values()])
    kind = str(rng.choice(list(kinds), p=likely / likely.sum()))
    rare = kind in _RARE_KINDS
    weight = float(rng.choice(_WEIGHTS)) * (_RARE if rare else 1.0)
    sign = -1.0 if rng.random() < _NEGATIVE and kind not in ("near", "distance") else 1.0
    if kind == "ended":
        return Term(kind=kind, weight=sign * weight)
    term = Term(kind=kind, weight=sign * weight, x=feature, scale=known.scale)
    if KINDS[kind].reads("y"):
        second = _feature(space, rng, state=False)
        term = term.model_copy(update={"y": second, "scale_y": space.features[second].scale})
    if KINDS[kind].reads("target"):
        term = term.model_copy(update={"target": _target(known, rng)})
    if kind == "near":
        term = term.model_copy(
            update={"scale": short(known.scale * float(rng.choice((0.2, 0.5, 1.0))))}
        )
    return term if rng.random() > _GATED else term.model_copy(update={"gate": _gate(space, rng)})


def _penalty(space: SearchSpace, rng: Generator) -> Term:
    efforts = (
        [] if space.action_shape is None else ["effort" if space.action_shape else "effort_of_one"]
    )
    kind = str(rng.choice(["time", *efforts]))
    return Term(kind=kind, weight=float(rng.choice(_SMALL_WEIGHTS)))


def _renumbered(term: Term, space: SearchSpace, rng: Generator) -> Term:
    """The same term with another target, scale, weight, or threshold of its gate."""
    if term.gate is not None and rng.random() < 0.5:
        threshold = _target(space.features[term.gate.feature], rng)
        return term.model_copy(
            update={"gate": term.gate.model_copy(update={"threshold": threshold})}
        )
    if term.x is None:
        return term.model_copy(
            update={"weight": short(term.weight * float(rng.choice((0.5, 2.0))))}
        )
    if KINDS[term.kind].reads("target") and rng.random() < 0.6:
        return term.model_copy(update={"target": _target(space.features[term.x], rng)})
    return term.model_copy(update={"scale": short(term.scale * float(rng.choice((0.5, 2.0))))})


def _gate(space: SearchSpace, rng: Generator) -> Gate | None:
    numbers = [feature for feature in space.features if not feature.flag]
    if not numbers:
        return None
    feature = numbers[int(rng.integers(len(numbers)))]
    return Gate(
        feature=feature,
        threshold=_target(space.features[feature], rng),
        above=bool(rng.random() < 0.5),
    )


def _feature(space: SearchSpace, rng: Generator, *, state: bool = True) -> Feature:
    """One of the features; with ``state`` none of the action, which alone is no progress."""
    features = [
        feature for feature in space.features if not (state and feature.after.startswith("action"))
    ]
    return features[int(rng.integers(len(features)))]


def _fitting(feature: Feature) -> dict[str, Kind]:
    """The kinds that can read a feature."""
    kinds = FLAGS if feature.flag else NUMBERS
    return {name: kind for name, kind in kinds.items() if feature.before or not kind.reads("x0")}


def _target(known: FeatureStatistics, rng: Generator) -> float:
    """A candidate for a target value, or a value between two candidates."""
    one, other = rng.choice(known.targets, 2)
    between = rng.random() if rng.random() < 0.5 else 0.0
    return short(float(one + between * (other - one)))
