"""The policy of a trial as Stable-Baselines3 saves it."""

from __future__ import annotations

import shutil
from pathlib import Path

from rewardsmith.engine.workers.executor import Executor, trial_call
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.trials import NORMALISATION, ONNX, POLICY


def export_policy(
    run: RunFolder,
    trial: TrialState,
    target: Path,
    executor: Executor,
    prefix: str = "",
    onnx: bool = False,
) -> list[str]:
    """Write ``policy.zip`` and, where anything is normalised, ``vecnormalize.pkl`` into a folder.

    Args:
        prefix: of the names.
        onnx: write ``policy.onnx`` too.

    Returns:
        The names of the files.

    Raises:
        BoundaryError: the policy cannot be built.
        OSError: the folder cannot be written.
    """
    folder = run.trial_folder(trial.program, trial.rung, trial.seed)
    for call in ("export_policy", "export_onnx") if onnx else ("export_policy",):
        executor.submit(trial_call(run, call, [folder], "export.log")).result()
    written = [name for name in (POLICY, NORMALISATION, ONNX) if (folder / name).exists()]
    for name in written:
        shutil.move(folder / name, target / f"{prefix}{name}")
    return [f"{prefix}{name}" for name in written]
