"""The order of actions by a prior on Q, against recorded actions and a trained agent.

The evidence is a successful agent: its action in a state is probably better than most others. A
prior that values other actions more is wrong in that state, or knows more than the agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.episodes.bank import Bank
from rewardsmith.episodes.columns import joined_columns, shapes_in
from rewardsmith.episodes.preflight import Argument, Preflight
from rewardsmith.maths.agreement import kendall_tau
from rewardsmith.maths.preference import better_half
from rewardsmith.maths.statistics import clearly_above
from rewardsmith.program import CheckedProgram, EntryPoint
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.types import Array, Columns, Episode, Finding, FloatArray

_MOST_STATES = 500  # that are compared with each other
_CONTRAST = 3  # better and worse episodes, of each, that there must be
_CUT = 0.05  # what a time limit may have cut from a return, as a share of it


class PriorValues(NamedTuple):
    """The values of a prior along concatenated episodes with N steps.

    Attributes:
        taken: value of the agent's action, shape (N,).
        others: values of other actions in the same states, shape (N, m).
        best: the action with the highest value, shape (N, ...); of a box the best of the sampled.
    """

    taken: FloatArray
    others: FloatArray
    best: Array

    def on(self, rows: slice) -> PriorValues:
        """Those of some of the steps."""
        return PriorValues(self.taken[rows], self.others[rows], self.best[rows])


def agreement(believed: PriorValues) -> float:
    """The share of other actions valued no more than the agent's: 1 agrees, 0.5 is chance."""
    below = believed.taken[:, None] > believed.others
    return float(np.mean(below + 0.5 * (believed.taken[:, None] == believed.others)))


class Ordering(NamedTuple):
    """Its :func:`agreement` with each of the better episodes, and with each of the others."""

    good: FloatArray
    bad: FloatArray


def ordering(believed: PriorValues, lengths: Array, better: Array) -> Ordering:
    """How it orders the actions of recorded episodes.

    Args:
        believed: what it says along all episodes, one after the other.
        lengths: steps of each episode, shape (m,).
        better: which are the better ones, shape (m,), bool; some are, and some are not.
    """
    ends = np.cumsum(lengths)
    stretches = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    shares = np.array([agreement(believed.on(rows)) for rows in stretches])
    return Ordering(shares[better], shares[~better])


def ordering_concerns(found: Ordering) -> list[Finding]:
    """A finding if it values the actions of bad episodes clearly more than those of good ones."""
    if min(found.good.size, found.bad.size) < _CONTRAST or found.good.mean() >= 0.5:
        return []
    if not clearly_above(list(found.bad), list(found.good)):
        return []
    message = (
        "the prior on Q values the actions of good episodes less than those of bad "
        "ones: at least as much as "
        f"{found.good.mean():.0%} of the other actions, in bad episodes {found.bad.mean():.0%}"
    )
    return [Finding("RS510", "warning", message, "turn the order of its actions", source="audit")]


def state_agreement(believed: PriorValues, returns: FloatArray) -> float | None:
    """Rank agreement of its values of states with the returns from there.

    A prior with wrong actions may still know where it is good to be, and help by that alone.

    Args:
        returns: from each state on, shape (N,); NaN where that is not known.

    Returns:
        Kendall's tau of its mean over actions with them; None where one of both is the same
        everywhere.
    """
    values = np.concatenate([believed.taken[:, None], believed.others], axis=1).mean(axis=1)
    known = np.flatnonzero(~np.isnan(returns))
    if not len(known):
        return None
    some = known[np.unique(np.linspace(0, len(known) - 1, _MOST_STATES).astype(int))]
    return kendall_tau(values[some], returns[some])


def returns_from_there(episodes: Sequence[Episode], gamma: float) -> FloatArray:
    """The discounted native return from each state on, one episode after the other, shape (N,).

    NaN near a time limit, which cuts it off: there it would tell no more than how much time was
    left.
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


OTHERS = 8  # actions of a box that are asked about in each state


_AT_ONCE = 8192


def prior_ordering(program: CheckedProgram, bank: Bank, preflight: Preflight) -> Ordering | None:
    """How a program's prior orders the actions of a bank; None without a prior or without contrast.

    Raises:
        ProgramError: the program broke on it.
        BoundaryError: the sandbox failed.
    """
    better = better_half(bank.fitness, bank.successes)
    if "q_prior" not in program.verdict.entries or better is None:
        return None
    return ordering(prior_values(program, bank.episodes, preflight), bank.lengths, better)


def prior_values(
    program: CheckedProgram, episodes: list[Episode], preflight: Preflight
) -> PriorValues:
    """The values of a program's prior on Q along some episodes.

    Raises:
        ProgramError: the program broke on them.
        BoundaryError: the sandbox failed.
    """
    source, entry = program.source, program.verdict.entries["q_prior"]
    names = [*(name for name in entry.arguments if name != "action"), "action"]
    columns = joined_columns(episodes, names)
    if preflight.n_actions is not None:
        return _of_choices(source, entry, columns, preflight.n_actions)
    return _of_a_box(source, entry, columns, preflight.arguments["action"])


def _of_choices(
    source: str, entry: EntryPoint, columns: dict[str, Array], n_actions: int
) -> PriorValues:
    taken = columns["action"].astype(int).ravel()
    values = _asked(source, entry, columns).reshape(len(taken), n_actions)
    rows = np.arange(len(taken))
    other = np.arange(n_actions)[None, :] != taken[:, None]
    return PriorValues(
        values[rows, taken], values[other].reshape(len(taken), n_actions - 1), values.argmax(axis=1)
    )


def _of_a_box(
    source: str, entry: EntryPoint, columns: dict[str, Array], action: Argument
) -> PriorValues:
    """The agent's action, and others drawn uniformly from the range of the random policy."""
    done = columns["action"]
    shape = (len(done), OTHERS, *done.shape[1:])
    low, high = action.range
    drawn = np.random.default_rng(0).uniform(low, high, shape).astype(done.dtype)
    all_of = np.concatenate([done[:, None], drawn], axis=1)
    repeated = {name: np.repeat(values, 1 + OTHERS, axis=0) for name, values in columns.items()}
    repeated["action"] = all_of.reshape(-1, *done.shape[1:])
    values = _asked(source, entry, repeated).reshape(len(done), 1 + OTHERS)
    return PriorValues(
        values[:, 0], values[:, 1:], all_of[np.arange(len(done)), values.argmax(axis=1)]
    )


def _asked(source: str, entry: EntryPoint, columns: Columns) -> Array:
    with ProgramHost(source, entry, shapes_in(columns), capacity=_AT_ONCE) as host:
        return host({name: columns[name] for name in host.arguments}).total
