"""Runs on the line world whose trainings take no time, and what they recorded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rewardsmith.api import runs as api
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.names import list_runs
from rewardsmith.task.resolving import AnyTask
from rewardsmith.writers.recorded import RecordedReplies
from tests.support.crash_driver import OPTIONS, TAPE
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM

REPLIES = [
    {"round": r, "sample": s, "attempt": a, "text": text} for (r, s, a), text in TAPE.items()
]


def recorded(replies: list[dict[str, Any]] = REPLIES) -> RecordedReplies:
    return RecordedReplies.model_validate({"model": "hand", "replies": replies})


def design(task: AnyTask, tmp_path: Path, **settings: Any) -> api.Run:
    given: dict[str, Any] = {
        "replies": recorded(),
        "options": OPTIONS,
        "report_seeds": 2,
        "exploit_search": False,
        "deciding_trainings": 0,
        "runs": tmp_path / "runs",
        "executor": FakeExecutor(),
    }
    return api.design(task, **{**given, **settings})


def asked_of(fake: FakeLLM, task: str, tmp_path: Path, **settings: Any) -> api.Run:
    return design(
        task, tmp_path, model="openai/fake", base_url=fake.url + "/v1", replies=None, **settings
    )


def copied(run: api.Run, tmp_path: Path) -> api.Run:
    """A copy of a run, for a test that changes it."""
    return api.Run(RunFolder(shutil.copytree(run.path, tmp_path / run.path.name)))


def the_run(tmp_path: Path) -> api.Run:
    (folder,) = list_runs(tmp_path / "runs")
    return api.Run(folder)


def happened(run: api.Run) -> dict[str, Any]:
    """The results of a run, without times and order."""
    state = run.state
    return {
        "slots": {
            slot: (s.request, s.occurrence, s.program, s.findings)
            for slot, s in state.slots.items()
        },
        "trials": {
            key: (t.status, t.fitness, t.own_return, t.steps) for key, t in state.trials.items()
        },
        "programs": {
            name: (slot, run.folder.program(name).source) for name, slot in state.programs.items()
        },
        "ranked": state.ranked(),
        "lineage": {p.parent.name: p.read_text() for p in run.path.glob("programs/*/lineage.json")},
    }


def kinds(run: api.Run) -> list[str]:
    return [event.kind for event in run.folder.events()]
