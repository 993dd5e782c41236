"""A reward: the weighted sum of running terms."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np

from rewardsmith.terms.native import NativeReward
from rewardsmith.terms.program import ProgramReward
from rewardsmith.terms.specs import TermSpec, term_kind
from rewardsmith.terms.term import ObservingTerm, Opening, ShownTerm, Term
from rewardsmith.types import NATIVE_REWARD, Columns, Evaluator, FloatArray, Output


class TermValue(NamedTuple):
    """What one term gives for a batch, its weight applied."""

    name: str
    ranks: bool
    output: Output


class Reward:
    """The weighted sum of terms; itself an :class:`rewardsmith.types.Evaluator`.

    Args:
        terms: at least one.
        weights: one for each; 1 by default.
    """

    def __init__(self, terms: Sequence[Term], weights: Sequence[float] | None = None) -> None:
        self.terms = tuple(terms)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(self.terms)
        names = [name for term in self.terms for name in term.arguments]
        self._arguments = tuple(dict.fromkeys(names))

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the columns that its terms read."""
        return self._arguments

    @property
    def gamma(self) -> float | None:
        """The discount on which a term depends; None where none does."""
        found = (getattr(term, "gamma", None) for term in self.terms)
        return next((gamma for gamma in found if gamma is not None), None)

    @property
    def is_native(self) -> bool:
        """Whether it is the environment's own reward alone: no program can read that column."""
        return self.arguments == (NATIVE_REWARD,)

    @property
    def observing(self) -> tuple[ObservingTerm, ...]:
        """The terms that take in every step."""
        return tuple(term for term in self.terms if isinstance(term, ObservingTerm))

    @property
    def shown(self) -> ShownTerm | None:
        """The term that shows the policy what happened in the episode, if there is one."""
        return next((term for term in self.terms if isinstance(term, ShownTerm)), None)

    def of_any_columns(self) -> Reward:
        """The sum of the terms that take in no steps, which can value recorded episodes."""
        return self._part([not isinstance(term, ObservingTerm) for term in self.terms])

    def ranking(self) -> Reward:
        """The sum of the terms by which checkpoints are ranked."""
        return self._part([term.ranks for term in self.terms])

    def _part(self, keep: Sequence[bool]) -> Reward:
        return Reward(list(compress(self.terms, keep)), list(compress(self.weights, keep)))

    def values(self, columns: Columns) -> list[TermValue]:
        """What each term gives for transitions of shape (n, ...), in order.

        Raises:
            ProgramError: generated code broke on them.
        """
        return [
            TermValue(term.name, term.ranks, _weighted(term(columns), weight))
            for term, weight in zip(self.terms, self.weights, strict=True)
        ]

    def __call__(self, columns: Columns) -> Output:
        """The sum, with the terms by name.

        Raises:
            ProgramError: generated code broke on the columns.
        """
        return summed(self.values(columns), len(next(iter(columns.values()), ())))


def summed(values: Sequence[TermValue], n: int) -> Output:
    """The sum of terms, each under its names; a single bare term stays bare.

    Args:
        n: rows, which a sum of no terms needs.
    """
    if not values:
        return Output(np.zeros(n))
    if len(values) == 1:
        return values[0].output
    total, terms = values[0].output.total, dict[str, FloatArray]()
    for value in values[1:]:
        total = total + value.output.total
    for value in values:
        for name, part in (value.output.terms or {value.name: value.output.total}).items():
            terms[_free(name, terms)] = part
    return Output(total, terms)


def as_reward(program: Reward | Evaluator | None) -> Reward:
    """A reward of what a user passes: a reward, one function, or None for the native reward."""
    if isinstance(program, Reward):
        return program
    return Reward([NativeReward() if program is None else ProgramReward(program)])


def open_reward(specs: Sequence[TermSpec], opening: Opening) -> Reward:
    """Start the terms of a trial.

    Raises:
        ProgramError: generated code failed when it was loaded.
        UsageError: the task's settings do not allow a term.
    """
    terms = [term_kind(spec.kind).open(spec.payload, opening) for spec in specs]
    return Reward(terms, [spec.weight for spec in specs])


def _weighted(output: Output, weight: float) -> Output:
    if weight == 1.0:
        return output
    terms = {name: weight * values for name, values in output.terms.items()}
    return Output(weight * output.total, terms)


def _free(name: str, taken: dict[str, FloatArray]) -> str:
    """The name, with underscores where it is taken."""
    while name in taken:
        name += "_"
    return name
