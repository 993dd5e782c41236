"""Checks what a drafted task says of the numbers of an observation against recorded steps.

A problem is a sentence for the model, which may correct the claim or explain it. Steps can refute a
claim and rarely prove one: where they say nothing, there is no problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.task.draft_fields import is_offered
from rewardsmith.task.facts import Facts, NumberFacts, rate_share
from rewardsmith.task.look import Look
from rewardsmith.task.observations import source_of
from rewardsmith.task.sources import Source, parse_source
from rewardsmith.writers.drafts.reply import DraftedField, DraftReply

_SLACK = 0.01  # of a stated range, by which a value may lie outside it
_LEAST_RATE = 0.2  # of the changes of a number that its rate explains at least
_LEAST_STEPS = 200  # from which the effect of an action is seen


class _Claim(NamedTuple):
    """A field, and the places of its numbers."""

    field: DraftedField
    places: tuple[int, ...]


class Checked(NamedTuple):
    """What was found about the claims of a reply, in words.

    Attributes:
        problems: what must be corrected.
        insisted: what recorded steps refute and the model is sure of.
    """

    problems: list[str]
    insisted: list[str]


def check_claims(reply: DraftReply, look: Look, fitness: str) -> Checked:
    """Check what recorded steps can refute, and what is missing.

    Args:
        fitness: its source, which programs must not read.
    """
    placed = list(_placed(reply, look))
    facts = look.motion.facts
    found = Checked(
        [
            *_unknown_sources(reply, look, fitness),
            *_twice(placed),
            *_uncovered(reply, placed, look),
        ],
        [],
    )
    for claim in placed:
        numbers = [facts.numbers[place] for place in claim.places]
        refuted = [
            *_outside(claim.field, numbers),
            *_another_kind(claim, numbers, facts),
            *_another_rate(claim, look),
            *_not_moved(claim.field, numbers, look),
        ]
        (found.insisted if claim.field.sure else found.problems).extend(refuted)
    return found


def places_of(source: str, look: Look) -> tuple[int, ...]:
    """The places of the recorded numbers that a source covers; none of info and of pictures."""
    parsed = parse_source(source)
    if parsed.kind != "obs":
        return ()
    if source in look.motion.sources:
        return (look.motion.sources.index(source),)
    whole = source_of(parsed.keys)
    inside = [at for at, one in enumerate(look.motion.sources) if one.startswith(f"{whole}[")]
    if parsed.part is None or isinstance(parsed.part, tuple):
        return tuple(inside) if parsed.part is None else ()
    chosen = np.array(inside, int)[parsed.part]
    return tuple(map(int, np.atleast_1d(chosen)))


def seen_range(numbers: Sequence[NumberFacts]) -> tuple[float, float]:
    """The smallest and the largest value of several numbers, at least one."""
    lows, highs = zip(*((one.low, one.high) for one in numbers), strict=True)
    return min(lows), max(highs)


def _placed(reply: DraftReply, look: Look) -> Iterator[_Claim]:
    for field in reply.fields:
        try:
            places = places_of(field.source, look)
        except (ValueError, IndexError):
            continue  # reported as an unknown source
        yield _Claim(field, places)


def _unknown_sources(reply: DraftReply, look: Look, fitness: str) -> Iterator[str]:
    for source in (*(field.source for field in reply.fields), *reply.left_out):
        try:
            parsed = parse_source(source)
            found = bool(places_of(source, look)) if parsed.kind == "obs" else _known(parsed, look)
        except (ValueError, IndexError):
            found, parsed = False, None
        if not found:
            yield f"{source}: the environment has no such value"
        elif parsed is not None and parsed.kind == "info" and not is_offered(parsed.name, fitness):
            yield f"{source}: it gives success or reward away, so programs must not read it"


def _known(source: Source, look: Look) -> bool:
    return source.kind == "info" and source.name in look.info and look.info[source.name].usable


def _twice(placed: list[_Claim]) -> Iterator[str]:
    names: dict[str, str] = {}
    for field, _ in placed:
        if field.name in names:
            yield f"{field.source}: the name {field.name!r} is also that of {names[field.name]}"
        names.setdefault(field.name, field.source)


def _uncovered(reply: DraftReply, placed: list[_Claim], look: Look) -> Iterator[str]:
    covered = {place for _, places in placed for place in places}
    for source in reply.left_out:
        try:
            covered.update(places_of(source, look))
        except (ValueError, IndexError):
            continue
    missing = [one for at, one in enumerate(look.motion.sources) if at not in covered]
    if missing:
        shown = ", ".join(missing[:20]) + (" and others" if len(missing) > 20 else "")
        yield f"neither a field nor left_out covers {shown}"


def _outside(field: DraftedField, numbers: list[NumberFacts]) -> Iterator[str]:
    if field.range is None or not numbers:
        return
    low, high = field.range
    slack = _SLACK * max(high - low, 1e-9)
    lowest, highest = seen_range(numbers)
    if lowest < low - slack or highest > high + slack:
        yield (
            f"{field.source} ({field.name}): range = {list(field.range)}, but values from "
            f"{lowest:.4g} to {highest:.4g} were seen"
        )


def _another_kind(claim: _Claim, numbers: list[NumberFacts], facts: Facts) -> Iterator[str]:
    field, places = claim
    if not numbers:
        return
    kinds = {one.kind for one in numbers} - {"constant"}
    low, high = seen_range(numbers)
    refuted: Mapping[str, bool] = {
        "constant": bool(kinds),
        "flag": not kinds <= {"flag"} or low < 0 or high > 1,
        "fixed": not kinds <= {"fixed"},
        "counter": not kinds <= {"counter"},
        "angle": high - low > 2 * np.pi + 1e-3,
        "unit": not _has_length_one(places, numbers, facts),
    }
    if refuted.get(field.kind, False):
        yield (
            f"{field.source} ({field.name}): kind = {field.kind!r}, but in {facts.steps} random "
            f"steps it was: {', '.join(sorted(kinds)) or 'constant'}, {low:.4g} to {high:.4g}"
        )


def _has_length_one(places: tuple[int, ...], numbers: list[NumberFacts], facts: Facts) -> bool:
    """Whether steps are consistent with a vector of length one."""
    constant = all(one.kind == "constant" for one in numbers)
    return constant or places in facts.units or _squares(numbers)


def _squares(numbers: list[NumberFacts]) -> bool:
    """Whether no number exceeds one, where constants keep the vector from being recognised."""
    some_constant = any(one.kind == "constant" for one in numbers)
    return some_constant and all(max(-one.low, one.high) <= 1.05 for one in numbers)


def _another_rate(claim: _Claim, look: Look) -> Iterator[str]:
    field, places = claim
    if not field.rate_of:
        return
    try:
        of = places_of(field.rate_of, look)
    except (ValueError, IndexError):
        of = ()
    if len(of) != len(places):
        yield (
            f"{field.source} ({field.name}): rate_of = {field.rate_of!r} is not the source of as "
            "many numbers of the observation"
        )
        return
    for rate, number in zip(places, of, strict=True):
        kinds = {look.motion.facts.numbers[at].kind for at in (rate, number)}
        if kinds & {"constant", "broken", "flag"}:
            continue
        share = rate_share(look.motion.steps, rate, number)
        if share < _LEAST_RATE:
            yield (
                f"{field.source} ({field.name}): rate_of = {field.rate_of!r}, but it explains "
                f"{share:.0%} of the changes of {look.motion.sources[number]}"
            )


def _not_moved(field: DraftedField, numbers: list[NumberFacts], look: Look) -> Iterator[str]:
    if not field.moved_by or not numbers or look.motion.facts.steps < _LEAST_STEPS:
        return
    moving = sorted({part for one in numbers for part in one.moved_by})
    unseen = [] if look.motion.steps.discrete and moving else set(field.moved_by) - set(moving)
    if unseen:
        yield (
            f"{field.source} ({field.name}): moved_by = {list(field.moved_by)}, but within one "
            f"step it was seen to depend on {moving or 'no part of the action'}; name only parts "
            "with a direct effect, or leave moved_by out"
        )
