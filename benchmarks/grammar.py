"""How often, and how fast, the search without a model solves a task.

    python benchmarks/grammar.py [--task mountain-car-continuous] [--seeds 10] [--first 0] [-o FILE]

Claims: on mountain-car-continuous 9 of 10 search seeds end solved, where the native reward with the
same steps is not; each in under four minutes on two cores. A search seed is what ``rewardsmith demo
--seed N`` draws from; each run is
reported on five training seeds that the search never used. Solved: the mean of these reaches the
task's own threshold. Searches in FILE are kept, so that a measurement can be interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import rewardsmith as rs
from rewardsmith.errors import NoProgram


def searched(task: str, seed: int, runs: Path) -> dict[str, Any]:
    """One search: its results and its cost."""
    begun = time.perf_counter()
    solved = rs.load_task(task).spec.fitness.solved
    found: dict[str, Any] = {"seed": seed, "solved": False}
    try:
        run = rs.design(task, model="grammar", options={"seed": seed}, report_seeds=5, runs=runs)
    except NoProgram as error:
        return {**found, "failed": str(error)}
    best, state = run.best, run.state
    assert best.native is not None and solved is not None
    return {
        **found,
        "solved": best.score.mean >= solved,
        "native_solved": best.native.mean >= solved,
        "fitness": [best.score.mean, best.score.low, best.score.high],
        "native": [best.native.mean, best.native.low, best.native.high],
        "programs": len(state.programs),
        "rounds": 1 + max(slot.round for slot in state.slots),
        "trainings": len(state.trials),
        "steps": state.steps,
        "minutes": (time.perf_counter() - begun) / 60,
        "source": best.source,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="mountain-car-continuous")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first search seed")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    kept = given.output is not None and given.output.exists()
    found = json.loads(given.output.read_text(encoding="utf-8"))["searches"] if kept else []
    with tempfile.TemporaryDirectory() as runs:
        for seed in range(given.first, given.seeds):
            found.append(searched(given.task, seed, Path(runs)))
            row = {key: value for key, value in found[-1].items() if key != "source"}
            print(json.dumps(row), flush=True)
            if given.output:
                result = {
                    "task": given.task,
                    "cores": os.cpu_count(),
                    "load": os.getloadavg()[1],
                    "searches": found,
                }
                given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    solved = sum(each["solved"] for each in found)
    print(f"{given.task}: {solved} of {len(found)} search seeds end solved")


if __name__ == "__main__":
    main()
