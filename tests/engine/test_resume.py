"""A run whose log ends after any of its events is resumed to the same end.

The log is cut, so that results may be on disk whose event was lost, as after a crash. Real crashes
are in test_crash.py.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from rewardsmith.api import runs as api
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.trials import TrialJob
from tests.support.closing_runs import OTHER, SOUND, replies, run_of, write_solved_task
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design, happened


def fitness(job: TrialJob) -> float:
    """Every other seed fails, so that leaders change."""
    return random.Random(f"{job.program}/{job.seed}").choice((0.1, 0.9))


def resumed_everywhere(run: api.Run, folder: Path) -> None:
    undisturbed, lines = happened(run), run.folder.path.joinpath("events.jsonl").read_bytes()
    events = lines.splitlines(keepends=True)
    for count in range(1, len(events)):
        copy = folder / f"{count}" / run.folder.name
        shutil.copytree(run.folder.path, copy)
        (copy / "events.jsonl").write_bytes(b"".join(events[:count]))
        again = api.Run(RunFolder(copy)).resume(executor=FakeExecutor(fitness=fitness))
        assert happened(again) == undisturbed, f"cut after {events[count - 1].decode()}"
        shutil.rmtree(copy)


def test_evolution(tmp_path: Path) -> None:
    options: dict[str, Any] = {"rounds": 1, "samples": 2, "repairs": 0, "seeds": 3}
    run = design(
        write_solved_task(tmp_path),
        tmp_path,
        replies=replies(SOUND, OTHER),
        strategy="evolve",
        options=options,
        executor=FakeExecutor(fitness=fitness),
        looks=1,
    )
    assert len(run.state.trials) > 8
    resumed_everywhere(run, tmp_path)


def test_deciding_who_leads(tmp_path: Path) -> None:
    task = write_solved_task(tmp_path)
    run = run_of(task, tmp_path, fitness, SOUND, OTHER, looks=1, deciding_trainings=8)
    assert len(run.state.trials) > 8
    resumed_everywhere(run, tmp_path)
