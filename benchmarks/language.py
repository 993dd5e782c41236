"""Whether subgoals from language lead to the goal sooner than the goal's own reward: CALM and EAGER against sparse PPO.

    python benchmarks/language.py [--seeds 15] [--workers 2] [--tasks NAME ...] [--methods NAME ...] -o FILE

Three MiniGrid tasks with a reward at the goal alone. Settings are those of the tasks, which were tuned with a
hand-written reward; on put-next nothing was tuned with a view to language. Paired by training seed:

    sparse   the environment's own reward
    eager    questions about the mission, composed without a model, neutralised (strategy eager)
    calm     subgoals that a language model wrote from the request alone (programs/, see there), as a potential, which
             is the default of the strategy calm
    calm, neutralised    the same, paid once and taken back by a success

Solved: the first point of the training curve at which agents succeed in 90 % of the training episodes since the last.
Runs that never get there count as the cap. Told: median steps, and the ratio of the medians to sparse with a 95 %
bootstrap interval over seeds. What FILE holds is kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import rewardsmith as rs
from rewardsmith.coder.extract import extract_code
from rewardsmith.coder.questions import question_program, texts_of

HERE = Path(__file__).parent
CAPS = {"door-key": 80_000, "pick-up": 50_000, "put-next": 100_000}
QUESTIONS = {"door-key": 2, "pick-up": 2, "put-next": 4}  # that a mission comes to at most
METHODS: dict[str, dict[str, Any]] = {
    "eager": {"subgoals": "neutralised"},
    "calm": {},
    "calm, neutralised": {"subgoals": "neutralised"},
}
SPARSE = "sparse"  # trained beside the first method
ENOUGH = 0.9
RESAMPLES = 10_000

Steps = list[int | None]


def program(task: str, method: str) -> str:
    """The source of the subgoals."""
    if method == "eager":
        return question_program(texts_of(rs.load_task(task).spec), QUESTIONS[task])
    source = extract_code((HERE / "programs" / f"calm-{task}.reply.md").read_text(encoding="utf-8")).source
    assert source is not None
    return source


def measured(task: str, method: str, seeds: int, workers: int) -> dict[str, Steps]:
    """Of each seed the steps until it is solved, None where it never is; by method, sparse with the first one."""
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "program.py"
        file.write_text(program(task, method), encoding="utf-8")
        resolved = rs.load_task(task).with_training({"shaping": METHODS[method]})
        both = method == next(iter(METHODS))
        run = rs.train_program(
            file, resolved, seeds=seeds, steps=CAPS[task], native=both, workers=workers, runs=Path(made) / "runs"
        )
        names = {method: run.program} | ({SPARSE: "native"} if both else {})
        return {
            name: [
                solved_at(run.folder / "programs" / trained / "trials" / f"selection-s{seed}" / "curve.csv")
                for seed in range(seeds)
            ]
            for name, trained in names.items()
        }


def solved_at(curve: Path) -> int | None:
    """The steps of the first point that is good enough."""
    with curve.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return next((int(row["steps"]) for row in rows if float(row.get("success") or 0) >= ENOUGH), None)


def told(found: dict[str, dict[str, Steps]]) -> dict[str, Any]:
    """Medians, how many never got there, and ratios to sparse with intervals."""
    rng, result = np.random.default_rng(0), dict[str, Any]()
    for task, by_method in found.items():
        steps = {m: np.array([CAPS[task] if s is None else s for s in each]) for m, each in by_method.items()}
        result[task] = {"cap": CAPS[task]}
        for method, each in steps.items():
            drawn = rng.integers(len(each), size=(RESAMPLES, len(each)))  # the same seeds on both sides: paired
            ratios = np.median(each[drawn], axis=1) / np.median(steps[SPARSE][drawn], axis=1)
            result[task][method] = {
                "median": float(np.median(each)),
                "never": sum(s is None for s in by_method[method]),
                "ratio": [float(np.median(each) / np.median(steps[SPARSE])), *_ends(ratios)],
            }
    return result


def _ends(ratios: Any) -> list[float]:
    return [float(end) for end in np.quantile(ratios, (0.025, 0.975))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", nargs="*", default=list(CAPS))
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    kept = json.loads(given.output.read_text(encoding="utf-8"))["steps"] if given.output.exists() else {}
    found: dict[str, dict[str, Steps]] = kept
    for method in given.methods:
        for task in given.tasks:
            if method in found.get(task, {}):
                continue
            begun = time.perf_counter()
            found[task] = {**found.get(task, {}), **measured(task, method, given.seeds, given.workers)}
            print(f"{task}, {method}: {(time.perf_counter() - begun) / 60:.1f} min", found[task], flush=True)
            result = {"cores": os.cpu_count(), "seeds": given.seeds, "learning": told(found), "steps": found}
            given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told(found), indent=1))


if __name__ == "__main__":
    main()
