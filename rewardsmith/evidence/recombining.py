"""The EPIC distance of two programs, on recombined transitions that no episode visited.

Each of some real transitions is kept as it was, and given the actions and following states of
others: from its own state and from the one after it. Whether such a step would end an episode is
not known, so no recombined step ends one, and real steps that did are left out: STARC compares the
rewards of endings. A program may break on a transition that cannot happen; that is no fault of the
program, so there is no distance then, but a reason.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.rewards import columns_read, hosted
from rewardsmith.maths.distances import Recombined, sampled_epic
from rewardsmith.program import CheckedProgram
from rewardsmith.types import Array, Columns

_TRANSITIONS = 256  # that are real
_DRAWS = 24  # actions and following states that each is given


def epic_apart(
    one: CheckedProgram, other: CheckedProgram, bank: Bank, gamma: float
) -> tuple[float | None, str]:
    """The EPIC distance of two programs; or None, and why there is none.

    Raises:
        BoundaryError: the sandbox failed.
    """
    if not all("reward" in each.verdict.entries for each in (one, other)):
        return (
            None,
            "one writes no reward, and the native one cannot be asked about "
            "transitions that never happened",
        )
    rows = np.flatnonzero(~bank.columns(["terminated"])["terminated"])
    if not len(rows):
        return None, "every known step ended an episode"
    rng = np.random.default_rng(0)
    kept = np.sort(rng.permutation(rows)[:_TRANSITIONS])
    drawn = rng.permutation(int(bank.lengths.sum()))[:_DRAWS]
    try:
        rewards = [_recombined(each, bank, kept, drawn, gamma) for each in (one, other)]
    except ProgramError as error:
        return None, f"one breaks on transitions that never happened: {error.message}"
    if not all(np.isfinite(values).all() for each in rewards for values in each):
        return None, "one reward is not a number on transitions that never happened"
    return sampled_epic(rewards[0], rewards[1], gamma), ""


def _recombined(
    program: CheckedProgram, bank: Bank, kept: Array, drawn: Array, gamma: float
) -> Recombined:
    """The rewards of a program for them."""
    with hosted(program, bank.columns(columns_read(program.verdict)), gamma) as running:
        columns = recombined_columns(bank, running.arguments, kept, drawn)
        total = running(columns).total
    n, m = len(kept), len(drawn)
    return Recombined(
        total[:n], total[n : n + n * m].reshape(n, m), total[n + n * m :].reshape(n, m)
    )


def recombined_columns(
    bank: Bank, arguments: tuple[str, ...], kept: Array, drawn: Array
) -> Columns:
    """The kept transitions, then each recombined from its state, then each from its next state.

    Args:
        kept, drawn: rows of the bank's columns, shapes (n,) and (m,).

    Returns:
        argument -> (n + 2 n m, ...).
    """
    first, second = np.repeat(kept, len(drawn)), np.tile(drawn, len(kept))
    columns = {}
    for name in arguments:
        if name == "terminated":
            columns[name] = np.zeros(len(kept) + 2 * len(first), bool)
            continue
        values = bank.columns([name])[name]
        if name == "action" or name.startswith("next_"):
            parts = values[kept], values[second], values[second]
        elif name.startswith("first_"):
            parts = values[kept], values[first], values[first]
        else:  # a state, and the one after it
            after = bank.columns(["action" if name == "prev_action" else f"next_{name}"])
            parts = values[kept], values[first], next(iter(after.values()))[first]
        columns[name] = np.concatenate(parts)
    return columns
