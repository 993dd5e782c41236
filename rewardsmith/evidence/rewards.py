"""The rewards of a program on the trajectories of a bank."""

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
class BankRewards:
    """A program's output on a bank.

    Attributes:
        output: of all trajectories one after the other, as the bank's columns are.
        gamma: the learner's discount.
        arguments: those that the program reads.
    """

    bank: Bank
    output: Output
    gamma: float
    arguments: tuple[str, ...] = ()

    @cached_property
    def better(self) -> Array | None:
        """Which trajectories are better, shape (m,), bool; None without better and worse ones."""
        return better_half(self.bank.fitness, self.bank.successes)

    def better_by(self, rule: Rule) -> Array | None:
        """Which trajectories are better by a rule, shape (m,), bool; None without contrast.

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
        """The score of each trajectory by all rewards, or by some of shape (N,); shape (m,)."""
        rewards = self.output.total if values is None else values
        return trajectory_scores(rewards, self.bank.lengths, measure, self.gamma)

    def agreement(
        self, rule: Rule, measure: Measure, values: FloatArray | None = None
    ) -> Agreement | None:
        """Agreement of the scores with fitness; None without better and worse trajectories."""
        return agreement(self.scores(measure, values), self.bank.fitness, self.bank.successes, rule)

    def of(self, place: int) -> Output:
        """The output on one trajectory."""
        return self._split[place]

    @cached_property
    def _split(self) -> list[Output]:
        return split_output(self.output, self.bank.lengths)


def extremes(scores: FloatArray, better: Array) -> tuple[int, int]:
    """Places of the better trajectory with the lowest score and the worse with the highest."""
    numbers = np.nan_to_num(scores, nan=-np.inf)
    return int(np.argmin(np.where(better, numbers, np.inf))), int(
        np.argmax(np.where(better, -np.inf, numbers))
    )


_AT_ONCE = {"batched": 8192, "per_transition": 64}  # transitions per call


def apply_to_bank(program: CheckedProgram, bank: Bank, gamma: float) -> BankRewards:
    """The rewards of an accepted program on a bank.

    Raises:
        ProgramError: the program failed on it.
        BoundaryError: the sandbox failed.
    """
    with hosted(program, bank.columns(columns_read(program.verdict)), gamma) as running:
        return BankRewards(bank, running(bank.columns(running.arguments)), gamma, running.arguments)


def native_rewards(bank: Bank, gamma: float) -> BankRewards:
    """The environment's own rewards on a bank."""
    total = np.concatenate([one.episode.native_rewards for one in bank.trajectories])
    return BankRewards(bank, Output(np.asarray(total, np.float64)), gamma)


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
        learned=program.learned,
    )


def columns_read(verdict: Verdict) -> list[str]:
    """The arguments of the reward, the potential and the learned reward of a program."""
    names = ("reward", "potential", "learned")
    entries = [verdict.entries[name] for name in names if name in verdict.entries]
    return list(dict.fromkeys(name for entry in entries for name in entry.arguments))
