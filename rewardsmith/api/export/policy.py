"""The policy of a trial as Stable-Baselines3 saves it."""

from __future__ import annotations

import shutil
from pathlib import Path

from rewardsmith.engine.workers.executor import Executor, trial_call
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.trials import NORMALISATION, POLICY


def export_policy(
    run: RunFolder, trial: TrialState, target: Path, executor: Executor, prefix: str = ""
) -> None:
    """Write ``policy.zip`` and, where anything is normalised, ``vecnormalize.pkl`` into a folder.

    Args:
        prefix: of both names.

    Raises:
        BoundaryError: the policy cannot be built.
        OSError: the folder cannot be written.
    """
    folder = run.trial_folder(trial.program, trial.rung, trial.seed)
    executor.submit(trial_call(run, "export_policy", [folder], "export.log")).result()
    for name in (POLICY, NORMALISATION):
        if (folder / name).exists():
            shutil.move(folder / name, target / f"{prefix}{name}")
