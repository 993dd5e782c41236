"""One entry point of a program during its check: its transitions and its findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rewardsmith.program import EntryPoint, Style
from rewardsmith.sandbox.behaviour.signals import Remark
from rewardsmith.sandbox.codes import CODES
from rewardsmith.types import Array, Columns, Finding, FindingSource, Output, Severity

MAX_ROWS = 512


@dataclass
class Case:
    """One entry point, its transitions, and what was found so far.

    Attributes:
        rows: argument -> (n, ...), the transitions.
        n: number of transitions.
        n_actions: number of discrete actions; None for continuous ones.
        horizon: steps of an episode; None if unknown.
        return_bound: largest absolute return of the task's own reward; None if unknown.
        has_conditions: whether the function has a condition, so that a value may change on
            transitions that were not seen.
        unread: arguments that the function takes and never reads.
        reacts_to: argument -> how much it moves the values, see
            :func:`~rewardsmith.sandbox.behaviour.probes.reactions`.
    """

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
        """Add a finding about this entry point; without a hint, the code's remedy is used."""
        source: FindingSource = "sandbox" if code.startswith("RS3") else "behaviour"
        text = f"{self.entry.function}: {message}"
        self.found.append(Finding(code, severity, text, hint or CODES[code].remedy, line, source))

    def remark(
        self, code: str, remark: Remark | None, what: str = "", *, severity: Severity = "warning"
    ) -> None:
        """Add a finding for a remark about the values, if there is one."""
        if remark is not None:
            self.add(code, f"{what}{remark.message}", remark.hint, severity=severity)

    @property
    def refused(self) -> bool:
        """Whether a finding refuses the program."""
        return any(finding.severity == "error" for finding in self.found)


def pick(transitions: Columns, entry: EntryPoint) -> dict[str, Array]:
    """Pick at most MAX_ROWS transitions: evenly spread, with some ends of episodes.

    Rows in which the environment gave no finite number are left out, since the program is not at
    fault. If every row is such a row, they stay, and the finding shows the writer what not to read.
    """
    n = length(transitions)
    finite = np.ones(n, bool)
    for name in entry.arguments:
        finite &= np.isfinite(transitions[name]).reshape(n, -1).all(axis=1)
    good = np.flatnonzero(finite)
    good = good if len(good) else np.arange(n)
    terminated = np.asarray(transitions.get("terminated", np.zeros(n)))
    ends = good[terminated[good] > 0][: MAX_ROWS // 4]
    count = min(len(good), MAX_ROWS - len(ends))
    spread = good[np.linspace(0, len(good) - 1, count).astype(np.int64)]
    index = np.union1d(ends, spread)
    return {name: np.asarray(transitions[name])[index] for name in entry.arguments}


def length(columns: Mapping[str, Array]) -> int:
    """How many rows there are; 0 without columns."""
    return len(next(iter(columns.values()), ()))
