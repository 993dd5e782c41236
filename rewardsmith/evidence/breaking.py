"""Where a program fails on recorded episodes: how often, in which step, and on which inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.episodes.bank import Bank
from rewardsmith.episodes.columns import episode_columns
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.rewards import BankRewards, columns_read, hosted
from rewardsmith.program import CheckedProgram
from rewardsmith.sandbox.client.program import HostedProgram
from rewardsmith.types import Array, Columns

_MOST_NUMBERS = 12


def step_of(bank: Bank, place: int, step: int, arguments: Sequence[str]) -> str:
    """A step of a trajectory in words.

    Args:
        place, step: counted from 0.
        arguments: what the program asks for.
    """
    one = bank.trajectories[place]
    outcome = "" if one.success is None else ", solved" if one.success else ", not solved"
    columns = episode_columns(one.episode, [name for name in arguments if not name.startswith("_")])
    given = ", ".join(f"{name} = {_shown(values[step])}" for name, values in columns.items())
    where = f"in step {step + 1} of {len(one.episode)} of an episode ({one.whose}{outcome})"
    return f"{where}, where {given}" if given else where


def describe_non_finite(rewards: BankRewards) -> str:
    """Describe the first reward that is not a finite number; empty if there is none."""
    bad = ~np.isfinite(rewards.output.total)
    bad |= np.any(
        [~np.isfinite(values) for values in rewards.terms.values()] or [np.zeros_like(bad)], axis=0
    )
    if not bad.any():
        return ""
    whose = np.repeat(np.arange(len(rewards.bank)), rewards.bank.lengths)
    at = int(np.argmax(bad))
    place = int(whose[at])
    step = at - int(rewards.bank.lengths[:place].sum())
    term = next(
        (f"term {name!r}" for name, values in rewards.terms.items() if not np.isfinite(values[at])),
        "the reward",
    )
    value = next(
        (values[at] for values in rewards.terms.values() if not np.isfinite(values[at])),
        rewards.output.total[at],
    )
    first = step_of(rewards.bank, place, step, rewards.arguments)
    often = f"{len(np.unique(whose[bad]))} of {len(rewards.bank)} episodes"
    return f"its reward is not a number in {often}: {term} is {value:g} {first}"


def _shown(value: Array) -> str:
    numbers = np.asarray(value, np.float64).ravel()
    text = ", ".join(f"{number:.3g}" for number in numbers[:_MOST_NUMBERS])
    return (
        text
        if np.ndim(value) == 0
        else f"[{text}{', ...' if len(numbers) > _MOST_NUMBERS else ''}]"
    )


def describe_failure(error: ProgramError, program: CheckedProgram, bank: Bank, gamma: float) -> str:
    """Describe how a program fails on a bank, with the step if one step causes it.

    Raises:
        BoundaryError: the sandbox failed.
    """
    said = f"{error.message} (line {error.line})" if error.line else error.message
    said = f"{said} — {error.hint}" if error.hint else said
    if error.reason not in ("exception", "output"):
        return said
    try:
        with hosted(program, bank.columns(columns_read(program.verdict)), gamma) as running:
            for place, episode in enumerate(bank.episodes):
                columns = episode_columns(episode, running.arguments)
                if _breaks(running, columns, len(episode)):
                    step = _first_breaking(running, columns, len(episode))
                    return f"{said}, {step_of(bank, place, step, running.arguments)}"
    except ProgramError:
        pass  # the module itself fails
    return said


def _first_breaking(program: HostedProgram, columns: Columns, steps: int) -> int:
    """A step up to which a program breaks, and before which it does not."""
    fine, breaks = 0, steps
    while breaks - fine > 1:
        middle = (fine + breaks) // 2
        fine, breaks = (fine, middle) if _breaks(program, columns, middle) else (middle, breaks)
    return breaks - 1


def _breaks(program: HostedProgram, columns: Columns, steps: int) -> bool:
    try:
        program({name: values[:steps] for name, values in columns.items()})
    except ProgramError:
        return True
    return False
