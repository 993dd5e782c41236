"""Checks the values of an entry point on the transitions, and what its signature alone shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rewardsmith.sandbox.behaviour.case import Case
from rewardsmith.sandbox.behaviour.probes import differ
from rewardsmith.sandbox.behaviour.signals import beyond_returns, often, scale, slow, spikes
from rewardsmith.types import Array, FloatArray, Output, Severity, Shapes


def check_signature(case: Case, shapes: Shapes) -> None:
    """Check what the arguments alone show."""
    names = case.entry.arguments
    is_prior = case.entry.name == "q_prior"
    if not names:
        text = "it takes no argument of the task, so it has the same value on every transition"
        case.add("RS209", text, f"take at least one of: {', '.join(shapes)}")
    elif is_prior and "action" not in names and case.n_actions is None and _is_continuous(shapes):
        text = "the actions are continuous, but it does not take `action`"
        case.add("RS212", text, "write q_prior(<fields>, action) -> (n,)")
    elif is_prior and "action" in names and case.n_actions is not None:
        text = f"it takes `action`, but must return a value for each of {case.n_actions} actions"
        case.add("RS212", text, f"write q_prior(<fields>) -> (n, {case.n_actions})")


def check_finite(case: Case, output: Output) -> bool:
    """Check that every value is finite; whether a finding was added."""
    for name, values in _named(output):
        bad = (~np.isfinite(values)).reshape(len(values), -1).sum(axis=1) > 0
        if bad.any():
            row = int(np.argmax(bad))
            inputs = ", ".join(f"{key}={_shown(column[row])}" for key, column in case.rows.items())
            count = f"{int(bad.sum())} of {len(bad)} transitions"
            text = f"{name} is not finite on {count}, first {_shown(values[row])} at {inputs}"
            hint = "guard divisions, logarithms and exponentials (np.maximum, np.clip)"
            case.add("RS203", text, hint)
            return True
    return False


def check_values(case: Case, output: Output, probed: Sequence[Output | None]) -> None:
    """Check the finite values of an entry point, the most important findings first.

    Args:
        output: the values on the transitions.
        probed: the values on changed transitions; None where it failed on them.
    """
    name, total = case.entry.name, output.total
    if total.ndim == 2 and case.n_actions not in (None, total.shape[1]):
        text = f"it returned {total.shape[1]} values per state for {case.n_actions} actions"
        case.add("RS212", text, "return one value for each action")
    is_constant = case.n > 1 and not differ(total, total[:1]).any()
    if name == "subgoals":
        _check_subgoals(case, output)
    elif is_constant:
        _add_constant(case, total, probed)
    if "_rest" in output.terms:
        worst = float(np.abs(output.terms["_rest"]).max())
        text = f"the total differs from the sum of the terms by up to {worst:.3g}"
        hint = "return only the terms: their sum is the total"
        case.add("RS211", text, hint, severity="warning")
    if None not in probed and not case.refused and (not is_constant or name == "subgoals"):
        _check_reactions(case, output, [found for found in probed if found is not None])
    _check_size(case, output)
    if case.us is not None and case.style == "batched":  # RS205 covers the other style
        case.remark("RS217", slow(case.us))


def _check_size(case: Case, output: Output) -> None:
    name, total = case.entry.name, output.total
    if name in ("reward", "potential"):
        if (found := scale(total, case.horizon if name == "reward" else None)) is not None:
            case.remark("RS215", found[0], severity="error" if found[1] else "warning")
        for term, values in _named(output):
            case.remark("RS216", spikes(values), f"{term}: ")
    elif name == "q_prior" and (found := beyond_returns(total, case.return_bound)) is not None:
        case.remark("RS219", found[0], severity="error" if found[1] else "warning")


def _check_subgoals(case: Case, output: Output) -> None:
    for name, holds in output.terms.items():
        if bool(holds.all()):
            text = f"subgoal {name!r} holds after every one of {case.n} transitions"
            case.add("RS210", text, "define a subgoal that the agent still has to reach")
        else:
            case.remark("RS218", often(float(holds.mean())), f"subgoal {name!r} ")


def _add_constant(case: Case, total: FloatArray, probed: Sequence[Output | None]) -> None:
    text = f"it is constant: {total.flat[0]:g} on all of {case.n} random transitions"
    moved = any(found is None or bool(differ(found.total, total[:1]).any()) for found in probed)
    if not moved and not case.has_conditions:
        hint = (
            "reward what the agent does; if it only has to stay alive, "
            "return a negative value where `terminated` is true"
        )
        case.add("RS208", f"{text}, and no argument that it reads can change it", hint)
        return
    hint = "a learner gets no signal until the agent behaves differently: add a dense term"
    case.add("RS208", text, hint, severity="warning")


def _check_reactions(case: Case, output: Output, probed: Sequence[Output]) -> None:
    """Find arguments and terms that nothing moves; this is certain only without conditions."""
    severity: Severity = "info" if case.has_conditions else "warning"
    _check_arguments(case, severity)
    if output.total.ndim == 2 and not any(_actions_differ(found) for found in probed):
        text = "every action has the same value in every state that was tested"
        case.add("RS213", text, "give better actions higher values", severity=severity)
    for name, values in output.terms.items():
        if name == "_rest" or values.any() or any(found.terms[name].any() for found in probed):
            continue
        tested = "every transition that was tested, real and changed"
        if case.entry.name == "subgoals":
            text = f"subgoal {name!r} was false after {tested}"
            hint = "check its condition: a subgoal that never holds gives no reward"
            case.add("RS214", text, hint, severity="warning")
        else:
            text = f"term {name!r} was zero on {tested}"
            case.add("RS214", text, "check its condition", severity=severity)


def _check_arguments(case: Case, severity: Severity) -> None:
    if case.entry.function != case.entry.name:  # an alias has the signature of another tool
        return
    for name, moved in case.reacts_to.items():
        if name in case.unread:
            text = f"the argument {name} is not read"
            case.add("RS213", text, "use it, or do not take it", severity="warning")
        elif moved == 0.0:
            text = f"{name} made no difference on any transition that was tested"
            case.add("RS213", text, "check the condition that it is used in", severity=severity)


def _actions_differ(output: Output) -> bool:
    return bool(differ(output.total, output.total[:, :1]).any())


def _named(output: Output) -> Iterator[tuple[str, FloatArray]]:
    """Terms and total, each with a name for messages."""
    for name, values in output.terms.items():
        if name != "_rest":
            yield f"term {name!r}", values
    yield "the total", output.total


def _is_continuous(shapes: Shapes) -> bool:
    return "action" in shapes and shapes["action"][1].kind == "f"


def _shown(value: Array) -> str:
    return np.array2string(np.asarray(value), precision=4, threshold=8)
