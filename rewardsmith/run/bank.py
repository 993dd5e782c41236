"""The bank of a run: the episodes that its preflight and its finished trials recorded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from rewardsmith.episodes.bank import CAPACITY, Bank, Trajectory, measured
from rewardsmith.episodes.files import ALONG, EPISODES, load_episodes
from rewardsmith.program import NATIVE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import SEARCH_RUNGS
from rewardsmith.run.outcomes import TrialKey, TrialState
from rewardsmith.run.state import RunState
from rewardsmith.task.fitness import FitnessFunction, fitness_function
from rewardsmith.types import Slot

RANDOM_POLICIES = ("random", "held")  # policies whose episodes the preflight recorded
SCRIPTED = "scripted"  # origin of episodes of scripted actions
SCRIPTS: TrialKey = (SCRIPTED, 0, "exploit")  # stands for them among the trials of a bank
# Banks kept at once: of the screening, the audits and the feedback of one round.
_BANKS = 4


class RunBank:
    """The recorded episodes of one run, with their fitness, kept in memory.

    Each episode is read and measured once. A bank is a function of the finished trials that it is
    made of: the order in which they were added has no effect.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._fitness = fitness_function(run.task())
        self._trials: dict[TrialKey, list[Trajectory]] = {}
        self._banks: dict[tuple[tuple[TrialKey, ...], int], Bank] = {}

    def add(self, trial: TrialKey) -> None:
        """Read the episodes of a finished trial, unless they are in memory already."""
        if trial not in self._trials:
            self._trials[trial] = self._read(trial)

    def _read(self, trial: TrialKey) -> list[Trajectory]:
        if trial == SCRIPTS:
            return measured(self._run.recorded(SCRIPTED), self._fitness, SCRIPTED)
        program, seed, rung = trial
        folder = self._run.trial_folder(program, rung, seed)
        origin = "exploiter" if rung == "exploit" else program
        along = _read(folder / ALONG, self._fitness, origin)
        return along + _read(folder / EPISODES, self._fitness, origin)

    def before(
        self, state: RunState, round_number: int | None = None, capacity: int = CAPACITY
    ) -> Bank:
        """The episodes recorded before a round, so that the order of its trainings has no effect.

        Args:
            round_number: None for all episodes up to now.
            capacity: limit on the trajectories.
        """
        trials = known_before(state, round_number)
        if (trials, capacity) not in self._banks:
            while len(self._banks) >= _BANKS:
                del self._banks[next(iter(self._banks))]
            self._banks[trials, capacity] = Bank(self._trajectories(trials), capacity)
        return self._banks[trials, capacity]

    def _trajectories(self, trials: Iterable[TrialKey]) -> list[Trajectory]:
        found = list(self._initial)
        for trial in trials:
            self.add(trial)
            found += self._trials[trial]
        return found

    @cached_property
    def _initial(self) -> list[Trajectory]:
        """The episodes that the user gave, then those of the preflight."""
        given = self._run.given_bank()
        found = list(given.trajectories) if given is not None else []
        for origin in RANDOM_POLICIES:
            found += measured(self._run.recorded(origin), self._fitness, origin)
        return found


def known_before(state: RunState, round_number: int | None = None) -> tuple[TrialKey, ...]:
    """The trials of a bank, see :meth:`RunBank.before`, in its order; first the scripts."""
    trials = [trial for trial in state.trials.values() if _counts(trial, state, round_number)]
    ordered = sorted(trials, key=lambda t: (_place(t.program, state), t.seed, t.rung))
    keys = tuple((trial.program, trial.seed, trial.rung) for trial in ordered)
    return (SCRIPTS, *keys) if state.scripted and _after_closing(state, round_number) else keys


def _counts(trial: TrialState, state: RunState, round_number: int | None) -> bool:
    if trial.status != "finished":
        return False
    if trial.program not in state.programs:  # the native reward, which belongs to no round
        return trial.program == NATIVE and round_number is None
    if trial.rung not in SEARCH_RUNGS and not _after_closing(state, round_number):
        return False
    return round_number is None or state.programs[trial.program].round < round_number


def _place(program: str, state: RunState) -> Slot:
    """Where a program came from; the native reward comes first."""
    return state.programs.get(program, Slot(-1, 0))


def _after_closing(state: RunState, round_number: int | None) -> bool:
    """Whether a round knows the exploit searches and reports that ended the search before."""
    first = state.closed_before
    return round_number is None or (first is not None and round_number >= first)


def _read(path: Path, fitness: FitnessFunction, origin: str) -> list[Trajectory]:
    return measured(load_episodes(path), fitness, origin) if path.exists() else []
