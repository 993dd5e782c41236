"""The record of the preflight: argument ranges, episode lengths, fitness of the random policy."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Number(BaseModel):
    """One number of an argument under a random policy.

    Attributes:
        range: lowest and highest value.
        usual: the 10 % and the 90 % quantile.
        step: median size of its change in a step, of the steps that change it; None where it never
            changes, or is not known before a step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    range: tuple[float, float]
    usual: tuple[float, float]
    step: float | None = None


class Argument(BaseModel):
    """One name that programs may read.

    Attributes:
        shape: of one row.
        range: lowest and highest value under a random policy.
        words: of a text, see :mod:`rewardsmith.task.text`; empty for numbers.
        numbers: its numbers one by one; empty if there are too many, or they are no numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[int, ...]
    dtype: str
    range: tuple[float, float]
    words: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()


Arguments = Mapping[str, Argument]


class Preflight(BaseModel):
    """The record of a preflight.

    Attributes:
        arguments: every name that programs may read, with its range under a random policy; the
            range of a field includes its values after the last step.
        hidden: names of fields that exist but are not offered.
        random_fitness: per episode of the random policy.
        has_fitness: whether the task has a fitness; without one, all numbers of it are 0.
        solved_from: fitness at which the task counts as solved; None where it names none.
        fitness_range: lowest and highest possible fitness; None where the task does not name them.
        episode_length: mean over these episodes, steps.
        time_limit: steps after which they were truncated; None where none was, or not all after
            equally many.
        ended: share of them that terminated.
        steps: environment steps taken.
        actions, observations: descriptions of the spaces.
        n_actions: number of discrete actions; None for other action spaces.
        return_bound: what no return of the native reward exceeds, from the largest reward of a step
            and the time limit; None without a limit, or where all rewards were 0.
        longest: steps after which every episode is truncated; None where nothing says it.
        warnings: what the user should know before spending anything.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arguments: dict[str, Argument]
    hidden: tuple[str, ...]
    random_fitness: tuple[float, ...]
    has_fitness: bool = True
    fitness_range: tuple[float, float] | None = None
    solved_from: float | None = None
    episode_length: float
    time_limit: int | None
    ended: float
    steps: int
    actions: str
    n_actions: int | None
    return_bound: float | None
    longest: int | None = None
    observations: str
    warnings: tuple[str, ...]

    @property
    def mean_random_fitness(self) -> float:
        """Mean fitness of the random policy."""
        return sum(self.random_fitness) / len(self.random_fitness)
