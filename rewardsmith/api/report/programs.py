"""The programs of the report: every request in order, with its program and outcome."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from rewardsmith.llm.log import read_lines
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import SlotState
from rewardsmith.run.state import RunState
from rewardsmith.run.wording import outcome, place
from rewardsmith.types import Interval


@dataclass(frozen=True)
class WrittenProgram:
    """A request and what was written for it.

    Attributes:
        place: round and sample, in short form.
        outcome: the outcome in a few words.
        source: empty if there is no program.
        difference: from the last parent that the request showed.
        parents: (id, place) of each.
        concerns: of the screening and of the audit.
        request: the last message of the request, if it has feedback.
    """

    place: str
    entry: SlotState
    is_best: bool
    outcome: str
    score: Interval | None
    source: str
    difference: Markup
    parents: Sequence[tuple[str, str]]
    concerns: Sequence[str]
    request: str
    reply: str


def written_programs(run: RunFolder, state: RunState) -> Iterator[WrittenProgram]:
    """Every request with its outcome, in order."""
    replies = {line.slot: line for line in read_lines(run.llm_log)}
    best = state.best
    for slot, entry in sorted(state.slots.items()):
        source = _source(run, entry.program)
        line = replies.get(slot)
        messages = line.request.messages if line is not None else ()
        parents = [(p[:8], place(state.programs[p])) for p in entry.parents if p in state.programs]
        yield WrittenProgram(
            place=place(slot),
            entry=entry,
            is_best=best is not None and entry.program == best and state.programs[best] == slot,
            outcome=outcome(state, slot, entry),
            score=_score(state, entry.program),
            source=source,
            difference=_difference(run, entry, source),
            parents=parents,
            concerns=_concerns(run, entry),
            request=messages[-1].content if len(messages) > 1 else "",
            reply=line.reply.text if line is not None else "",
        )


def _score(state: RunState, program: str | None) -> Interval | None:
    return state.score(program) if program is not None and state.has_fitness else None


def _concerns(run: RunFolder, entry: SlotState) -> list[str]:
    """The concerns of the screening and of the audit about a program."""
    if entry.program is None:
        return []
    found = (run.screen(entry.program), run.audit(entry.program))
    return [concern for each in found if each is not None for concern in each.concerns]


def _source(run: RunFolder, program: str | None) -> str:
    known = program is not None and run.has_program(program)
    return run.program(program).source if program is not None and known else ""


def _difference(run: RunFolder, entry: SlotState, source: str) -> Markup:
    """What changed since the last parent that the request showed, line by line."""
    parent = _source(run, entry.parents[-1]) if entry.parents else ""
    if not parent or not source or parent == source:
        return Markup("")
    rows = list(difflib.unified_diff(parent.splitlines(), source.splitlines(), lineterm="", n=2))[
        2:
    ]
    kinds = {"+": "added", "-": "gone", "@": "place"}
    marked = [f'<span class="{kinds.get(row[:1], "same")}">{escape(row)}</span>' for row in rows]
    return Markup("\n".join(marked))
