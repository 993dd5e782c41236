"""The grammar's reply to a request: the best of several drafts, in the form of a model's reply.

A reply holds the program twice: as JSON, which later rounds mutate and cross, and as Python code.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import TypeAdapter

from rewardsmith.types import Slot
from rewardsmith.writers.grammar.drafts import Evidence
from rewardsmith.writers.grammar.moves import (
    Generator,
    SearchSpace,
    as_potential,
    cross,
    draw,
    has_potential,
    mutate,
    of_potential,
    with_bonus,
    with_time_cost,
)
from rewardsmith.writers.grammar.terms import Genome, program_text

_ATTEMPTS = 10  # for each draft: it must be new and not constant


class Way(NamedTuple):
    """How the drafts of a request are made.

    Attributes:
        drafts: their number. The order of recorded episodes is informative, but can mislead, so
            that some requests take the best of few.
        of_potential: their only rewards of many steps are the changes of a potential.
    """

    drafts: int = 32
    of_potential: bool = False


WAYS = (Way(), Way(4, of_potential=True), Way(4), Way(of_potential=True))  # of samples, in turn

_GENOME: TypeAdapter[Genome] = TypeAdapter(Genome)
_JSON = re.compile(r"```json\n(.*?)\n```", re.S)


def compose(
    parents: Sequence[Genome],
    space: SearchSpace,
    evidence: Evidence,
    rng: Generator,
    way: Way = WAYS[0],
    *,
    exploited: str | None = None,
    known: Collection[Genome] = (),
) -> Genome:
    """A program: drawn without a parent, mutated from one parent, or crossed from two.

    Of the drafts, the one that orders the recorded episodes best.

    Args:
        exploited: id of the last parent, if the child shall only remove its exploit: by the bonus
            at the end that it lacks, with its terms of the state as they are or as a potential.
            Another child is composed if this changes nothing.
        known: earlier programs; the new one is none of them.
    """
    known = {*parents, *known}
    if exploited is not None:
        forms = [parents[-1], as_potential(parents[-1])]
        for form in forms if rng.random() < 0.5 else reversed(forms):
            repaired = with_bonus(form, evidence.lacking_bonus(form, exploited))
            if repaired not in known:
                return repaired
    found: dict[Genome, float] = {}
    for _ in range(_ATTEMPTS * way.drafts):
        draft = _draft(parents, space, rng, way.of_potential)
        draft = with_time_cost(draft, evidence.reward_for_continuing(draft))
        draft = with_bonus(draft, evidence.lacking_bonus(draft))
        agreement = evidence.agreement(draft)
        if draft not in known and agreement > 0.0:
            found[draft] = agreement
        if len(found) == way.drafts:
            break
    return max(found, key=lambda genome: found[genome], default=draw(space, rng))


def generator_for(seed: int, slot: Slot) -> Generator:
    """The generator of one request; it does not depend on the order of the requests."""
    return np.random.default_rng((seed, *slot))


def reply_text(genome: Genome, parents: int) -> str:
    """A program as a reply."""
    how = (
        "drawn at random",
        "a change of the program above",
        "a crossing of the two programs above",
    )[min(parents, 2)]
    json = _GENOME.dump_json(genome).decode()
    return (
        f"Composed by rewardsmith's grammar search ({how}); no model was asked.\n\n"
        f"```json\n{json}\n```\n\n```python\n{program_text(genome)}```\n"
    )


def genome_in(reply: str) -> Genome | None:
    """The program in a reply; None where the reply is not the grammar's."""
    found = _JSON.search(reply)
    return _GENOME.validate_json(found[1]) if found else None


def _draft(
    parents: Sequence[Genome], space: SearchSpace, rng: Generator, with_potential: bool
) -> Genome:
    draft = _free_draft(parents, space, rng)
    if not with_potential:
        return draft
    shaped = of_potential(draft)
    return shaped if has_potential(shaped) else of_potential(draw(space, rng))


def _free_draft(parents: Sequence[Genome], space: SearchSpace, rng: Generator) -> Genome:
    if not parents:
        return draw(space, rng)
    if len(parents) == 1:
        return mutate(parents[0], space, rng)
    child = cross(parents[-1], parents[-2], rng)
    return child if rng.random() < 0.5 else mutate(child, space, rng)
