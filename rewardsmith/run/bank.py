"""The bank of a run, gathered from what its look at the environment and its trials left behind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rewardsmith.episodes.bank import CAPACITY, Bank, Trajectory, measured
from rewardsmith.episodes.files import ALONG, EPISODES, load_episodes
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState, TrialKey, TrialState
from rewardsmith.task.fitness import FitnessFunction, fitness_function

UNTAUGHT = ("random", "held")  # what the look at the environment recorded


class RunBank:
    """Gathers banks of one run; each is a function of the finished trials that it is made of.

    Args:
        capacity: trajectories of a bank at most.
    """

    def __init__(self, run: RunFolder, capacity: int = CAPACITY) -> None:
        self._run = run
        self._capacity = capacity
        self._fitness = fitness_function(run.task())
        self._last: tuple[tuple[TrialKey, ...], Bank] | None = None

    def before(self, state: RunState, round_number: int | None = None) -> Bank:
        """What was known when a round began, so that it does not matter which of its programs was trained first.

        Args:
            round_number: None for all that is known now.
        """
        trials = known_before(state, round_number)
        if self._last is None or self._last[0] != trials:
            self._last = trials, Bank(self._trajectories(trials), self._capacity)
        return self._last[1]

    def _trajectories(self, trials: Iterable[TrialKey]) -> list[Trajectory]:
        given = self._run.given_bank()
        found = list(given.trajectories) if given is not None else []
        for origin in UNTAUGHT:
            found += measured(self._run.recorded(origin), self._fitness, origin)
        for program, seed, rung in trials:
            folder = self._run.trial_folder(program, rung, seed)
            for name in (ALONG, EPISODES):
                found += _read(folder / name, self._fitness, program)
        return found


def known_before(state: RunState, round_number: int | None = None) -> tuple[TrialKey, ...]:
    """The trials that a bank is made of, see :meth:`RunBank.before`, in its order."""
    trials = [trial for trial in state.trials.values() if _counts(trial, state, round_number)]
    ordered = sorted(trials, key=lambda trial: (state.programs[trial.program], trial.seed))
    return tuple((trial.program, trial.seed, trial.rung) for trial in ordered)


def _counts(trial: TrialState, state: RunState, round_number: int | None) -> bool:
    if (
        trial.rung != "selection"
        or trial.status != "finished"
        or trial.program not in state.programs
    ):
        return False
    return round_number is None or state.programs[trial.program].round < round_number


def _read(path: Path, fitness: FitnessFunction, origin: str) -> list[Trajectory]:
    return measured(load_episodes(path), fitness, origin) if path.exists() else []
