"""Feedback on a prior on Q: where it disagrees with what the best agent learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rewardsmith.episodes.preflight import Arguments
from rewardsmith.evidence.prior import (
    Believed,
    agreement,
    prior_values,
    returns_from_there,
    state_agreement,
)
from rewardsmith.program import NATIVE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState, TrialState
from rewardsmith.types import Array, Episode, FloatArray
from rewardsmith.writers.feedback.moments import numbers_of

MOST_ROWS = 4


_APART = 10  # steps between two rows: one place, told once


def prior_rows(
    believed: Believed,
    episodes: Sequence[Episode],
    fields: Sequence[str],
    seen: Arguments,
    gamma: float,
) -> dict[str, Any]:
    """Values of ``shared/prior``, but for whose agent it was.

    Args:
        gamma: the learner's discount.
        fields: those that the program reads.
        seen: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`.
    """
    gaps = believed.others.max(axis=1) - believed.taken
    lengths = np.array([len(episode) for episode in episodes])
    starts = np.cumsum(lengths) - lengths
    rows, columns = [], list[str]()
    for place in _worst(gaps):
        number = int(np.searchsorted(starts, place, side="right")) - 1
        step, episode = int(place - starts[number]), episodes[number]
        before = {
            name: float(values[step])
            for name, values in numbers_of(episode, fields, seen, after=False).items()
        }
        columns = list(before)
        did, wanted = (_action(values) for values in (episode.actions[step], believed.best[place]))
        rows.append({"cells": [*before.values(), did, wanted], "gap": float(gaps[place])})
    states = state_agreement(believed, returns_from_there(episodes, gamma))
    return {
        "share": agreement(believed),
        "states": states,
        "steps": len(gaps),
        "columns": columns,
        "rows": rows,
    }


def _worst(gaps: FloatArray) -> list[int]:
    """The places of the largest gaps, some steps apart; none where there is no gap."""
    chosen: list[int] = []
    for place in np.argsort(-gaps, kind="stable"):
        if gaps[place] <= 0 or len(chosen) == MOST_ROWS:
            break
        if all(abs(int(place) - other) >= _APART for other in chosen):
            chosen.append(int(place))
    return chosen


def _action(value: Array) -> str:
    return ", ".join(f"{number:.3g}" for number in np.asarray(value, np.float64).ravel())


_NOTHING: dict[str, Any] = {"steps": 0, "rows": [], "tried": None}


def prior_feedback(run: RunFolder, state: RunState, program: str) -> dict[str, Any]:
    """Values of ``shared/prior``; of a program without a prior, or where nothing was learned yet, nothing to tell.

    Raises:
        BoundaryError: the sandbox failed.
    """
    best = _best_agent(state, program)
    if "q_prior" not in state.functions.get(program, ()) or best is None:
        return _NOTHING
    episodes, checked = run.trial(best).episodes(), run.program(program)
    if not episodes:
        return _NOTHING
    assert state.preflight is not None
    believed = prior_values(checked, episodes, state.preflight)
    gamma = run.task().spec.training.gamma
    told = prior_rows(
        believed, episodes, checked.verdict.fields_read, state.preflight.arguments, gamma
    )
    who = (
        "the agent that learned from the environment's own reward"
        if best.program == NATIVE
        else "the best agent"
    )
    return {"who": who, "fitness": best.fitness, "tried": _tried(run, state, program), **told}


def _tried(run: RunFolder, state: RunState, program: str) -> dict[str, Any] | None:
    """What became of it where it had to prove itself, in all trainings that are over, also as a program of its own."""
    trials = [
        trial
        for name in (program, *_parts(state, program))
        for trial in state.trials_of(name, "selection")
    ]
    reports = [report for trial in trials if (report := run.trial(trial).trained()) is not None]
    outcomes = [report.prior for report in reports if report.prior is not None]
    if not outcomes:
        return None
    led, own = (
        _mean([getattr(outcome, whose) for outcome in outcomes]) for whose in ("led", "own")
    )
    believed = sum(outcome.believed for outcome in outcomes)
    return {"trainings": len(outcomes), "believed": believed, "led": led, "own": own}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _parts(state: RunState, program: str) -> list[str]:
    return [
        part for (whole, _), part in state.derived.items() if whole == program and part is not None
    ]


def _best_agent(state: RunState, program: str) -> TrialState | None:
    """Of the program, its functions alone and the native reward: what did best is the evidence."""
    names = (program, *_parts(state, program), NATIVE)
    trials = [trial for name in names for trial in state.trials_of(name, "selection")]
    scored = [trial for trial in trials if trial.fitness is not None]
    return max(scored, key=lambda trial: (trial.fitness, -trial.seed), default=None)
