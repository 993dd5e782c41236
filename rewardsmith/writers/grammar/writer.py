"""The grammar's answer to a request: the best of some drafts, as a reply in the form of a model's.

A reply holds the program twice: as JSON, from which later rounds change and cross it, and as the
module.
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
    Ground,
    brought_to_an_end,
    crossed,
    draw,
    mutated,
)
from rewardsmith.writers.grammar.terms import Genome, program_text

# Every other program is the best of many drafts, the others of a few: what is recorded can tell
# much, and can mislead.
DRAFTS = (32, 4)
_TRIES = 10  # for each draft: that it pays something and is new

_GENOME: TypeAdapter[Genome] = TypeAdapter(Genome)
_JSON = re.compile(r"```json\n(.*?)\n```", re.S)


def compose(
    parents: Sequence[Genome],
    ground: Ground,
    evidence: Evidence,
    rng: Generator,
    drafts: int = DRAFTS[0],
) -> Genome:
    """A program: drawn where there is no parent, a change of one parent, or a crossing of two.

    Of the drafts it is the one that orders the recorded episodes best.
    """
    found: dict[Genome, float] = {}
    for _ in range(_TRIES * drafts):
        draft = _draft(parents, ground, rng)
        draft = brought_to_an_end(draft, evidence.pay_for_going_on(draft))
        agreement = evidence.agreement(draft)
        if draft not in parents and agreement > 0.0:
            found[draft] = agreement
        if len(found) == drafts:
            break
    return max(found, key=lambda genome: found[genome], default=draw(ground, rng))


def generator_for(seed: int, slot: Slot) -> Generator:
    """The random numbers of one request: the same however often and in whatever order requests are answered."""
    return np.random.default_rng((seed, *slot))


def reply_text(genome: Genome, parents: int) -> str:
    """A program as a reply."""
    how = ("drawn anew", "a change of the program above", "a crossing of the two programs above")[
        min(parents, 2)
    ]
    json = _GENOME.dump_json(genome).decode()
    return (
        f"Composed by rewardsmith's grammar search ({how}); no model was asked.\n\n"
        f"```json\n{json}\n```\n\n```python\n{program_text(genome)}```\n"
    )


def genome_in(reply: str) -> Genome | None:
    """The program that a reply holds; None where it is none of the grammar's."""
    found = _JSON.search(reply)
    return _GENOME.validate_json(found[1]) if found else None


def _draft(parents: Sequence[Genome], ground: Ground, rng: Generator) -> Genome:
    if not parents:
        return draw(ground, rng)
    if len(parents) == 1:
        return mutated(parents[0], ground, rng)
    child = crossed(parents[-1], parents[-2], rng)
    return child if rng.random() < 0.5 else mutated(child, ground, rng)
