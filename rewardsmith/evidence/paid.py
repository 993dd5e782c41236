"""What a program pays over the trajectories of a bank: the ground of preference feedback and of the audit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rewardsmith.episodes.bank import Bank
from rewardsmith.episodes.columns import shapes_in, split_output
from rewardsmith.maths.preference import (
    Agreement,
    Measure,
    Rule,
    agreement,
    better_half,
    trajectory_scores,
)
from rewardsmith.program import CheckedProgram, Verdict
from rewardsmith.sandbox.client.program import HostedProgram
from rewardsmith.types import Array, Columns, FloatArray, Output


@dataclass(frozen=True)
class Paid:
    """A program's output on a bank.

    Attributes:
        output: of all trajectories one after the other, as the bank's columns are.
        gamma: the learner's discount.
        arguments: what the program asked for.
    """

    bank: Bank
    output: Output
    gamma: float
    arguments: tuple[str, ...] = ()

    @cached_property
    def better(self) -> Array | None:
        """Which trajectories are the better ones, shape (m,), bool; None where there is no contrast."""
        return better_half(self.bank.fitness, self.bank.successes)

    def told_apart(self, rule: Rule) -> Array | None:
        """The better ones as a rule tells them apart, shape (m,), bool; None where it has no contrast.

        ``pairs`` reads a graded fitness where there are no successes, or nothing else: then it is
        the better half.
        """
        return (
            self.better
            if self.better is not None or rule != "pairs"
            else better_half(self.bank.fitness, None)
        )

    @property
    def terms(self) -> dict[str, FloatArray]:
        """Shape (N,) each; empty for a program that returns a bare total."""
        return dict(self.output.terms)

    def scores(self, measure: Measure, values: FloatArray | None = None) -> FloatArray:
        """What each trajectory is paid in all, or by a term; shape (m,)."""
        rewards = self.output.total if values is None else values
        return trajectory_scores(rewards, self.bank.lengths, measure, self.gamma)

    def agreement(
        self, rule: Rule, measure: Measure, values: FloatArray | None = None
    ) -> Agreement | None:
        """How well that keeps the order of fitness; None where there is no contrast."""
        return agreement(self.scores(measure, values), self.bank.fitness, self.bank.successes, rule)

    def of(self, place: int) -> Output:
        """The output on one trajectory."""
        return self._split[place]

    @cached_property
    def _split(self) -> list[Output]:
        return split_output(self.output, self.bank.lengths)


def extremes(scores: FloatArray, better: Array) -> tuple[int, int]:
    """Places of the worst paid of the better trajectories, and of the best paid of the worse ones; both (m,)."""
    numbers = np.nan_to_num(scores, nan=-np.inf)
    return int(np.argmin(np.where(better, numbers, np.inf))), int(
        np.argmax(np.where(better, -np.inf, numbers))
    )


_AT_ONCE = {"batched": 8192, "per_transition": 64}  # transitions per call


def apply_to_bank(program: CheckedProgram, bank: Bank, gamma: float) -> Paid:
    """What an accepted program pays over a bank.

    Raises:
        ProgramError: the program broke on it.
        BoundaryError: the sandbox failed.
    """
    with hosted(program, bank.columns(columns_read(program.verdict)), gamma) as running:
        return Paid(bank, running(bank.columns(running.arguments)), gamma, running.arguments)


def hosted(program: CheckedProgram, columns: Columns, gamma: float) -> HostedProgram:
    """The reward and potential of an accepted program, ready for columns like these."""
    style = program.verdict.style or "batched"
    return HostedProgram(
        program.source,
        program.verdict.entries,
        shapes_in(columns),
        capacity=_AT_ONCE[style],
        style=style,
        gamma=gamma,
    )


def columns_read(verdict: Verdict) -> list[str]:
    """What the reward and the potential of a program ask for."""
    entries = [verdict.entries[name] for name in ("reward", "potential") if name in verdict.entries]
    return list(dict.fromkeys(name for entry in entries for name in entry.arguments))
