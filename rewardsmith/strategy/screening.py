"""Holding programs against the bank before they are trained: options and orders of strategies that do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from zlib import crc32

from pydantic import Field

from rewardsmith.maths.preference import Measure, Rule
from rewardsmith.run.orders import Order, Screen
from rewardsmith.run.state import RunState
from rewardsmith.strategy.base import StrategyOptions
from rewardsmith.strategy.rounds import trainings


class ScreenOptions(StrategyOptions):
    """Options of a strategy that holds programs against the bank before they are trained.

    Attributes:
        screen: how the order of known behaviour is compared, see
            :mod:`rewardsmith.maths.preference`; ``off`` trains every valid program.
        measure: what a trajectory's pay is: its discounted sum, mean per step, or sum. Per step, a
            reward that pays for staying alive looks right: a success is short, and its bonus is
                shared by few steps.
        threshold: the least share in order.
        contrast: better and worse trajectories that there must be, of each, for a verdict: a single
            success of random behaviour, late and by luck, says little of what good behaviour is.
        trained_anyway: share of the programs that failed which are trained all the same: it tells
            how often the bank is wrong.
        seed: of the draw which of them are, by their id.
    """

    screen: Rule | Literal["off"] = "off"
    measure: Measure = "discounted"
    threshold: float = Field(0.8, ge=0, le=1)
    contrast: int = Field(3, ge=1)
    trained_anyway: float = Field(0.1, ge=0, le=1)
    seed: int = Field(0, ge=0)


def screened_trainings(
    state: RunState, programs: Sequence[str], options: Any, steps: int
) -> Sequence[Order]:
    """First the programs are held against the bank, then those are trained that it does not speak against.

    Args:
        options: a :class:`ScreenOptions` that also says ``seeds``.
    """
    screens = screenings(state, programs, options)
    return screens or trainings(
        state, worth_training(state, programs, options), options.seeds, steps
    )


def screenings(state: RunState, programs: Sequence[str], options: ScreenOptions) -> list[Screen]:
    """The programs that have yet to be held against the bank."""
    if options.screen == "off":
        return []
    owed = [program for program in programs if program not in state.screens]
    return [
        Screen(p, options.screen, options.measure, options.threshold, options.contrast)
        for p in owed
    ]


def worth_training(state: RunState, programs: Sequence[str], options: ScreenOptions) -> list[str]:
    """Those that the bank does not speak against, and a share of the others."""
    if options.screen == "off":
        return list(programs)
    return [
        p
        for p in programs
        if not state.failed(p) or _draw(p, options.seed) < options.trained_anyway
    ]


def _draw(program: str, seed: int) -> float:
    """A number in [0, 1) that is always the same for a program and a seed."""
    return crc32(f"{seed}/{program}".encode()) / 2**32
