"""Runs a program on real transitions, in a program host, and judges what it does.

check_program = read it (:mod:`static`), then for each entry point: does it run, in which style, are its values
finite, the same when asked again, in another order and in another process? what moves them (:mod:`probes`), and are
they worth having (:mod:`signals`)? Stops at the first kind of failure, since what follows from it would only confuse
the writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rewardsmith.errors import ProgramError
from rewardsmith.program import EntryPoint, Style, Verdict
from rewardsmith.sandbox.host import ProgramHost, Shapes
from rewardsmith.sandbox.launch import zygotes
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.sandbox.probes import PROBED_ROWS, Probes, reactions, seen_probes, wide_probes
from rewardsmith.sandbox.signals import Told, beyond_returns, often, scale, slow, spikes
from rewardsmith.sandbox.static import check_static, has_conditions, unread_arguments
from rewardsmith.sandbox.styles import SIZES, decide_style, take, us_per_transition
from rewardsmith.types import Array, Columns, Finding, FindingSource, FloatArray, Output, Severity

MAX_ROWS = 512
_CAPACITY = 4096  # probes go to the process in one call
_LARGEST_PROBE = {"batched": PROBED_ROWS, "per_transition": 24}
_MEMORY_MB = 64.0  # growth over a check; what a program works with is freed
_SANDBOX = {"timeout": "RS301", "memory": "RS302", "died": "RS303", "system": "RS305"}
_CODES = {**_SANDBOX, "exception": "RS201", "output": "RS202", "state": "RS122"}
_READ_ONLY = "arguments and module-level values cannot be changed: work on a copy"


@dataclass
class _Case:
    """One entry point with the transitions it is tried on, and what was found so far."""

    entry: EntryPoint
    rows: dict[str, Array]
    n: int
    n_actions: int | None
    horizon: float | None
    return_bound: float | None
    has_conditions: bool
    unread: frozenset[str]
    found: list[Finding] = field(default_factory=list)
    style: Style | None = None
    us: float | None = None
    output: Output | None = None
    level: str = ""
    reacts_to: dict[str, float] = field(default_factory=dict)

    def add(self, code: str, message: str, hint: str = "", *, line: int = 0, severity: Severity = "error") -> None:
        source: FindingSource = "sandbox" if code.startswith("RS3") else "behaviour"
        self.found.append(Finding(code, severity, f"{self.entry.function}: {message}", hint, line, source))

    def tell(self, code: str, told: Told | None, what: str = "", *, severity: Severity = "warning") -> None:
        if told is not None:
            self.add(code, f"{what}{told.message}", told.hint, severity=severity)

    @property
    def refused(self) -> bool:
        return any(finding.severity == "error" for finding in self.found)


def check_program(
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
    """Judge a program.

    Args:
        source: the module.
        shapes: every argument that the task offers, with shape and dtype.
        transitions: argument -> (N, ...) real transitions, ends of episodes among them; every offered argument.
        hidden: names that the task has but does not offer.
        n_actions: number of discrete actions, None for continuous ones.
        horizon: steps of an episode, against which the scale of a reward is judged; None leaves that out.
        return_bound: what no return of the task's own reward can exceed, for a ``q_prior``; None leaves that out.
        limits: what the program may use.

    Raises:
        BoundaryError: no program host could be started.
    """
    report = check_static(source, tuple(shapes), hidden=hidden)
    if not report.ok:
        return Verdict("static", report.findings, report.entries)
    cases = {}
    for name, entry in report.entries.items():
        rows = _pick(transitions, entry)
        n = _length(transitions, rows)
        conditions, unread = has_conditions(source), unread_arguments(source, entry)
        cases[name] = _Case(entry, rows, n, n_actions, horizon, return_bound, conditions, unread)
        _check(source, cases[name], shapes, limits)
        if cases[name].refused:
            break
    return _verdict(report.entries, report.findings, cases)


def _verdict(entries: dict[str, EntryPoint], static: tuple[Finding, ...], cases: Mapping[str, _Case]) -> Verdict:
    findings = (*static, *(finding for case in cases.values() for finding in case.found))
    level = next((case.level for case in cases.values() if case.level), "")
    first_error = next((finding for finding in findings if finding.severity == "error"), None)
    if first_error is not None:
        stage: Literal["sandbox", "behaviour"] = "sandbox" if first_error.source == "sandbox" else "behaviour"
        return Verdict(stage, findings, entries, level=level)
    ruling = cases.get("reward") or next(iter(cases.values()))
    terms = ruling.output.terms if ruling.output is not None else {}
    subgoals = cases["subgoals"].output if "subgoals" in cases else None
    return Verdict(
        "accepted",
        findings,
        entries,
        ruling.style if "reward" in cases else None,
        ruling.us,
        terms={name: (float(v.min()), float(v.mean()), float(v.max())) for name, v in terms.items()},
        level=level,
        reacts_to=ruling.reacts_to,
        rates={} if subgoals is None else {name: float(holds.mean()) for name, holds in subgoals.terms.items()},
    )


def _check(source: str, case: _Case, shapes: Shapes, limits: Limits) -> None:
    """Everything about one entry point."""
    _check_form(case, shapes)
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
        hint = error.hint or (_READ_ONLY if "read-only" in error.message else "")
        case.add(_CODES[error.reason], error.message, hint, line=error.line)


def _run(case: _Case, style: Style, first: ProgramHost, second: ProgramHost) -> None:
    """Run it on the transitions and on changed copies of them, and judge the values."""
    case.output = first.apply(case.rows, style)
    before = first.resident_mb()
    if _check_finite(case, case.output) or _check_same(case, case.output, style, first, second):
        return
    probed = [_probe(case, first, make(case.rows, _LARGEST_PROBE[style])) for make in (seen_probes, wide_probes)]
    case.us = us_per_transition(first, case.rows, style)
    _judge(case, case.output, probed)
    after = first.resident_mb()
    if before is not None and after is not None and after - before > _MEMORY_MB:
        text = f"its memory grew by {after - before:.0f} MB while it was checked"
        case.add("RS304", text, "keep nothing between calls")


def _probe(case: _Case, host: ProgramHost, probes: Probes) -> Output | None:
    """What it says to changed transitions; None if it fails on them, which is no defect: they never happened.

    Raises:
        ProgramError: it hung, died or took all memory, as it could while an agent explores.
    """
    assert case.style is not None
    try:
        output = host.apply(probes.rows, case.style)
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
    """Two processes with the same program; they differ in hash seed, memory layout and, later, history."""
    first, second = (
        stack.enter_context(ProgramHost(source, entry, shapes, capacity=_CAPACITY, limits=limits, zygote=zygote))
        for zygote in zygotes()
    )
    return first, second


def _check_form(case: _Case, shapes: Shapes) -> None:
    """What the signature alone tells."""
    names = case.entry.arguments
    if not names:
        text = "it takes no argument of the task, so it cannot tell transitions apart"
        case.add("RS209", text, f"offered are: {', '.join(shapes)}")
    elif case.entry.name == "q_prior" and "action" not in names and case.n_actions is None and _is_continuous(shapes):
        text = "the actions are continuous, so it must ask for `action`"
        case.add("RS212", text, "write q_prior(<fields>, action) -> (n,)")


def _judge(case: _Case, output: Output, probed: Sequence[Output | None]) -> None:
    """What its values tell, most telling first."""
    entry, total = case.entry, output.total
    if total.ndim == 2 and case.n_actions not in (None, total.shape[1]):
        text = f"it returned {total.shape[1]} values a state for {case.n_actions} actions"
        case.add("RS212", text, "return one for each action")
    is_constant = case.n > 1 and bool((total == total[0]).all())
    if entry.name == "subgoals":
        _check_subgoals(case, output)
    elif is_constant:
        _tell_constant(case, total, probed)
    if "_rest" in output.terms:
        worst = float(np.abs(output.terms["_rest"]).max())
        text = f"the total differs from the sum of the terms, by up to {worst:.3g}"
        case.add("RS211", text, "return the terms alone: their sum is the total", severity="warning")
    if None not in probed and not case.refused and not is_constant:
        _check_reactions(case, output, [found for found in probed if found is not None])
    if entry.name in ("reward", "potential"):
        if (found := scale(total, case.horizon if entry.name == "reward" else None)) is not None:
            case.tell("RS215", found[0], severity="error" if found[1] else "warning")
        for name, values in _named(output):
            case.tell("RS216", spikes(values), f"{name}: ")
    elif entry.name == "q_prior" and (found := beyond_returns(total, case.return_bound)) is not None:
        case.tell("RS219", found[0], severity="error" if found[1] else "warning")
    if case.us is not None and case.style == "batched":  # the other style is told of by RS205
        case.tell("RS217", slow(case.us))


def _tell_constant(case: _Case, total: FloatArray, probed: Sequence[Output | None]) -> None:
    text = f"it is constant: {total.flat[0]:g} on all of {case.n} random transitions"
    moved = any(found is None or bool((found.total != total[0]).any()) for found in probed)
    if not moved and not case.has_conditions:
        hint = "reward what the agent does; if it must only stay alive, give a cost where `terminated` is true"
        case.add("RS208", f"{text}, and nothing that it reads can change it", hint)
        return
    hint = "it gives a learner nothing to follow until behaviour reaches something else; add a dense term"
    case.add("RS208", text, hint, severity="warning")


def _check_reactions(case: _Case, output: Output, probed: Sequence[Output]) -> None:
    """Arguments and terms that nothing moves: certain where there is no condition that might once hold."""
    severity: Severity = "info" if case.has_conditions else "warning"
    has_own_signature = case.entry.function == case.entry.name  # that of an alias comes from elsewhere, with all it has
    for name, moved in case.reacts_to.items() if has_own_signature else ():
        if name in case.unread:
            case.add("RS213", f"{name} is not read", "use it, or do not ask for it", severity="warning")
        elif moved == 0.0:
            text = f"{name} made no difference to any transition that was tried"
            case.add("RS213", text, "is the condition that it stands in right?", severity=severity)
    if output.total.ndim == 2 and all(bool((found.total == found.total[:, :1]).all()) for found in probed):
        text = "every action has the same value in every state that was tried"
        case.add("RS213", text, "a prior on Q is useful for what it says about actions", severity=severity)
    for name, values in output.terms.items():
        if name != "_rest" and not values.any() and not any(found.terms[name].any() for found in probed):
            text = f"term {name!r} was zero on every transition that was tried, near and far from what was seen"
            case.add("RS214", text, "is its condition right?", severity=severity)


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
    """Asked again, in another process that met other transitions before, and in another order."""
    second.apply(take(case.rows, slice(case.n // 2, None)), style)
    again = {"a second time": first, "in another process": second}
    for how, host in again.items():
        if not _identical(output, host.apply(case.rows, style)):
            text = f"called {how} for the same transitions it gave other values"
            case.add(
                "RS207", text, "keep no state between calls, change no module-level array, use no randomness or sets"
            )
            return True
    order = np.random.default_rng(0).permutation(case.n)
    if not _close(output, order, first.apply(take(case.rows, order), style)):
        text = "the value of a transition changes with its place in the batch"
        case.add("RS204", text, "compute each row from its own arguments alone")
        return True
    return False


def _check_subgoals(case: _Case, output: Output) -> None:
    for name, holds in output.terms.items():
        if bool(holds.all()):
            text = f"subgoal {name!r} holds after every one of {case.n} transitions"
            case.add("RS210", text, "a subgoal must be something still to be reached")
        else:
            case.tell("RS218", often(float(holds.mean())), f"subgoal {name!r} ")


def _named(output: Output) -> Iterator[tuple[str, FloatArray]]:
    yield from ((f"term {name!r}", values) for name, values in output.terms.items() if name != "_rest")
    yield "the total", output.total


def _identical(a: Output, b: Output) -> bool:
    pairs = [(a.total, b.total), *((a.terms[name], b.terms.get(name, a.total[:0])) for name in a.terms)]
    return a.terms.keys() == b.terms.keys() and all(np.array_equal(x, y) for x, y in pairs)


def _close(output: Output, order: Array, shuffled: Output) -> bool:
    """Whether the values moved with their rows; not to the last bit, which may depend on the place in a vector."""
    pairs = [(output.total, shuffled.total), *((v, shuffled.terms[k]) for k, v in output.terms.items() if k != "_rest")]
    return all(np.allclose(a[order], b, rtol=1e-6, atol=1e-9) for a, b in pairs)


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
