"""A change of what measures fitness ends a run, and names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.errors import RunError
from rewardsmith.run.trials import TrialJob
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design, the_run
from tests.support.lineworld import write_task


@pytest.mark.parametrize("name", ["fitness.py", "env.py", "extra.py"])
def test_a_task_that_is_changed_during_a_training_ends_the_run(name: str, tmp_path: Path) -> None:
    def tamper(call: str, job: TrialJob) -> None:
        if call == "evaluate" and job.seed == 0:
            file = the_run(tmp_path).folder.task_folder / name
            file.write_text((file.read_text() if file.exists() else "") + "# changed\n")

    task = str(write_task(tmp_path / "line"))
    with pytest.raises(RunError, match=rf"{name} was changed while the run was under way"):
        design(task, tmp_path, executor=FakeExecutor(trouble=tamper))
    assert not the_run(tmp_path).state.trials


def test_a_run_without_changes_ends(tmp_path: Path) -> None:
    run = design(str(write_task(tmp_path / "line")), tmp_path)
    assert run.state.stopped is not None
