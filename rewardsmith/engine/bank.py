"""The bank of a run, gathered from what its look at the environment and its trials left behind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rewardsmith.bank import CAPACITY, Bank, Trajectory, load_bank, measured
from rewardsmith.episodes import ALONG, EPISODES, load_episodes
from rewardsmith.state import RunState, TrialState
from rewardsmith.store import GIVEN, RunFolder
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
        self._last: tuple[frozenset[tuple[str, int]], Bank] | None = None

    def before(self, state: RunState, round_number: int | None = None) -> Bank:
        """What was known when a round began, so that it does not matter which of its programs was trained first.

        Args:
            round_number: None for all that is known now.
        """
        trials = [trial for trial in state.trials.values() if _counts(trial, state, round_number)]
        key = frozenset((trial.program, trial.seed) for trial in trials)
        if self._last is None or self._last[0] != key:
            ordered = sorted(trials, key=lambda trial: (state.programs[trial.program], trial.seed))
            self._last = key, Bank(self._trajectories(ordered), self._capacity)
        return self._last[1]

    def _trajectories(self, trials: Iterable[TrialState]) -> list[Trajectory]:
        given = self._run.bank / GIVEN
        found = list(load_bank(given).trajectories) if given.exists() else []
        for origin in UNTAUGHT:
            found += _read(self._run.bank / f"{origin}.npz", self._fitness, origin)
        for trial in trials:
            folder = self._run.trial_folder(trial.program, trial.rung, trial.seed)
            for name in (ALONG, EPISODES):
                found += _read(folder / name, self._fitness, trial.program)
        return found


def _counts(trial: TrialState, state: RunState, round_number: int | None) -> bool:
    if trial.rung != "selection" or trial.status != "finished" or trial.program not in state.programs:
        return False
    return round_number is None or state.programs[trial.program].round < round_number


def _read(path: Path, fitness: FitnessFunction, origin: str) -> list[Trajectory]:
    return measured(load_episodes(path), fitness, origin) if path.exists() else []
