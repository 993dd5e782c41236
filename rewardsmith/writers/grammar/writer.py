"""The grammar's reply to a request: the best of several drafts, in the form of a model's reply.

A reply holds the program twice: as JSON, which later rounds mutate and cross, and as Python code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from pydantic import TypeAdapter

from rewardsmith.types import Slot
from rewardsmith.writers.grammar.drafts import Evidence
from rewardsmith.writers.grammar.moves import (
    Generator,
    SearchSpace,
    cross,
    draw,
    mutate,
    with_bonus,
    with_time_cost,
)
from rewardsmith.writers.grammar.terms import Genome, program_text

# The samples of a round are in turn the best of many and of few drafts: the order of recorded
# episodes is informative, but can mislead.
DRAFTS = (32, 4)
_ATTEMPTS = 10  # for each draft: it must be new and not constant

_GENOME: TypeAdapter[Genome] = TypeAdapter(Genome)
_JSON = re.compile(r"```json\n(.*?)\n```", re.S)


def compose(
    parents: Sequence[Genome],
    space: SearchSpace,
    evidence: Evidence,
    rng: Generator,
    drafts: int = DRAFTS[0],
    *,
    exploited: str | None = None,
) -> Genome:
    """A program: drawn without a parent, mutated from one parent, or crossed from two.

    Of the drafts, the one that orders the recorded episodes best.

    Args:
        exploited: id of the last parent, if the child shall only remove its exploit. Another child
            is composed if the parent prefers none of the known failures to its successes.
    """
    if exploited is not None:
        repaired = with_bonus(parents[-1], evidence.lacking_bonus(parents[-1], exploited))
        if repaired not in parents:
            return repaired
    found: dict[Genome, float] = {}
    for _ in range(_ATTEMPTS * drafts):
        draft = _draft(parents, space, rng)
        draft = with_time_cost(draft, evidence.reward_for_continuing(draft))
        draft = with_bonus(draft, evidence.lacking_bonus(draft))
        agreement = evidence.agreement(draft)
        if draft not in parents and agreement > 0.0:
            found[draft] = agreement
        if len(found) == drafts:
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


def _draft(parents: Sequence[Genome], space: SearchSpace, rng: Generator) -> Genome:
    if not parents:
        return draw(space, rng)
    if len(parents) == 1:
        return mutate(parents[0], space, rng)
    child = cross(parents[-1], parents[-2], rng)
    return child if rng.random() < 0.5 else mutate(child, space, rng)
