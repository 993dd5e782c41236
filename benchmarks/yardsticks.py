"""Training with each shipped task's hand-written reward, compared with the native reward.

    python benchmarks/yardsticks.py [TASK ...] [--seeds 3] [-o FILE]

Claim: with the task's training defaults, its hand-written reward (``expert.py``) teaches what the
task asks for; so a designed reward can. Named tasks are measured again, the others in FILE are
kept; those whose packages are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import rewardsmith as rs
from rewardsmith.task.environment import missing_modules
from rewardsmith.task.loading import Task, shipped_tasks


def measured(task: Task, seeds: int, runs: Path) -> dict[str, Any]:
    """Fitness of both rewards by training seed, and the wall time of all trainings."""
    begun = time.perf_counter()
    result = rs.train_program(
        Path(str(task.folder)) / "expert.py", task, seeds=seeds, native=True, runs=runs
    )
    spec = task.spec
    return {
        "solved_from": spec.fitness.solved,
        "random": spec.fitness.random,
        "scripted": spec.fitness.expert,
        "trained": f"{spec.training.steps:,} steps of {spec.training.algorithm}",
        "hand_written": list(result.fitness.values()),
        "native": list(result.native_fitness.values()),
        "minutes": (time.perf_counter() - begun) / 60,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    kept = given.output is not None and given.output.exists()
    found = json.loads(given.output.read_text(encoding="utf-8"))["tasks"] if kept else {}
    with tempfile.TemporaryDirectory() as runs:
        for name in given.tasks or shipped_tasks():
            task = rs.load_task(name)
            if missing_modules(task.spec.env):
                print(f"{name}: {task.spec.env.install}", flush=True)
                continue
            found[name] = row = measured(task, given.seeds, Path(runs))
            print(
                f"{name}: hand-written {mean(row['hand_written']):.3g}, native {mean(row['native']):.3g}, "
                f"solved from {row['solved_from']}, {row['minutes']:.1f} min",
                flush=True,
            )
            if given.output:
                content = {"cores": os.cpu_count(), "tasks": dict(sorted(found.items()))}
                given.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
