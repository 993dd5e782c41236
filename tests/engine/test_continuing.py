"""What the engine leaves in the folder of a trial whose process died."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rewardsmith.errors import BoundaryError
from rewardsmith.run.training_state import STATE, write_state
from rewardsmith.run.trials import JOB, TrialJob
from rewardsmith.task.loading import load_task
from rewardsmith.types import TrainingState
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design
from tests.support.lineworld import write_task


@pytest.mark.parametrize("whose", ["its own", "another's"])
def test_only_the_state_of_the_same_training_is_kept(
    tmp_path: Path, executor: FakeExecutor, whose: str
) -> None:
    task = load_task(str(write_task(tmp_path / "line")))
    kept: list[bool] = []

    def trouble(name: str, job: TrialJob) -> None:
        if name != "train" or job.seed != 0 or len(kept) == 2:
            return
        (folder,) = (
            path.parent
            for path in tmp_path.rglob(JOB)
            if TrialJob.model_validate_json(path.read_text()) == job
        )
        kept.append((folder / STATE).exists())
        if len(kept) == 1:
            digest = job.digest(task.digest) if whose == "its own" else "0123456789abcdef"
            write_state(folder, digest, TrainingState({"weights": np.ones(2)}, {"steps": 100}))
            raise BoundaryError("the process was killed", where="trainer")

    executor.trouble = trouble
    run = design(str(tmp_path / "line"), tmp_path, executor=executor)
    assert kept == [False, whose == "its own"]
    assert {trial.status for trial in run.state.trials.values()} == {"finished"}
