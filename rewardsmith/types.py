"""Small records that travel between the parts: plain data, no behaviour beyond reading themselves.

Floor 0: imports nothing of rewardsmith. Everything here can be written as JSON or npz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FloatArray = NDArray[np.float64]
Columns = Mapping[str, Array]  # argument name -> (n, ...) array: what a program is called with
NATIVE_REWARD = "_native_reward"  # a column that no program can read
Severity = Literal["error", "warning", "info"]
FindingSource = Literal["static", "sandbox", "behaviour", "audit"]
Outcome = Literal["code", "no_code", "cut", "refusal", "filter", "empty"]  # of a reply
Effort = Literal[
    "none", "minimal", "low", "medium", "high", "xhigh", "max"
]  # how long a model may think


@dataclass(frozen=True)
class Finding:
    """One thing found about a program: a stable code, where, and what to do.

    Attributes:
        code: ``RSnnn``, stable across versions.
        severity: only an ``error`` refuses the program.
        message: what was found and what was expected.
        hint: what to write instead; empty when the message says it.
        line: line in the program's source, 0 when it has none.
        source: which kind of check found it.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    line: int = 0
    source: FindingSource = "static"

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line else ""
        hint = f" — {self.hint}" if self.hint else ""
        return f"{self.code} {self.severity}{where}: {self.message}{hint}"


class Slot(NamedTuple):
    """The place of one request in a run: which round, which sample of it, which attempt at it."""

    round: int
    sample: int
    attempt: int = 0

    def __str__(self) -> str:
        repair = f" repair {self.attempt}" if self.attempt else ""
        return f"round {self.round + 1} sample {self.sample + 1}{repair}"


@dataclass(frozen=True)
class Output:
    """What a program returned for a batch.

    Attributes:
        total: shape (n,), float64; the value that rules.
        terms: name -> shape (n,), float64; empty when the program returned a bare total.
            ``_rest`` holds the difference of total and terms where a program returned both.
    """

    total: FloatArray
    terms: Mapping[str, FloatArray] = field(default_factory=dict)


class Evaluator(Protocol):
    """Anything that applies a program to a batch: a program host, or a stand-in for tests."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the columns that the program reads."""

    def __call__(self, columns: Columns) -> Output:
        """Apply the program to columns of shape (n, ...).

        Raises:
            ProgramError: the program broke, hung, or returned something out of contract.
            BoundaryError: the sandbox itself failed.
        """


@dataclass(frozen=True)
class Episode:
    """One episode as the recorder saw it; what fitness functions are given.

    Attributes:
        fields: field name -> array of shape (T + 1, ...): row t is the value before step t, the
            last row the value at the end. Fields sourced from ``info`` have shape (T, ...): row t
            is the value after step t. Hidden fields are included.
        actions: shape (T, ...), as the environment received them.
        native_rewards: shape (T,), float64, the environment's own reward.
        terminated: the last step ended the episode by itself.
        truncated: the last step hit a time limit.
    """

    fields: Mapping[str, Array]
    actions: Array
    native_rewards: FloatArray
    terminated: bool
    truncated: bool

    def __len__(self) -> int:
        return len(self.native_rewards)


@dataclass(frozen=True)
class Interval:
    """A mean over training seeds with its 95 % interval; bounds are None for a single seed."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mean:.3g}"
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True)
class Difference(Interval):
    """A mean difference of training seeds.

    Attributes:
        p: two-sided p-value of a permutation test. Paired by seed, it flips signs and cannot reach
            0.05 below 6 seeds.
        further_seeds: how many more seeds would probably decide the sign of the difference; 0 if it
            is decided, None where this cannot be estimated.
        paired: whether both sides have the same training seeds. Without pairs, the number of seeds
            is that of the side with fewer.
    """

    p: float
    further_seeds: int | None
    paired: bool = True

    @property
    def decided(self) -> bool:
        """Whether the sign of the difference is significant at the 5 % level."""
        return self.p <= 0.05


@dataclass(frozen=True)
class SeedSummary:
    """The fitness of training seeds one by one: what a mean hides.

    Attributes:
        solved: number of seeds that solve the task; None where the task names no such fitness.
        n: number of seeds.
        solved_low, solved_high: 95 % interval of the probability that a seed solves the task.
    """

    n: int
    median: float
    worst: float
    solved: int | None = None
    solved_low: float | None = None
    solved_high: float | None = None


Shapes = Mapping[
    str, tuple[tuple[int, ...], np.dtype[Any]]
]  # argument -> (shape of one row, dtype)


class TrainingState(NamedTuple):
    """A part of the state of a training.

    Attributes:
        arrays: of numbers or text.
        facts: what JSON can hold.
    """

    arrays: Mapping[str, Array]
    facts: Mapping[str, Any]

    @classmethod
    def joined(cls, **parts: TrainingState) -> Self:
        """One state of several parts by name."""
        arrays = {
            f"{part}/{name}": array
            for part, state in parts.items()
            for name, array in state.arrays.items()
        }
        return cls(arrays, {part: state.facts for part, state in parts.items()})

    def part(self, name: str) -> TrainingState:
        """One part of a joined state."""
        prefix = f"{name}/"
        arrays = {
            key.removeprefix(prefix): array
            for key, array in self.arrays.items()
            if key.startswith(prefix)
        }
        return TrainingState(arrays, self.facts[name])
