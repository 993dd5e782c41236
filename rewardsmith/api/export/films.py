"""Films of two policies of a run: that of the best program and that of the native reward."""

from __future__ import annotations

from rewardsmith.engine.workers.executor import Executor, trial_call
from rewardsmith.errors import RewardsmithError
from rewardsmith.program import NATIVE
from rewardsmith.run.best import shown_trial
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState


def film_policies(run: RunFolder, state: RunState, program: str, executor: Executor) -> list[str]:
    """Film an evaluation episode of each; a film lies in its trial's folder.

    Returns:
        Why there is none, for each that could not be made: many environments cannot draw
            themselves.
    """
    trials = [
        trial for each in (program, NATIVE) if (trial := shown_trial(state, each)) is not None
    ]
    folders = [run.trial_folder(trial.program, trial.rung, trial.seed) for trial in trials]
    calls = [executor.submit(trial_call(run, "film", [folder], "film.log")) for folder in folders]
    missing = []
    for call in calls:
        try:
            call.result()
        except RewardsmithError as error:
            missing.append(error.message)
    return missing
