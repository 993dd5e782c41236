"""Where each part of a drafted task comes from, as comments of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rewardsmith.task.drafting import Draft
from rewardsmith.writers.drafts.claims import places_of, seen_range
from rewardsmith.writers.drafts.reply import DraftedField, DraftReply

_BASIS = {
    "docstring": "named from the docstring",
    "source": "named from the source",
    "data": "named from its behaviour",
    "knowledge": "named from the model's knowledge of this environment",
    "guess": "a guess",
}
_KINDS = {
    "angle": "an angle that wraps",
    "flag": "a flag",
    "constant": "a constant",
    "fixed": "set by the reset",
    "counter": "a counter",
    "unit": "a vector of length one",
}


def origins(reply: DraftReply, draft: Draft, goal: str | None) -> dict[str, str]:
    """Source of a field, or ``goal``, ``fitness``, ``action``, ``training`` -> where it is from.

    Args:
        goal: the user's words.
    """
    seen = draft.look.motion.described()
    found = {field.source: "; ".join(_origin(field, seen, draft)) for field in reply.fields}
    found["goal"] = f"the user's words: {goal}" if goal else "from the model"
    found["fitness"] = "from the model: read it, and try it with rewardsmith tasks check"
    found["action"] = "from the model"
    if reply.training:
        found["training"] = f"from the model: {', '.join(reply.training)}"
    return {name: " ".join(text.split()) for name, text in found.items()}


def _origin(field: DraftedField, seen: Mapping[str, str], draft: Draft) -> Iterator[str]:
    """What the model says of a field, then what the recorded steps say."""
    yield _BASIS[field.basis]
    if field.kind != "number":
        yield _KINDS[field.kind]
    if field.rate_of:
        yield f"the rate of {field.rate_of}"
    facts = draft.look.motion.facts
    places = places_of(field.source, draft.look)
    if field.source in seen:
        yield seen[field.source]
    elif places:
        low, high = seen_range([facts.numbers[at] for at in places])
        yield f"{len(places)} numbers, {low:.3g} to {high:.3g} in {facts.steps} random steps"
