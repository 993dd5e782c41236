"""Whether a prior on Q orders actions as good behaviour does, and where it disagrees with what an agent learned.

An agent that did well is the evidence: what it does in a state is better than most of what else it could do there. A
prior that values other actions more is wrong in that state, or knows more than the agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.feedback.moments import numbers_of
from rewardsmith.maths.agreement import kendall_tau
from rewardsmith.maths.statistics import clearly_above
from rewardsmith.types import Array, Episode, Finding, FloatArray

MOST_ROWS = 4
_APART = 10  # steps between two rows: one place, told once
_MOST_STATES = 500  # that are compared with each other
_CONTRAST = 3  # better and worse episodes, of each, that there must be
_CUT = 0.05  # what a time limit may have cut from a return, as a share of it


class Believed(NamedTuple):
    """What a prior says along some episodes, one after the other; N is their steps.

    Attributes:
        taken: value of what the agent did, shape (N,).
        others: values of other actions in the same states, shape (N, m).
        best: the action that it values most, shape (N, ...); of a box the best of those asked about.
    """

    taken: FloatArray
    others: FloatArray
    best: Array


def agreement(believed: Believed) -> float:
    """The share of other actions that are valued no more than what the agent did: 1 agrees, a half says nothing."""
    below = believed.taken[:, None] > believed.others
    return float(np.mean(below + 0.5 * (believed.taken[:, None] == believed.others)))


class Ordering(NamedTuple):
    """Its :func:`agreement` with what was done in each of the better episodes, and of the others."""

    good: FloatArray
    bad: FloatArray


def ordering(believed: Believed, lengths: Array, better: Array) -> Ordering:
    """How it orders the actions of known behaviour.

    Args:
        believed: what it says along all episodes, one after the other.
        lengths: steps of each episode, shape (m,).
        better: which are the better ones, shape (m,), bool; some are, and some are not.
    """
    ends = np.cumsum(lengths)
    stretches = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    shares = np.array([agreement(Believed(*(values[rows] for values in believed))) for rows in stretches])
    return Ordering(shares[better], shares[~better])


def ordering_concerns(found: Ordering) -> list[Finding]:
    """Whether it points away from the goal: what bad episodes do is clearly worth more to it than what good ones do."""
    if min(found.good.size, found.bad.size) < _CONTRAST or found.good.mean() >= 0.5:
        return []
    if not clearly_above(list(found.bad), list(found.good)):
        return []
    message = (
        "the prior on Q values the actions of good episodes less than those of bad ones: at least as much as "
        f"{found.good.mean():.0%} of the other actions, in bad episodes {found.bad.mean():.0%}"
    )
    return [Finding("RS510", "warning", message, "turn the order of its actions", source="audit")]


def state_agreement(believed: Believed, returns: FloatArray) -> float | None:
    """Whether states are in the order of what was earned from them: what it says of states, apart from actions.

    A prior with wrong actions may still know where it is good to be, and help by that alone.

    Args:
        returns: from each state on, shape (N,); NaN where that is not known.

    Returns:
        Kendall's tau of its mean over actions with them; None where one of both is the same everywhere.
    """
    values = np.concatenate([believed.taken[:, None], believed.others], axis=1).mean(axis=1)
    known = np.flatnonzero(~np.isnan(returns))
    if not len(known):
        return None
    some = known[np.unique(np.linspace(0, len(known) - 1, _MOST_STATES).astype(int))]
    return kendall_tau(values[some], returns[some])


def returns_from_there(episodes: Sequence[Episode], gamma: float) -> FloatArray:
    """The discounted native return from each state on, one episode after the other, shape (N,).

    NaN near a time limit, which cuts it off: there it would tell no more than how much time was left.
    """
    found = []
    for episode in episodes:
        returns = np.zeros(len(episode) + 1)
        for step in reversed(range(len(episode))):
            returns[step] = episode.native_rewards[step] + gamma * returns[step + 1]
        if episode.truncated and not episode.terminated:
            returns[:-1][gamma ** np.arange(len(episode), 0, -1) > _CUT] = np.nan
        found.append(returns[:-1])
    return np.concatenate(found)


def prior_rows(
    believed: Believed, episodes: Sequence[Episode], fields: Sequence[str], seen: Mapping[str, Any], gamma: float
) -> dict[str, Any]:
    """Values of ``shared/prior``, but for whose agent it was.

    Args:
        gamma: the learner's discount.
        fields: those that the program reads.
        seen: what programs may ask for, see :class:`rewardsmith.look.Preflight`.
    """
    gaps = believed.others.max(axis=1) - believed.taken
    lengths = np.array([len(episode) for episode in episodes])
    starts = np.cumsum(lengths) - lengths
    rows, columns = [], list[str]()
    for place in _worst(gaps):
        number = int(np.searchsorted(starts, place, side="right")) - 1
        step, episode = int(place - starts[number]), episodes[number]
        before = {name: float(values[step]) for name, values in numbers_of(episode, fields, seen, after=False).items()}
        columns = list(before)
        did, wanted = (_action(values) for values in (episode.actions[step], believed.best[place]))
        rows.append({"cells": [*before.values(), did, wanted], "gap": float(gaps[place])})
    states = state_agreement(believed, returns_from_there(episodes, gamma))
    return {"share": agreement(believed), "states": states, "steps": len(gaps), "columns": columns, "rows": rows}


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
