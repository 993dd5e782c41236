"""Runs a program on real transitions, in a program host, and judges what it does.

check_program = read it (:mod:`static`), then for each entry point: does it run, in which style, are its values
finite, the same when asked again, in another order and in another process, and worth having? Stops at the first
kind of failure, since what follows from it would only confuse the writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from rewardsmith.errors import ProgramError
from rewardsmith.program import EntryPoint, Style, Verdict
from rewardsmith.sandbox.host import ProgramHost, Shapes
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.sandbox.static import check_static
from rewardsmith.sandbox.styles import SIZES, decide_style, take, us_per_transition
from rewardsmith.types import Array, Columns, Finding, FindingSource, FloatArray, Output, Severity

MAX_ROWS = 512
_SANDBOX = {"timeout": "RS301", "memory": "RS302", "died": "RS303"}
_PROGRAM = {"exception": "RS201", "output": "RS202"}


@dataclass(frozen=True)
class _Result:
    """What was found about one entry point."""

    findings: tuple[Finding, ...]
    style: Style | None = None
    us: float | None = None
    output: Output | None = None


@dataclass
class _Case:
    """One entry point with the transitions it is tried on, and the findings so far."""

    entry: EntryPoint
    rows: dict[str, Array]
    n: int
    n_actions: int | None
    found: list[Finding] = field(default_factory=list)

    def add(self, code: str, message: str, hint: str = "", *, line: int = 0, severity: Severity = "error") -> None:
        source: FindingSource = "sandbox" if code.startswith("RS3") else "behaviour"
        self.found.append(Finding(code, severity, f"{self.entry.function}: {message}", hint, line, source))


def check_program(
    source: str,
    shapes: Shapes,
    transitions: Columns,
    *,
    hidden: tuple[str, ...] = (),
    n_actions: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Verdict:
    """Judge a program.

    Args:
        source: the module.
        shapes: every argument that the task offers, with shape and dtype.
        transitions: argument -> (N, ...) real transitions, ends of episodes among them; every offered argument.
        hidden: names that the task has but does not offer.
        n_actions: number of discrete actions, None for continuous ones.
        limits: what the program may use.

    Raises:
        BoundaryError: no program host could be started.
    """
    report = check_static(source, tuple(shapes), hidden=hidden)
    if not report.ok:
        return Verdict("static", report.findings, report.entries)
    results = {}
    for name, entry in report.entries.items():
        rows = _pick(transitions, entry)
        results[name] = _check(source, _Case(entry, rows, _length(transitions, rows), n_actions), shapes, limits)
        if any(finding.severity == "error" for finding in results[name].findings):
            break
    return _verdict(report.entries, report.findings, results)


def _verdict(entries: dict[str, EntryPoint], static: tuple[Finding, ...], results: Mapping[str, _Result]) -> Verdict:
    findings = (*static, *(finding for result in results.values() for finding in result.findings))
    first_error = next((finding for finding in findings if finding.severity == "error"), None)
    if first_error is not None:
        return Verdict("sandbox" if first_error.source == "sandbox" else "behaviour", findings, entries)
    ruling = results.get("reward") or next(iter(results.values()))
    terms = ruling.output.terms if ruling.output is not None else {}
    ranges = {name: (float(v.min()), float(v.mean()), float(v.max())) for name, v in terms.items()}
    return Verdict("accepted", findings, entries, ruling.style if "reward" in results else None, ruling.us, ranges)


def _check(source: str, case: _Case, shapes: Shapes, limits: Limits) -> _Result:
    """Everything about one entry point."""
    _check_form(case, shapes)
    if case.found:
        return _Result(tuple(case.found))
    style = us = output = None
    try:
        with ExitStack() as stack:
            first, second = _two_hosts(stack, source, case.entry, shapes, limits)
            style, findings = decide_style(first, _spread(case.rows, case.n))
            case.found += findings
            if style is not None:
                output = first.apply(case.rows, style)
                _judge(case, output, style, first, second)
                us = us_per_transition(first, case.rows, style)
    except ProgramError as error:
        code = _SANDBOX.get(error.reason) or _PROGRAM[error.reason]
        case.add(code, error.message, error.hint, line=error.line)
    return _Result(tuple(case.found), style, us, output)


def _two_hosts(
    stack: ExitStack, source: str, entry: EntryPoint, shapes: Shapes, limits: Limits
) -> tuple[ProgramHost, ProgramHost]:
    """Two processes with the same program, started at the same time; they differ in hash seed and history."""

    def start(_: int) -> ProgramHost:
        return ProgramHost(source, entry, shapes, capacity=MAX_ROWS, limits=limits)

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(start, i) for i in range(2)]
    hosts = [future.result() for future in futures if future.exception() is None]
    for host in hosts:
        stack.enter_context(host)
    if len(hosts) < 2:
        for future in futures:
            future.result()  # raises
    return hosts[0], hosts[1]


def _check_form(case: _Case, shapes: Shapes) -> None:
    """What the signature alone tells."""
    names = case.entry.arguments
    if not names:
        text = "it takes no argument of the task, so it cannot tell transitions apart"
        case.add("RS209", text, f"offered are: {', '.join(shapes)}")
    elif case.entry.name == "q_prior" and "action" not in names and case.n_actions is None and _is_continuous(shapes):
        text = "the actions are continuous, so it must ask for `action`"
        case.add("RS212", text, "write q_prior(<fields>, action) -> (n,)")


def _judge(case: _Case, output: Output, style: Style, first: ProgramHost, second: ProgramHost) -> None:
    """What its values tell, most telling first."""
    if _check_finite(case, output) or _check_same(case, output, style, first, second):
        return
    entry, total = case.entry, output.total
    if total.ndim == 2 and case.n_actions not in (None, total.shape[1]):
        text = f"it returned {total.shape[1]} values a state for {case.n_actions} actions"
        case.add("RS212", text, "return one for each action")
    if entry.name == "subgoals":
        _check_subgoals(case, output)
    elif case.n > 1 and bool((total == total[0]).all()):
        text = f"it is constant: {total.flat[0]:g} on all of {case.n} random transitions"
        hint = "it gives a learner nothing to follow until behaviour reaches something else; add a dense term"
        case.add("RS208", text, hint, severity="warning")
    if "_rest" in output.terms:
        worst = float(np.abs(output.terms["_rest"]).max())
        text = f"the total differs from the sum of the terms, by up to {worst:.3g}"
        case.add("RS211", text, "return the terms alone: their sum is the total", severity="warning")


def _check_finite(case: _Case, output: Output) -> bool:
    for name, values in _named(output):
        bad = (~np.isfinite(values)).reshape(len(values), -1).sum(axis=1) > 0
        if bad.any():
            row = int(np.argmax(bad))
            inputs = ", ".join(f"{key}={_shown(column[row])}" for key, column in case.rows.items())
            where = f"{int(bad.sum())} of {len(bad)} transitions, first {_shown(values[row])} at {inputs}"
            text = f"{name} is not finite on {where}"
            case.add("RS203", text, "guard divisions, logarithms and exponentials (np.maximum, np.clip)")
            return True
    return False


def _check_same(case: _Case, output: Output, style: Style, first: ProgramHost, second: ProgramHost) -> bool:
    """Asked again, and in another process that met other transitions before."""
    second.apply(take(case.rows, slice(case.n // 2, None)), style)
    again = {"a second time": first, "in another process": second}
    for how, host in again.items():
        if not _identical(output, host.apply(case.rows, style)):
            text = f"called {how} for the same transitions it gave other values"
            case.add(
                "RS207", text, "keep no state between calls, change no module-level array, use no randomness or sets"
            )
            return True
    return False


def _check_subgoals(case: _Case, output: Output) -> None:
    for name, holds in output.terms.items():
        if bool(holds.all()):
            text = f"subgoal {name!r} holds after every one of {case.n} transitions"
            case.add("RS210", text, "a subgoal must be something still to be reached")


def _named(output: Output) -> Iterator[tuple[str, FloatArray]]:
    yield from ((f"term {name!r}", values) for name, values in output.terms.items() if name != "_rest")
    yield "the total", output.total


def _identical(a: Output, b: Output) -> bool:
    pairs = [(a.total, b.total), *((a.terms[name], b.terms.get(name, a.total[:0])) for name in a.terms)]
    return a.terms.keys() == b.terms.keys() and all(np.array_equal(x, y) for x, y in pairs)


def _pick(transitions: Columns, entry: EntryPoint) -> dict[str, Array]:
    """At most MAX_ROWS rows of what the entry point reads: evenly spread, and some ends of episodes."""
    n = len(next(iter(transitions.values())))
    ends = np.flatnonzero(transitions.get("terminated", np.zeros(n)))[: MAX_ROWS // 4]
    spread = np.linspace(0, n - 1, min(n, MAX_ROWS - len(ends))).astype(np.int64)
    index = np.union1d(ends, spread)
    return {name: np.asarray(transitions[name])[index] for name in entry.arguments}


def _length(transitions: Columns, rows: Mapping[str, Array]) -> int:
    return len(next(iter((rows or transitions).values())))


def _spread(rows: Mapping[str, Array], n: int) -> dict[str, Array]:
    """A few rows from everywhere, as many as the largest size that styles are compared at."""
    return take(rows, np.linspace(0, n - 1, min(n, max(SIZES))).astype(np.int64))


def _is_continuous(shapes: Shapes) -> bool:
    return "action" in shapes and shapes["action"][1].kind == "f"


def _shown(value: Array) -> str:
    return np.array2string(np.asarray(value), precision=4, threshold=8)
