"""The corpora of programs, and tasks to judge them on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rewardsmith.program import Verdict
from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.sandbox.limits import Limits
from rewardsmith.types import Array
from tests.support.places import DATA

N = 300
QUICK = Limits(call_s=1.5, load_s=1.5, memory_mb=1024)
Shapes = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]


def task(
    fields: dict[str, tuple[tuple[int, ...], Any]], action: Array
) -> tuple[Shapes, dict[str, Array]]:
    """Shapes and transitions of a task with these fields: name -> (shape, range); a range may be "bool" or an int."""
    rng = np.random.default_rng(0)
    rows = {
        p + k: _draw(rng, s, r) for k, (s, r) in fields.items() for p in ("", "next_", "first_")
    }
    rows |= {"action": action, "prev_action": action, "terminated": rng.random(N) < 0.05}
    for prefix in ("", "next_"):
        rows[f"{prefix}obs"] = np.column_stack([rows[prefix + k] for k in fields])
    return {k: (v.shape[1:], v.dtype) for k, v in rows.items()}, rows


def _draw(rng: np.random.Generator, shape: tuple[int, ...], kind: Any) -> Array:
    if kind == "bool":
        return rng.random((N, *shape)) < 0.3
    if isinstance(kind, int):
        return rng.integers(0, kind, (N, *shape))
    return rng.uniform(-kind, kind, (N, *shape))


def _action(*shape: int) -> Array:
    return np.random.default_rng(1).uniform(-1, 1, (N, *shape))


_DRIVE: dict[str, Any] = {
    "position": ((), 1.2),
    "velocity": ((), 0.07),
    "wheel_speeds": ((3,), 1.0),
    "goal": ((2,), 1.0),
}
_ARM: dict[str, Any] = {
    "tip": ((3,), 1.0),
    "target": ((3,), 1.0),
    "joint_velocity": ((4,), 1.0),
    "gripper_open": ((), 1.0),
}
_GRID: dict[str, Any] = {
    "agent_x": ((), 8),
    "agent_y": ((), 8),
    "carrying_key": ((), "bool"),
    "door_open": ((), "bool"),
    "steps_left": ((), 100.0),
}
TASKS = {
    "drive": task(_DRIVE, _action(1)),
    "cartpole": task({"state": ((4,), 0.2)}, _action(1)),
    "arm": task(_ARM, _action(5)),
    "grid": task(_GRID, np.random.default_rng(1).integers(0, 6, N)),
}


def entries(name: str) -> list[dict[str, str]]:
    """A corpus: one program a line."""
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()]


def task_of(entry: dict[str, str]) -> str:
    """Which task a program is for."""
    return entry.get("task") or ("drive" if entry["style"] == "batched" else "cartpole")


def judge(entry: dict[str, str]) -> Verdict:
    """The verdict on a program of a corpus."""
    return check_on_transitions(
        entry["code"], *TASKS[task_of(entry)], hidden=("is_success",), limits=QUICK
    )
