"""Feedback on a prior on Q: where it disagrees with the actions of the best agent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from rewardsmith.episodes.preflight import Arguments
from rewardsmith.evidence.prior import (
    PriorValues,
    agreement,
    prior_values,
    returns_from_there,
    state_agreement,
)
from rewardsmith.program import NATIVE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.state import RunState
from rewardsmith.types import Array, Episode, FloatArray
from rewardsmith.writers.feedback.moments import numbers_of
from rewardsmith.writers.feedback.records import PriorDisagreement, PriorFeedback, PriorTests

MOST_ROWS = 4
_APART = 10  # steps between two rows at least


def prior_feedback(
    believed: PriorValues,
    episodes: Sequence[Episode],
    fields: Sequence[str],
    arguments: Arguments,
    gamma: float,
) -> PriorFeedback:
    """The comparison with some episodes of an agent.

    Args:
        gamma: the learner's discount.
        fields: those that the program reads.
        arguments: what programs may read, see :class:`rewardsmith.episodes.preflight.Preflight`.
    """
    gaps = believed.others.max(axis=1) - believed.taken
    lengths = np.array([len(episode) for episode in episodes])
    starts = np.cumsum(lengths) - lengths
    rows, columns = list[PriorDisagreement](), list[str]()
    for place in _worst(gaps):
        number = int(np.searchsorted(starts, place, side="right")) - 1
        step, episode = int(place - starts[number]), episodes[number]
        before = numbers_of(episode, fields, arguments, after=False)
        columns = list(before)
        cells: list[float | str] = [float(values[step]) for values in before.values()]
        cells += [_action(episode.actions[step]), _action(believed.best[place])]
        rows.append(PriorDisagreement(cells, float(gaps[place])))
    return PriorFeedback(
        share=agreement(believed),
        states=state_agreement(believed, returns_from_there(episodes, gamma)),
        steps=len(gaps),
        columns=columns,
        rows=rows,
    )


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


def prior_feedback_of(run: RunFolder, state: RunState, program: str) -> PriorFeedback:
    """The feedback on a program of a run; empty without a prior, or without a trained agent.

    Raises:
        BoundaryError: the sandbox failed.
    """
    best = _best_agent(state, program)
    if "q_prior" not in state.functions.get(program, ()) or best is None:
        return PriorFeedback()
    episodes, checked = run.trial(best).episodes(), run.program(program)
    if not episodes:
        return PriorFeedback()
    assert state.preflight is not None
    believed = prior_values(checked, episodes, state.preflight)
    gamma = run.task().spec.training.gamma
    found = prior_feedback(
        believed, episodes, checked.verdict.fields_read, state.preflight.arguments, gamma
    )
    who = (
        "the agent that learned from the environment's own reward"
        if best.program == NATIVE
        else "the best agent"
    )
    return replace(found, who=who, fitness=best.fitness, tests=_tests(run, state, program))


def _tests(run: RunFolder, state: RunState, program: str) -> PriorTests | None:
    """The tests in all finished trainings of the program and of the prior alone."""
    names = (program, *_parts(state, program))
    trials = [trial for name in names for trial in state.trials_of(name, "selection")]
    reports = [report for trial in trials if (report := run.trial(trial).trained()) is not None]
    outcomes = [report.prior for report in reports if report.prior is not None]
    if not outcomes:
        return None
    return PriorTests(
        trainings=len(outcomes),
        accepted=sum(map(attrgetter("accepted"), outcomes)),
        guided=_mean(map(attrgetter("guided"), outcomes)),
        own=_mean(map(attrgetter("own"), outcomes)),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _parts(state: RunState, program: str) -> list[str]:
    return [
        part for (whole, _), part in state.derived.items() if whole == program and part is not None
    ]


def _best_agent(state: RunState, program: str) -> TrialState | None:
    """The best trial of the program, of its functions alone, and of the native reward."""
    names = (program, *_parts(state, program), NATIVE)
    trials = [trial for name in names for trial in state.trials_of(name, "selection")]
    scored = [trial for trial in trials if trial.fitness is not None]
    return max(scored, key=lambda trial: (trial.fitness, -trial.seed), default=None)
