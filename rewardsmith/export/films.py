"""Moving pictures of the two policies that a run ends with: the best program's, and the native reward's."""

from __future__ import annotations

from pathlib import Path

from rewardsmith.errors import RewardsmithError
from rewardsmith.executor.local import Executor
from rewardsmith.export.bundle import shipped_trial
from rewardsmith.program import NATIVE
from rewardsmith.state import RunState, TrialState
from rewardsmith.store import RunFolder
from rewardsmith.train.jobs import FILM


def film_policies(run: RunFolder, state: RunState, program: str, executor: Executor) -> list[str]:
    """Film an evaluation episode of each; a film lies in its trial's folder.

    Returns:
        Why there is none, for each that could not be made: many environments cannot draw themselves.
    """
    trials = [trial for each in (program, NATIVE) if (trial := shown_trial(state, each)) is not None]
    folders = [run.trial_folder(trial.program, trial.rung, trial.seed) for trial in trials]
    calls = [executor.submit("film", {"folder": str(folder)}, folder / "film.log") for folder in folders]
    missing = []
    for call in calls:
        try:
            call.result()
        except RewardsmithError as error:
            missing.append(error.message)
    return missing


def shown_trial(state: RunState, program: str) -> TrialState | None:
    """The trial whose policy stands for a program: the shipped one; of the native reward the first of the report."""
    if program != NATIVE:
        return shipped_trial(state, program)
    return next((trial for trial in state.trials_of(NATIVE, "report") if trial.status == "finished"), None)


def film_of(run: RunFolder, trial: TrialState) -> Path | None:
    """The film of a trial, if there is one."""
    path = run.trial_folder(trial.program, trial.rung, trial.seed) / FILM
    return path if path.exists() else None
