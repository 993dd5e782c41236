"""Checks a program: reads it, then runs it on real transitions in a program host.

After the static checks, for each entry point: does it run, and in which style (:mod:`styles`)? Are
its values finite, and the same when it is called again, in another process, and in small batches
(:mod:`pieces`)? What moves the values (:mod:`probes`), and can a learner use them (:mod:`signals`)?
The check stops at the first kind of failure, since findings that follow from it would confuse the
writer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Literal

import numpy as np

from rewardsmith.errors import ProgramError, UsageError
from rewardsmith.program import EntryPoint, Style, Verdict
from rewardsmith.sandbox.behaviour.case import Case, length, pick
from rewardsmith.sandbox.behaviour.pieces import apply_in, companies, depends_on_company, pieces
from rewardsmith.sandbox.behaviour.probes import (
    PROBED_ROWS,
    Probes,
    reactions,
    seen_probes,
    wide_probes,
)
from rewardsmith.sandbox.behaviour.styles import SIZES, decide_style, take, us_per_transition
from rewardsmith.sandbox.behaviour.values import check_finite, check_signature, check_values
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.client.launch import zygotes
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.sandbox.names import PLAIN, is_plain
from rewardsmith.sandbox.static.conditions import has_conditions, line_of, unread
from rewardsmith.sandbox.static.entry_points import StaticReport, check_static
from rewardsmith.types import Array, Columns, Finding, Output, Shapes

_CAPACITY = 4096  # probes go to the process in one call
_LARGEST_PROBE = {"batched": PROBED_ROWS, "per_transition": 24}
_MEMORY_MB = 64.0  # allowed growth during a check; temporary arrays are freed
_SANDBOX = {"timeout": "RS301", "memory": "RS302", "died": "RS303", "system": "RS305"}
_CODES = {**_SANDBOX, "exception": "RS201", "output": "RS202", "state": "RS122"}
_BY_ROW = (
    "compute each row from its own arguments alone: "
    "np.where in place of `if np.any(...)`, an axis in reductions"
)
_READ_ONLY = "arguments and module-level values are read-only: change a copy"


def check_on_transitions(
    source: str,
    shapes: Shapes,
    transitions: Columns,
    *,
    hidden: tuple[str, ...] = (),
    n_actions: int | None = None,
    horizon: float | None = None,
    return_bound: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Verdict:
    """Check a program.

    Args:
        source: the module.
        shapes: every argument that the task offers, with shape and dtype.
        transitions: argument -> (N, ...) real transitions, ends of episodes among them; every
            offered argument.
        hidden: names that the task has but does not offer.
        n_actions: number of discrete actions, None for continuous ones.
        horizon: steps of an episode, to check the scale of a reward; None skips that check.
        return_bound: largest absolute return of the task's own reward, to check a ``q_prior``;
            None skips that check.
        limits: what the program may use.

    Raises:
        BoundaryError: no program host could be started.
        UsageError: there are no transitions.
    """
    if not length(transitions):
        raise UsageError(
            "no transitions: a program is checked on real transitions",
            "run the preflight of the task first",
        )
    report = check_static(source, tuple(shapes), hidden=hidden)
    if not report.ok:
        return Verdict("static", report.findings, report.entries)
    cases: dict[str, Case] = {}
    for name, entry in report.entries.items():
        rows = pick(transitions, entry)
        case = cases[name] = Case(
            entry,
            rows,
            length(rows or transitions),
            n_actions,
            horizon,
            return_bound,
            has_conditions(report.tree, entry.function),
            unread(report.tree, entry.function, entry.arguments),
        )
        _check(source, case, shapes, limits, report)
        if case.refused:
            break
    return _verdict(report.entries, report.findings, cases)


def _verdict(
    entries: dict[str, EntryPoint], static: tuple[Finding, ...], cases: Mapping[str, Case]
) -> Verdict:
    findings = (*static, *(finding for case in cases.values() for finding in case.found))
    level = next((case.level for case in cases.values() if case.level), "")
    first_error = next((finding for finding in findings if finding.severity == "error"), None)
    if first_error is not None:
        is_limit = first_error.source == "sandbox"
        stage: Literal["sandbox", "behaviour"] = "sandbox" if is_limit else "behaviour"
        return Verdict(stage, findings, entries, level=level)
    main = cases.get("reward") or next(iter(cases.values()))
    terms = main.output.terms if main.output is not None else {}
    ranges = {name: (float(v.min()), float(v.mean()), float(v.max())) for name, v in terms.items()}
    subgoals = cases["subgoals"].output if "subgoals" in cases else None
    rates = {} if subgoals is None else subgoals.terms
    return Verdict(
        "accepted",
        findings,
        entries,
        main.style if "reward" in cases else None,
        main.us,
        terms=ranges,
        level=level,
        reacts_to=main.reacts_to,
        rates={name: float(holds.mean()) for name, holds in rates.items()},
    )


def _check(source: str, case: Case, shapes: Shapes, limits: Limits, report: StaticReport) -> None:
    """Check everything about one entry point."""
    check_signature(case, shapes)
    if case.found:
        return
    try:
        with ExitStack() as stack:
            first, second = _two_hosts(stack, source, case.entry, shapes, limits)
            case.level = first.level
            case.style, findings = decide_style(first, _spread(case.rows, case.n))
            case.found += findings
            if case.style is not None:
                _run(case, case.style, first, second)
    except ProgramError as error:
        named = re.match(r"module-level (\w+)", error.message)
        line = error.line or (line_of(report.tree, named[1]) if named else 0)
        other = _READ_ONLY if "read-only" in error.message else ""
        case.add(_CODES[error.reason], error.message, error.hint or other, line=line)


def _run(case: Case, style: Style, first: ProgramHost, second: ProgramHost) -> None:
    """Run it on the transitions and on changed copies of them, and check the values."""
    case.output = first.apply(case.rows, style)
    for name in case.output.terms:  # again, since a program could have taken over its process
        if not is_plain(name):
            case.add("RS202", f"a term is named {name!a}", f"name it with {PLAIN}")
            return
    before = first.resident_mb()
    if check_finite(case, case.output) or _check_same(case, case.output, style, first, second):
        return
    size = _LARGEST_PROBE[style]
    probed = [
        _probe(case, first, seen_probes(case.rows, size)),
        _probe(case, first, wide_probes(case.rows, size), 9),
    ]
    if case.refused:
        return
    case.us = us_per_transition(first, case.rows, style)
    check_values(case, case.output, probed)
    after = first.resident_mb()
    if before is not None and after is not None and after - before > _MEMORY_MB:
        text = f"its memory grew by {after - before:.0f} MB during the check"
        case.add("RS304", text, "keep nothing between calls")


def _probe(case: Case, host: ProgramHost, probes: Probes, apart: int = 0) -> Output | None:
    """Run it on changed transitions; None if it fails on them.

    Such a failure is no defect, since these transitions never happened.

    Args:
        apart: how many of them are also run in small batches. Conditions that the random policy
            never meets hold there.

    Raises:
        ProgramError: it hung, died or took all memory, as it could during training.
    """
    assert case.style is not None
    try:
        output = host.apply(probes.rows, case.style)
        if apart and case.style == "batched":
            parts = pieces(probes.rows, output.total, apart)
            in_parts = apply_in(host, parts, probes.rows, "batched")
            _check_company(case, probes.rows, output, parts, in_parts)
    except ProgramError as error:
        if error.reason not in ("exception", "output"):
            raise
        return None
    for name, moved in reactions(probes, output).items():
        case.reacts_to[name] = max(moved, case.reacts_to.get(name, 0.0))
    return output


def _two_hosts(
    stack: ExitStack, source: str, entry: EntryPoint, shapes: Shapes, limits: Limits
) -> tuple[ProgramHost, ProgramHost]:
    """Two processes with the same program; they differ in hash seed, memory layout and history."""
    first, second = (
        stack.enter_context(
            ProgramHost(source, entry, shapes, capacity=_CAPACITY, limits=limits, zygote=zygote)
        )
        for zygote in zygotes()
    )
    return first, second


def _check_same(
    case: Case, output: Output, style: Style, first: ProgramHost, second: ProgramHost
) -> bool:
    """Check that values are the same in a second call, in another process, and in other batches.

    The other process runs the transitions in another order before.

    Returns:
        whether a finding was added
    """
    shuffled = [np.random.default_rng(0).permutation(case.n)]
    batches = [*pieces(case.rows, output.total), *companies(case.rows, output.total)]
    parts = batches if style == "batched" else shuffled
    apart = apply_in(second, parts, case.rows, style)
    for how, host in {"a second time": first, "in another process": second}.items():
        if not _identical(output, host.apply(case.rows, style)):
            text = f"called {how} for the same transitions, it returned other values"
            hint = (
                "keep no state between calls, change no module-level array, "
                "use no randomness or sets"
            )
            case.add("RS207", text, hint)
            return True
    return _check_company(case, case.rows, output, parts, apart)


def _check_company(
    case: Case, rows: Mapping[str, Array], output: Output, parts: list[Array], apart: Output
) -> bool:
    if not depends_on_company(rows, output, parts, apart):
        return False
    text = "the value of a transition depends on the other transitions in its batch"
    case.add("RS204", text, _BY_ROW)
    return True


def _identical(a: Output, b: Output) -> bool:
    if a.terms.keys() != b.terms.keys() or not np.array_equal(a.total, b.total):
        return False
    return all(np.array_equal(values, b.terms[name]) for name, values in a.terms.items())


def _spread(rows: Mapping[str, Array], n: int) -> dict[str, Array]:
    """Rows from everywhere, as many as the largest size at which styles are compared."""
    return take(rows, np.linspace(0, n - 1, min(n, max(SIZES))).astype(np.int64))
