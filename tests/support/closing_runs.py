"""Runs on the line world with a level at which it is solved, and programs with and without an exploit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rewardsmith.api import runs as api
from rewardsmith.run.trials import TrialJob
from tests.support.crash_driver import HEAD
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design, recorded
from tests.support.lineworld import write_task

ALIVE = HEAD + "(position, next_position):\n    return {'alive': 1.0 + 0.1 * position}\n```"
SOUND = HEAD + "(next_position):\n    return {'goal': 20.0 * (next_position >= 1.0)}\n```"
OTHER = HEAD + "(position, next_position):\n    return {'goal': 30.0 * (next_position >= 1.0)}\n```"
ONE_ROUND = {"rounds": 1, "samples": 2, "repairs": 0, "seeds": 1}


def write_solved_task(folder: Path) -> str:
    """The line world, solved from a fitness of 0.5."""
    written = write_task(folder / "line")
    spec = (written / "task.toml").read_text()
    source = 'source = "fitness.py:fitness"'
    (written / "task.toml").write_text(spec.replace(source, f"{source}\nsolved = 0.5"))
    return str(written)


def replies(*texts: str) -> Any:
    return recorded(
        [{"round": 0, "sample": n, "attempt": 0, "text": t} for n, t in enumerate(texts)]
    )


def run_of(
    task: str, tmp_path: Path, fitness: Callable[[TrialJob], float], *texts: str, **settings: Any
) -> api.Run:
    """A run of one round whose programs are these texts."""
    executor = FakeExecutor(fitness=fitness)
    given = {"options": ONE_ROUND, "executor": executor, **settings}
    return design(task, tmp_path, replies=replies(*texts), **given)


def text_in(job: TrialJob, word: str) -> bool:
    return word in job.reward[0].model_dump_json()
