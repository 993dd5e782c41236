"""Runs a program on real transitions, in a program host, and judges what it does.

check_on_transitions = read it (:mod:`static`), then for each entry point: does it run, in which style, are
its values finite, the same when asked again, in another process and in small batches
(:mod:`pieces`)? what moves them (:mod:`probes`), and are they worth having (:mod:`signals`)? Stops
at the first kind of failure, since what follows from it would only confuse the writer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rewardsmith.errors import ProgramError, UsageError
from rewardsmith.program import EntryPoint, Style, Verdict
from rewardsmith.sandbox.behaviour.pieces import apply_in, companies, depends_on_company, pieces
from rewardsmith.sandbox.behaviour.probes import (
    PROBED_ROWS,
    Probes,
    differ,
    reactions,
    seen_probes,
    wide_probes,
)
from rewardsmith.sandbox.behaviour.signals import Told, beyond_returns, often, scale, slow, spikes
from rewardsmith.sandbox.behaviour.styles import SIZES, decide_style, take, us_per_transition
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.client.launch import zygotes
from rewardsmith.sandbox.codes import CODES
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.sandbox.names import PLAIN, is_plain
from rewardsmith.sandbox.static.conditions import has_conditions, line_of, unread
from rewardsmith.sandbox.static.entry_points import StaticReport, check_static
from rewardsmith.types import (
    Array,
    Columns,
    Finding,
    FindingSource,
    FloatArray,
    Output,
    Severity,
    Shapes,
)

MAX_ROWS = 512
_CAPACITY = 4096  # probes go to the process in one call
_LARGEST_PROBE = {"batched": PROBED_ROWS, "per_transition": 24}
_MEMORY_MB = 64.0  # growth over a check; what a program works with is freed
_SANDBOX = {"timeout": "RS301", "memory": "RS302", "died": "RS303", "system": "RS305"}
_CODES = {**_SANDBOX, "exception": "RS201", "output": "RS202", "state": "RS122"}
_COMPANY = "compute each row from its own arguments alone: np.where in place of `if np.any(...)`, an axis in reductions"
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

    def add(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        line: int = 0,
        severity: Severity = "error",
    ) -> None:
        source: FindingSource = "sandbox" if code.startswith("RS3") else "behaviour"
        text = f"{self.entry.function}: {message}"
        self.found.append(Finding(code, severity, text, hint or CODES[code].remedy, line, source))

    def tell(
        self, code: str, told: Told | None, what: str = "", *, severity: Severity = "warning"
    ) -> None:
        if told is not None:
            self.add(code, f"{what}{told.message}", told.hint, severity=severity)

    @property
    def refused(self) -> bool:
        return any(finding.severity == "error" for finding in self.found)


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
    """Check a program: read it, then run it on transitions in a confined process.

    Args:
        source: the module.
        shapes: every argument that the task offers, with shape and dtype.
        transitions: argument -> (N, ...) real transitions, ends of episodes among them; every
            offered argument.
        hidden: names that the task has but does not offer.
        n_actions: number of discrete actions, None for continuous ones.
        horizon: steps of an episode, against which the scale of a reward is checked; None leaves
            that out.
        return_bound: what no return of the task's own reward can exceed, for a ``q_prior``; None
            leaves that out.
        limits: what the program may use.

    Raises:
        BoundaryError: no program host could be started.
        UsageError: there is no transition to run it on.
    """
    if not _length(transitions, {}):
        raise UsageError(
            "no transitions: a program is checked on some real ones",
            "let the task collect some first",
        )
    report = check_static(source, tuple(shapes), hidden=hidden)
    if not report.ok:
        return Verdict("static", report.findings, report.entries)
    cases = {}
    for name, entry in report.entries.items():
        rows = _pick(transitions, entry)
        n = _length(transitions, rows)
        conditions = has_conditions(report.tree, entry.function)
        never_read = unread(report.tree, entry.function, entry.arguments)
        cases[name] = _Case(
            entry, rows, n, n_actions, horizon, return_bound, conditions, never_read
        )
        _check(source, cases[name], shapes, limits, report)
        if cases[name].refused:
            break
    return _verdict(report.entries, report.findings, cases)


def _verdict(
    entries: dict[str, EntryPoint], static: tuple[Finding, ...], cases: Mapping[str, _Case]
) -> Verdict:
    findings = (*static, *(finding for case in cases.values() for finding in case.found))
    level = next((case.level for case in cases.values() if case.level), "")
    first_error = next((finding for finding in findings if finding.severity == "error"), None)
    if first_error is not None:
        stage: Literal["sandbox", "behaviour"] = (
            "sandbox" if first_error.source == "sandbox" else "behaviour"
        )
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
        terms={
            name: (float(v.min()), float(v.mean()), float(v.max())) for name, v in terms.items()
        },
        level=level,
        reacts_to=ruling.reacts_to,
        rates={}
        if subgoals is None
        else {name: float(holds.mean()) for name, holds in subgoals.terms.items()},
    )


def _check(source: str, case: _Case, shapes: Shapes, limits: Limits, report: StaticReport) -> None:
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
        named = re.match(r"module-level (\w+)", error.message)
        line = error.line or (line_of(report.tree, named[1]) if named else 0)
        other = _READ_ONLY if "read-only" in error.message else ""
        case.add(_CODES[error.reason], error.message, error.hint or other, line=line)


def _run(case: _Case, style: Style, first: ProgramHost, second: ProgramHost) -> None:
    """Run it on the transitions and on changed copies of them, and check the values."""
    case.output = first.apply(case.rows, style)
    for (
        name
    ) in case.output.terms:  # checked in the process too, which a program could have taken over
        if not is_plain(name):
            case.add("RS202", f"a term is named {name!a}", f"name it with {PLAIN}")
            return
    before = first.resident_mb()
    if _check_finite(case, case.output) or _check_same(case, case.output, style, first, second):
        return
    size = _LARGEST_PROBE[style]
    probed = [
        _probe(case, first, seen_probes(case.rows, size)),
        _probe(case, first, wide_probes(case.rows, size), 9),
    ]
    if case.refused:
        return
    case.us = us_per_transition(first, case.rows, style)
    _check_values(case, case.output, probed)
    after = first.resident_mb()
    if before is not None and after is not None and after - before > _MEMORY_MB:
        text = f"its memory grew by {after - before:.0f} MB while it was checked"
        case.add("RS304", text, "keep nothing between calls")


def _probe(case: _Case, host: ProgramHost, probes: Probes, apart: int = 0) -> Output | None:
    """What it says to changed transitions; None if it fails on them, which is no defect: they never happened.

    Args:
        apart: how many of them are tried in small batches too; conditions that random behaviour
            never meets hold here.

    Raises:
        ProgramError: it hung, died or took all memory, as it could while an agent explores.
    """
    assert case.style is not None
    try:
        output = host.apply(probes.rows, case.style)
        if apart and case.style == "batched":
            parts = pieces(probes.rows, output.total, apart)
            _check_company(
                case, probes.rows, output, parts, apply_in(host, parts, probes.rows, "batched")
            )
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
        stack.enter_context(
            ProgramHost(source, entry, shapes, capacity=_CAPACITY, limits=limits, zygote=zygote)
        )
        for zygote in zygotes()
    )
    return first, second


def _check_form(case: _Case, shapes: Shapes) -> None:
    """What the signature alone tells."""
    names = case.entry.arguments
    if not names:
        text = "it takes no argument of the task, so it cannot tell transitions apart"
        case.add("RS209", text, f"offered are: {', '.join(shapes)}")
    elif (
        case.entry.name == "q_prior"
        and "action" not in names
        and case.n_actions is None
        and _is_continuous(shapes)
    ):
        text = "the actions are continuous, so it must ask for `action`"
        case.add("RS212", text, "write q_prior(<fields>, action) -> (n,)")
    elif case.entry.name == "q_prior" and "action" in names and case.n_actions is not None:
        text = f"there are {case.n_actions} actions to choose from, so it values all of them and is given none"
        case.add("RS212", text, f"write q_prior(<fields>) -> (n, {case.n_actions})")


def _check_values(case: _Case, output: Output, probed: Sequence[Output | None]) -> None:
    """What its values tell, most telling first."""
    entry, total = case.entry, output.total
    if total.ndim == 2 and case.n_actions not in (None, total.shape[1]):
        text = f"it returned {total.shape[1]} values a state for {case.n_actions} actions"
        case.add("RS212", text, "return one for each action")
    is_constant = case.n > 1 and not differ(total, total[:1]).any()
    if entry.name == "subgoals":
        _check_subgoals(case, output)
    elif is_constant:
        _tell_constant(case, total, probed)
    if "_rest" in output.terms:
        worst = float(np.abs(output.terms["_rest"]).max())
        text = f"the total differs from the sum of the terms, by up to {worst:.3g}"
        case.add(
            "RS211", text, "return the terms alone: their sum is the total", severity="warning"
        )
    if None not in probed and not case.refused and (not is_constant or entry.name == "subgoals"):
        _check_reactions(case, output, [found for found in probed if found is not None])
    if entry.name in ("reward", "potential"):
        if (found := scale(total, case.horizon if entry.name == "reward" else None)) is not None:
            case.tell("RS215", found[0], severity="error" if found[1] else "warning")
        for name, values in _named(output):
            case.tell("RS216", spikes(values), f"{name}: ")
    elif (
        entry.name == "q_prior" and (found := beyond_returns(total, case.return_bound)) is not None
    ):
        case.tell("RS219", found[0], severity="error" if found[1] else "warning")
    if case.us is not None and case.style == "batched":  # the other style is told of by RS205
        case.tell("RS217", slow(case.us))


def _tell_constant(case: _Case, total: FloatArray, probed: Sequence[Output | None]) -> None:
    text = f"it is constant: {total.flat[0]:g} on all of {case.n} random transitions"
    moved = any(found is None or bool(differ(found.total, total[:1]).any()) for found in probed)
    if not moved and not case.has_conditions:
        hint = "reward what the agent does; if it must only stay alive, give a cost where `terminated` is true"
        case.add("RS208", f"{text}, and nothing that it reads can change it", hint)
        return
    hint = "it gives a learner nothing to follow until behaviour reaches something else; add a dense term"
    case.add("RS208", text, hint, severity="warning")


def _check_reactions(case: _Case, output: Output, probed: Sequence[Output]) -> None:
    """Arguments and terms that nothing moves: certain where there is no condition that might once hold."""
    severity: Severity = "info" if case.has_conditions else "warning"
    has_own_signature = (
        case.entry.function == case.entry.name
    )  # that of an alias comes from elsewhere, with all it has
    for name, moved in case.reacts_to.items() if has_own_signature else ():
        if name in case.unread:
            case.add(
                "RS213", f"{name} is not read", "use it, or do not ask for it", severity="warning"
            )
        elif moved == 0.0:
            text = f"{name} made no difference to any transition that was tried"
            case.add("RS213", text, "is the condition that it stands in right?", severity=severity)
    if output.total.ndim == 2 and not any(
        differ(found.total, found.total[:, :1]).any() for found in probed
    ):
        text = "every action has the same value in every state that was tried"
        case.add(
            "RS213",
            text,
            "a prior on Q is useful for what it says about actions",
            severity=severity,
        )
    for name, values in output.terms.items():
        if (
            name != "_rest"
            and not values.any()
            and not any(found.terms[name].any() for found in probed)
        ):
            tried = "every transition that was tried, near and far from what was seen"
            if case.entry.name == "subgoals":
                text = f"subgoal {name!r} was false after {tried}"
                case.add(
                    "RS214",
                    text,
                    "can its condition hold? what never holds rewards nothing",
                    severity="warning",
                )
            else:
                case.add(
                    "RS214",
                    f"term {name!r} was zero on {tried}",
                    "is its condition right?",
                    severity=severity,
                )


def _check_finite(case: _Case, output: Output) -> bool:
    for name, values in _named(output):
        bad = (~np.isfinite(values)).reshape(len(values), -1).sum(axis=1) > 0
        if bad.any():
            row = int(np.argmax(bad))
            inputs = ", ".join(f"{key}={_shown(column[row])}" for key, column in case.rows.items())
            where = f"{int(bad.sum())} of {len(bad)} transitions, first {_shown(values[row])} at {inputs}"
            text = f"{name} is not finite on {where}"
            case.add(
                "RS203", text, "guard divisions, logarithms and exponentials (np.maximum, np.clip)"
            )
            return True
    return False


def _check_same(
    case: _Case, output: Output, style: Style, first: ProgramHost, second: ProgramHost
) -> bool:
    """Asked again, in another process that met the transitions otherwise before, and in other batches."""
    shuffled = [np.random.default_rng(0).permutation(case.n)]
    batches = [*pieces(case.rows, output.total), *companies(case.rows, output.total)]
    parts = batches if style == "batched" else shuffled
    apart = apply_in(second, parts, case.rows, style)
    again = {"a second time": first, "in another process": second}
    for how, host in again.items():
        if not _identical(output, host.apply(case.rows, style)):
            text = f"called {how} for the same transitions it gave other values"
            case.add(
                "RS207",
                text,
                "keep no state between calls, change no module-level array, use no randomness or sets",
            )
            return True
    return _check_company(case, case.rows, output, parts, apart)


def _check_company(
    case: _Case, rows: Mapping[str, Array], output: Output, parts: list[Array], apart: Output
) -> bool:
    if depends_on_company(rows, output, parts, apart):
        case.add(
            "RS204", "the value of a transition changes with the others in its batch", _COMPANY
        )
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
    yield from (
        (f"term {name!r}", values) for name, values in output.terms.items() if name != "_rest"
    )
    yield "the total", output.total


def _identical(a: Output, b: Output) -> bool:
    pairs = [
        (a.total, b.total),
        *((a.terms[name], b.terms.get(name, a.total[:0])) for name in a.terms),
    ]
    return a.terms.keys() == b.terms.keys() and all(np.array_equal(x, y) for x, y in pairs)


def _pick(transitions: Columns, entry: EntryPoint) -> dict[str, Array]:
    """At most MAX_ROWS rows of what the entry point reads: evenly spread, and some ends of episodes.

    Rows in which the environment gave no number are left out: it is not the program's fault what
    becomes of them. Where every row is one, they stay, and the finding shows the writer what not to
    read.
    """
    n = _length(transitions, {})
    finite = np.ones(n, bool)
    for name in entry.arguments:
        finite &= np.isfinite(transitions[name]).reshape(n, -1).all(axis=1)
    good = np.flatnonzero(finite)
    good = good if len(good) else np.arange(n)
    ends = good[np.asarray(transitions.get("terminated", np.zeros(n)))[good] > 0][: MAX_ROWS // 4]
    spread = good[
        np.linspace(0, len(good) - 1, min(len(good), MAX_ROWS - len(ends))).astype(np.int64)
    ]
    index = np.union1d(ends, spread)
    return {name: np.asarray(transitions[name])[index] for name in entry.arguments}


def _length(transitions: Columns, rows: Mapping[str, Array]) -> int:
    return len(next(iter((rows or transitions).values()), ()))


def _spread(rows: Mapping[str, Array], n: int) -> dict[str, Array]:
    """A few rows from everywhere, as many as the largest size that styles are compared at."""
    return take(rows, np.linspace(0, n - 1, min(n, max(SIZES))).astype(np.int64))


def _is_continuous(shapes: Shapes) -> bool:
    return "action" in shapes and shapes["action"][1].kind == "f"


def _shown(value: Array) -> str:
    return np.array2string(np.asarray(value), precision=4, threshold=8)
