"""Does the fast trainer teach what Stable-Baselines3 teaches?

    python benchmarks/equivalence.py [TASK ...] [--seeds 15] [-o benchmarks/results/equivalence.json]

Claim: under the hand-written reward of a task, agents of both trainers reach the same fitness, and
reach it as early. Two measures per seed: the fitness at the end, and its mean along the training.
The margin was fixed before: half of the standard deviation between the seeds of
Stable-Baselines3, or 5 % of the range of fitness, whichever is larger. The trainers are called equal
if the 90 % interval of the difference of means (Welch) lies within the margin, different if it lies
wholly beyond it, and the result is inconclusive otherwise.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from scipy import stats

import rewardsmith as rs
from rewardsmith.run.curves import read_curve
from rewardsmith.run.trials import CURVE

TASKS = ("mountain-car-continuous", "pendulum", "acrobot")


def measured(name: str, trainer: str, seeds: int) -> dict[str, list[float]]:
    """Final fitness and mean fitness along the training, by seed."""
    task = rs.load_task(name).with_training({"trainer": trainer})
    with tempfile.TemporaryDirectory() as runs:
        result = rs.train_program(
            Path(str(task.folder)) / "expert.py", task, seeds=seeds, runs=runs
        )
        curves = [read_curve(path) for path in sorted(Path(runs).rglob(CURVE))]
    along = [mean([row.fitness for row in curve if row.fitness is not None]) for curve in curves]
    return {"final": list(result.fitness.values()), "along": along}


def compared(ours: Sequence[float], theirs: Sequence[float], span: float) -> dict[str, Any]:
    """The difference of means with its 90 % interval, the margin, and the conclusion."""
    margin = max(stdev(theirs) / 2, 0.05 * span)
    difference = mean(ours) - mean(theirs)
    parts = [stdev(values) ** 2 / len(values) for values in (ours, theirs)]
    error = math.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (ours, theirs), strict=True)
    )
    half = float(stats.t.ppf(0.95, freedom)) * error
    low, high = difference - half, difference + half
    if -margin < low and high < margin:
        verdict = "equal"
    else:
        verdict = "different" if low > margin or high < -margin else "inconclusive"
    return {
        "fast": mean(ours),
        "sb3": mean(theirs),
        "difference": difference,
        "interval": [low, high],
        "margin": margin,
        "verdict": verdict,
    }


def main() -> None:
    """Measure, print a table, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    rows: dict[str, Any] = {}
    for name in given.tasks:
        low, high = rs.load_task(name).spec.fitness.possible or (0.0, 1.0)
        found = {trainer: measured(name, trainer, given.seeds) for trainer in ("fast", "sb3")}
        rows[name] = {"by_seed": found}
        for measure in ("final", "along"):
            row = compared(found["fast"][measure], found["sb3"][measure], high - low)
            rows[name][measure] = row
            print(
                f"{name:24} {measure:6} fast {row['fast']:.4f} sb3 {row['sb3']:.4f} difference "
                f"[{row['interval'][0]:.4f}, {row['interval'][1]:.4f}] margin {row['margin']:.4f} "
                f"{row['verdict']}",
                flush=True,
            )
        if given.output:
            given.output.write_text(json.dumps({"seeds": given.seeds, **rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
