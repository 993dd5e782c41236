"""The export of a run, imported as a user would."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from rewardsmith.api import runs as api
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task
from tests.support.line_runs import recorded


def exported(task: Task, source: str, tmp_path: Path) -> Any:
    """An environment of the task in the exported wrapper."""
    module = imported(exporting(task, source, tmp_path))
    wrapped = module.RewardWrapper(make_env(task))
    return module.ShowSubgoals(wrapped) if hasattr(module, "ShowSubgoals") else wrapped


def exporting(task: Task, source: str, tmp_path: Path) -> Path:
    """The exported file of a run with this program."""
    replies = recorded([{"round": 0, "sample": 0, "text": f"```python\n{source}```"}])
    run = api.design(
        task, replies=replies, options={"rounds": 1, "samples": 1, "seeds": 1}, report_seeds=0, steps=256,
        runs=tmp_path / "runs",
    )  # fmt: skip
    return run.export(tmp_path / "out") / "reward.py"


def imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
