"""Films of the policies of a run: of several training seeds of the best program, and of native."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rewardsmith.engine.workers.executor import Executor, trial_call
from rewardsmith.errors import RewardsmithError
from rewardsmith.run.best import filmed_trials
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState


def film_policies(run: RunFolder, state: RunState, program: str, executor: Executor) -> list[str]:
    """Film an evaluation episode of each; a film lies in its trial's folder.

    Returns:
        Why there is none, for each that could not be made: many environments cannot draw
            themselves.
    """
    trials = filmed_trials(state, program).values()
    return film_trials(run, [run.trial(trial).path for trial in trials], executor)


def film_trials(run: RunFolder, folders: Sequence[Path], executor: Executor) -> list[str]:
    """Film the first evaluation episode of each trial.

    Returns:
        Why there is none, for each that could not be made.
    """
    calls = [executor.submit(trial_call(run, "film", [folder], "film.log")) for folder in folders]
    missing = []
    for call in calls:
        try:
            call.result()
        except RewardsmithError as error:
            missing.append(error.message)
    return missing
