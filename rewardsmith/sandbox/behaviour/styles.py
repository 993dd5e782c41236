"""Decides how a program is called: for a batch, or for one transition at a time.

Batched is the contract, but models often write functions for one transition. Both styles are run on
the same rows:

    batched                     row by row        decision
    consistent                  agrees or fails   batched
    fails                       works             per_transition, slow
    inconsistent or disagrees   works             per_transition, which was meant; refused if each
                                                  argument is one number per row
    inconsistent                fails             refused: a value depends on the rest of the batch
    fails                       fails             refused, with both exceptions

Only a reward may be per_transition; the other entry points must be batched.

Consistent means that the results for 1, 2 and 17 transitions are the same for the transitions that
they share.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rewardsmith.errors import ProgramError
from rewardsmith.program import Style
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.types import Array, Finding, FloatArray, Output

SIZES = (17, 2, 1)  # a batch, the smallest, and the one where (1,) and () are easily confused
_TIMED_ROWS = 256
_TIMES = 5
_FINE, _COARSE = 1e-6, 1e-2  # of the value, and of the mean size of the values
_BY_ROW = (
    "reductions over a batch need an axis (np.linalg.norm(x, axis=-1)), and never mix transitions"
)


class Decision(NamedTuple):
    """The style (None if neither works) and the findings."""

    style: Style | None
    findings: tuple[Finding, ...]


def decide_style(host: ProgramHost, rows: Mapping[str, Array]) -> Decision:
    """Run both styles on the rows.

    Raises:
        ProgramError: the process is gone: out of time or memory, or dead.
    """
    batched = _try(host, rows, "batched")
    single = _try(host, rows, "per_transition")
    if isinstance(batched, list) and _consistent(rows, batched):
        if isinstance(single, ProgramError) or agree(
            rows, batched[0], slice(0, SIZES[0]), single[0]
        ):
            return Decision("batched", ())
    elif isinstance(single, ProgramError):
        return Decision(None, (_refused(batched, single),))
    if isinstance(batched, list) and _reads_numbers_only(rows):
        return Decision(None, (_refused(batched, single),))
    if host.entry.name != "reward":
        return Decision(None, (replace(_slow(host, rows, batched), severity="error"),))
    return Decision("per_transition", (_slow(host, rows, batched),))


def agree(rows: Mapping[str, Array], whole: Output, index: Array | slice, part: Output) -> bool:
    """Whether rows of a batch have the same values in another batch.

    The last bits may differ, since they depend on the place in a vector. Where a program reads
    float32, the difference of two large numbers keeps few digits, and only those are compared.
    ``_rest`` is a difference of rounded numbers and is left out.

    Args:
        rows: what the program read.
        whole: the values of all rows.
        index: the rows of ``whole`` that ``part`` holds.
    """
    names = set(whole.terms) - {"_rest"}
    if names != set(part.terms) - {"_rest"}:
        return False
    is_coarse = any(
        column.dtype.kind == "f" and column.dtype.itemsize < 8 for column in rows.values()
    )
    tolerance = _COARSE if is_coarse else _FINE
    pairs = [(whole.total, part.total)] + [(whole.terms[name], part.terms[name]) for name in names]
    with np.errstate(over="ignore"):  # the difference of two 1e308
        return all(
            np.allclose(
                a[index], b, rtol=tolerance, atol=1e-9 + tolerance * _mean_size(a), equal_nan=True
            )
            for a, b in pairs
        )


def _mean_size(values: FloatArray) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(
        (finite / max(finite.size, 1)).sum()
    )  # divided first: the sum of a few 1e308 is no number


def take(rows: Mapping[str, Array], index: Array | slice) -> dict[str, Array]:
    """Some of the rows."""
    return {name: column[index] for name, column in rows.items()}


def us_per_transition(host: ProgramHost, rows: Mapping[str, Array], style: Style) -> float:
    """Microseconds for one transition in a batch of 256: the least of several measurements.

    CPU time of the program host, so that it does not depend on what else the machine does. Where
    the kernel does not say it, real time.
    """
    n = len(next(iter(rows.values())))
    batch = take(rows, np.resize(np.arange(n), _TIMED_ROWS))
    times = []
    for _ in range(_TIMES):
        begun = _seconds(host)
        host.apply(batch, style)
        times.append(_seconds(host) - begun)
    return min(times) * 1e6 / _TIMED_ROWS


def _seconds(host: ProgramHost) -> float:
    used = host.cpu_s()
    return time.perf_counter() if used is None else used


def _try(host: ProgramHost, rows: Mapping[str, Array], style: Style) -> list[Output] | ProgramError:
    """Results at each size, or the first error."""
    try:
        return [host.apply(take(rows, slice(0, n)), style) for n in SIZES]
    except ProgramError as error:
        if error.reason not in ("exception", "output"):
            raise
        return error


def _consistent(rows: Mapping[str, Array], outputs: list[Output]) -> bool:
    smaller = zip(SIZES[1:], outputs[1:], strict=True)
    return all(agree(rows, outputs[0], slice(0, n), part) for n, part in smaller)


def _reads_numbers_only(rows: Mapping[str, Array]) -> bool:
    """Whether each argument is one number per row: a reduction then was meant over the batch."""
    return all(column.ndim == 1 for column in rows.values())


def _refused(batched: list[Output] | ProgramError, single: list[Output] | ProgramError) -> Finding:
    if isinstance(batched, list) or not isinstance(single, ProgramError):
        message = "the value of a transition changes with the size of its batch"
        return Finding("RS204", "error", message, _BY_ROW, source="behaviour")
    code = "RS202" if batched.reason == "output" else "RS201"
    also = (
        ""
        if single.message == batched.message
        else f" (called for one transition: {single.message})"
    )
    hint = "each argument is an array with one row per transition, (n,) or (n, d)"
    return Finding(
        code, "error", f"{batched.message}{also}", hint, batched.line or single.line, "behaviour"
    )


def _slow(
    host: ProgramHost, rows: Mapping[str, Array], batched: list[Output] | ProgramError
) -> Finding:
    cost = us_per_transition(host, rows, "per_transition")
    if isinstance(batched, ProgramError):
        message = (
            f"it works only for one transition at a time, {cost:.1f} us each; "
            f"for a batch: {batched.message}"
        )
        hint = "use np.where in place of if, and an axis in reductions"
        return Finding("RS205", "warning", message, hint, batched.line, "behaviour")
    factor = cost / max(us_per_transition(host, rows, "batched"), 1e-3)
    what = "results for a batch and row by row differ, so it is called for one transition at a time"
    message = f"{what}: {cost:.1f} us each, {factor:.0f} times slower"
    return Finding("RS206", "warning", message, _BY_ROW, source="behaviour")
