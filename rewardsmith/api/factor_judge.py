"""Ranked factors compare episodes of a run, without weights and without a model.

A factor is a number of an episode, such as the mean of a field. Each pair is decided by the first
factor that differs by more than its margin; without one there is no answer.

Source: Bukharin et al. 2023 (HERON), arXiv 2309.02632. Margins are in standard deviations over the
compared episodes. With a margin on another factor than the last one, the answers may contain
cycles, which are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from rewardsmith.api.labelling import Choice, Labelling
from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.evidence.judged import fitness_of
from rewardsmith.maths.judging import cycles_of_three, first_deciding
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip
from rewardsmith.types import Array, Episode, FloatArray

FACTORS = "factors"  # the name under which the answers are recorded
Direction = Literal["high", "low"]
Statistic = Literal["mean", "sum", "last", "max", "min"]
_LENGTH, _NATIVE, _FITNESS = "length", "native", "fitness"
_REDUCED: dict[Statistic, Callable[[FloatArray], float]] = {
    "mean": np.mean,
    "sum": np.sum,
    "last": lambda values: float(values[-1]),
    "max": np.max,
    "min": np.min,
}
_FORM = "give NAME:high or NAME:low, such as speed:high, speed:high:last or speed:high:0.5"


class Factor(NamedTuple):
    """A number of an episode.

    Attributes:
        name: of a field, also a hidden one, such as ``speed``, or ``position[0]`` for one of
            several numbers; or ``length``, the number of steps; ``native``, the native reward; or
            ``fitness``. A field of this name comes first.
        direction: whether more or less of it is better.
        statistic: over the values after each step.
        margin: in standard deviations over the compared episodes.
    """

    name: str
    direction: Direction
    statistic: Statistic = "mean"
    margin: float = 0.0

    def __str__(self) -> str:
        """As :func:`read_factor` reads it."""
        statistic = f":{self.statistic}" if self.statistic != "mean" else ""
        margin = f":{self.margin:g}" if self.margin else ""
        return f"{self.name}:{self.direction}{statistic}{margin}"


@dataclass(frozen=True)
class FactorReport:
    """What the factors answered.

    Attributes:
        answered: pairs that a factor decided.
        abstained: pairs that no factor decided.
        decided: factor -> pairs that it decided.
        cycles: triples of episodes that were judged in a circle, see
            :func:`rewardsmith.maths.judging.cycles_of_three`.
    """

    answered: int
    abstained: int
    decided: dict[str, int]
    cycles: int


def read_factor(text: str) -> Factor:
    """A factor from ``NAME:DIRECTION[:STATISTIC][:MARGIN]``.

    Raises:
        UsageError: the text has another form.

    Example:
        read_factor("speed:high:last:0.5")  # Factor("speed", "high", "last", 0.5)
    """
    name, *parts = (part.strip() for part in text.split(":"))
    direction: Direction | None = None
    statistic: Statistic = "mean"
    margin = 0.0
    for part in parts:
        if part in get_args(Direction) and direction is None:
            direction = "high" if part == "high" else "low"
        elif part in get_args(Statistic):
            statistic = next(known for known in get_args(Statistic) if known == part)
        else:
            margin = _margin(part, text)
    if not name or direction is None:
        raise UsageError(f"the factor {text!r} has no name or no direction", _FORM)
    return Factor(name, direction, statistic, margin)


def judge_by_factors(run: RunFolder, factors: Sequence[Factor], pairs: int = 20) -> FactorReport:
    """Let ranked factors compare episodes of a run; the answers become feedback for the writer.

    The answers of an earlier call are withdrawn.

    Args:
        factors: the most important one first.
        pairs: how many pairs are compared at most.

    Raises:
        UsageError: there is no factor, or no field of such a name, or the run has too few
            trainings.
        BoundaryError: the sandbox failed.

    Example:
        factors = [Factor("fuel_used", "low", margin=0.5), Factor("speed", "high")]
        judge_by_factors(run.folder, factors)
    """
    if not factors:
        raise UsageError("there are no factors to compare by", f"--factor: {_FORM}")
    session = Labelling(run, by=FACTORS, pairs=pairs)
    values = _values(session, factors)
    margins = np.array([one.margin for one in factors]) * _spreads(values)
    directions = np.array([1 if one.direction == "high" else -1 for one in factors])
    deciding = first_deciding(values, directions, margins)
    session.ask_anew()
    decided = Counter({str(factor): 0 for factor in factors})
    better, worse = [], []
    while (question := session.question) is not None:
        left, right = (session.clips.place(clip) for clip in question.clips)
        found = int(deciding[left, right])
        if not found:
            session.answer("skip")
            continue
        place = abs(found) - 1
        choice: Choice = "first" if found > 0 else "second"
        numbers = f"{values[left, place]:.3g} and {values[right, place]:.3g}"
        session.answer(choice, f"{factors[place]} decides: {numbers}")
        decided[str(factors[place])] += 1
        better.append(left if found > 0 else right)
        worse.append(right if found > 0 else left)
    answered, skipped = decided.total(), session.answers.count("skip")
    cycles = cycles_of_three(np.array(better, np.int64), np.array(worse, np.int64))
    return FactorReport(answered, skipped, dict(decided), cycles)


def _values(session: Labelling, factors: Sequence[Factor]) -> FloatArray:
    """The factors of each clip, shape (m, f)."""
    clips = session.clips
    found = [
        _value(session.run, clip, episode, factor)
        for clip, episode in zip(clips.names, clips.episodes, strict=True)
        for factor in factors
    ]
    return np.array(found, np.float64).reshape(len(clips.names), len(factors))


def _value(run: RunFolder, clip: Clip, episode: Episode, factor: Factor) -> float:
    field, index = _parsed(factor.name)
    if field in episode.fields:
        series = _series(episode.fields[field], len(episode), field, index)[clip.span]
    elif factor.name == _NATIVE:
        series = episode.native_rewards[clip.span]
    elif factor.name == _FITNESS:
        return fitness_of(run, clip)
    elif factor.name == _LENGTH:
        return float(len(episode.native_rewards[clip.span]))
    else:
        known = [*episode.fields, _LENGTH, _NATIVE, _FITNESS]
        raise UsageError(f"there is no field {field!r} to compare by", did_you_mean(field, known))
    return float(_REDUCED[factor.statistic](series)) if len(series) else float("nan")


def _parsed(name: str) -> tuple[str, int | None]:
    """A field and the place of a number in it, e.g. ``position[0]``."""
    match = re.fullmatch(r"(.*)\[(\d+)\]", name)
    return (match[1], int(match[2])) if match else (name, None)


def _series(values: Array, steps: int, field: str, index: int | None) -> FloatArray:
    """One number of a field after each step, shape (T,)."""
    columns = np.asarray(values[-steps:], np.float64).reshape(steps, -1)
    count = columns.shape[1]
    if index is None and count > 1:
        raise UsageError(
            f"the field {field!r} has {count} numbers", f"choose one, such as {field}[0]"
        )
    if (index or 0) >= count:
        raise UsageError(
            f"the field {field!r} has {count} numbers, {field}[{index}] is not one of them",
            f"the last one is {field}[{count - 1}]",
        )
    return columns[:, index or 0]


def _spreads(values: FloatArray) -> FloatArray:
    """The standard deviation of the finite values of each column; 0 without any."""
    finite = [column[np.isfinite(column)] for column in values.T]
    return np.array([column.std() if len(column) else 0.0 for column in finite])


def _margin(part: str, text: str) -> float:
    try:
        margin = float(part)
    except ValueError:
        margin = -1.0
    if not 0 <= margin < float("inf"):
        raise UsageError(f"{part!r} in the factor {text!r} is not known", _FORM)
    return margin
