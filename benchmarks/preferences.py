"""Rewards learned from 200 answers of a judge that errs in a tenth of them.

For each task, searches with different seeds: four rounds of 50 answers, a fit to all answers so far
after each, and one training under it. The best learned reward is then trained on fresh seeds, beside
the environment's own reward with the same steps. With --deciding 12, the default of a run, up to
twelve further trainings decide which reward is the best; with 0, one training of each does.

    python benchmarks/preferences.py --searches 5 --deciding 12 -o benchmarks/results/preferences.json

The judges are scripts. On pendulum and lunar-lander they compare clips of 50 steps by the sum of
the environment's own rewards, as published experiments do; on mountain-car-continuous whole
episodes by the task's fitness, because the own reward there says nothing until the flag is reached.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import rewardsmith as rs
from rewardsmith.maths.statistics import share_interval
from rewardsmith.program import NATIVE

TASKS: dict[str, dict[str, Any]] = {
    "pendulum": {"judge": "native", "segment": 50},
    "mountain-car-continuous": {"judge": "fitness"},
    "lunar-lander": {"judge": "native", "segment": 50},
}
ASKED = {"rounds": 4, "pairs": 50, "flips": 0.1, "seeds": 1}


def search(task: str, seed: int, deciding: int, report_seeds: int, runs: Path) -> dict[str, Any]:
    """One search: what its rewards came to, and the fitness of its report seeds."""
    begun = time.monotonic()
    run = rs.design(
        task,
        strategy="preference",
        options={**TASKS[task], **ASKED, "seed": seed},
        report_seeds=report_seeds,
        looks=1,
        exploit_search=False,
        deciding_trainings=deciding,
        extra_rounds=0,
        runs=runs,
    )
    state = run.state
    learned = [program for _, program in sorted(state.learned.items())]
    return {
        "task": task,
        "seed": seed,
        "deciding": deciding,
        "answers": sum(state.compared.values()),
        "selection": [
            state.fitness(one)[0] if one and state.fitness(one) else None for one in learned
        ],
        "report": state.fitness(run.best.id, "report"),
        "native": state.fitness(NATIVE, "report"),
        "steps": state.steps,
        "minutes": round((time.monotonic() - begun) / 60, 2),
    }


def summary(rows: list[dict[str, Any]], solved_from: float) -> dict[str, Any]:
    """How many report seeds solve the task, under the learned and under the own reward."""
    found = {}
    for name in ("report", "native"):
        values = [value for row in rows for value in row[name]]
        count = sum(value >= solved_from for value in values)
        low, high = share_interval(count, len(values))
        found[name] = {
            "solved": count,
            "of": len(values),
            "low": round(low, 3),
            "high": round(high, 3),
        }
    return found


def main() -> None:
    """Run the searches that the file of results does not have yet."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--searches", type=int, default=5)
    arguments.add_argument("--report-seeds", type=int, default=2)
    arguments.add_argument("--deciding", type=int, default=12, help="trainings that decide")
    arguments.add_argument("--tasks", default=",".join(TASKS))
    arguments.add_argument("--runs", type=Path, default=Path("runs"))
    arguments.add_argument("-o", "--output", type=Path, required=True)
    given = arguments.parse_args()
    known = json.loads(given.output.read_text())["searches"] if given.output.exists() else []
    for seed in range(given.searches):
        for task in given.tasks.split(","):
            place = (task, seed, given.deciding)
            if any((row["task"], row["seed"], row["deciding"]) == place for row in known):
                continue
            known.append(search(*place, given.report_seeds, given.runs))
            print(known[-1], flush=True)
            write(given.output, known)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """The searches, and a summary of each task."""
    summaries: dict[str, Any] = {}
    for task, deciding in dict.fromkeys((row["task"], row["deciding"]) for row in rows):
        solved_from = rs.load_task(task).spec.fitness.solved or 0.0
        same = [row for row in rows if (row["task"], row["deciding"]) == (task, deciding)]
        name = f"{task}, {deciding} deciding trainings"
        summaries[name] = {"searches": len(same), **summary(same, solved_from)}
    content = {"asked": {**ASKED, "judges": TASKS}, "summary": summaries, "searches": rows}
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
