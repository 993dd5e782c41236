"""Where a prior on Q disagrees with what an agent learned: told to its writer, who believed otherwise.

An agent that did well is the evidence: what it does in a state is better than most of what else it could do there. A
prior that values other actions more is wrong in that state, or knows more than the agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.feedback.moments import numbers_of
from rewardsmith.types import Array, Episode, FloatArray

MOST_ROWS = 4
_APART = 10  # steps between two rows: one place, told once


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


def prior_rows(
    believed: Believed, episodes: Sequence[Episode], fields: Sequence[str], seen: Mapping[str, Any]
) -> dict[str, Any]:
    """Values of ``shared/prior``, but for whose agent it was.

    Args:
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
    return {"share": agreement(believed), "steps": len(gaps), "columns": columns, "rows": rows}


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
