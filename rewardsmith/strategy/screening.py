"""Options and orders of strategies that screen programs before training."""

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
    """Options of a strategy that screens programs on recorded episodes before training.

    Attributes:
        screen: rule that compares the order of recorded episodes, see
            :mod:`rewardsmith.maths.preference`; ``off`` trains every valid program.
        measure: score of a trajectory: the discounted sum of its rewards, their mean, or their sum.
            By the mean, a reward for staying alive can look correct: a success is short, and its
            bonus is divided by few steps.
        threshold: the smallest share of pairs in order that passes.
        contrast: the smallest number of better and of worse trajectories for a verdict. A single
            late success of the random policy is little evidence of good behaviour.
        trained_anyway: share of the failed programs that are trained nevertheless, which shows how
            often the screening is wrong.
        seed: seed of the choice of these programs, by their id.
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
    """First screenings, then trainings of the programs that pass.

    Args:
        options: a :class:`ScreenOptions` that also has ``seeds``.
    """
    screens = screenings(state, programs, options)
    return screens or trainings(
        state, worth_training(state, programs, options), options.seeds, steps
    )


def screenings(state: RunState, programs: Sequence[str], options: ScreenOptions) -> list[Screen]:
    """The screenings that these programs still need."""
    if options.screen == "off":
        return []
    return [
        Screen(program, options.screen, options.measure, options.threshold, options.contrast)
        for program in programs
        if program not in state.screens
    ]


def worth_training(state: RunState, programs: Sequence[str], options: ScreenOptions) -> list[str]:
    """Those that did not fail the screening, and a share of the others."""
    if options.screen == "off":
        return list(programs)
    return [
        p
        for p in programs
        if not state.failed(p) or _draw(p, options.seed) < options.trained_anyway
    ]


def _draw(program: str, seed: int) -> float:
    """A number in [0, 1) that depends only on the program and the seed."""
    return crc32(f"{seed}/{program}".encode()) / 2**32
