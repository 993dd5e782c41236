"""How often, and how fast, the search without a model solves a task.

    python benchmarks/grammar.py [--task mountain-car-continuous] [--first 0] [--seeds 30] [-o FILE]

A search seed is what ``rewardsmith demo --seed N`` draws from. Every odd search seed runs with
older instruction sets (SSE3 for OpenBLAS, no AVX for NumPy and PyTorch), so that last digits differ
as they do on another processor. The first final comparison of each search counts: ten training
seeds that the search never used. Further ones are shown apart. Searches in FILE are kept, so that a
measurement can be interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rewardsmith as rs
from rewardsmith.engine.deciding import FIRST_DECIDING_SEED
from rewardsmith.errors import NoProgram
from rewardsmith.maths.statistics import share_interval
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.state import RunState

OLDER = {
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",  # as NumPy 2.4 names them
    "ATEN_CPU_CAPABILITY": "default",
}


def searched(task: str, seed: int) -> dict[str, Any]:
    """One search: its results and its cost."""
    begun = time.perf_counter()
    spec = rs.load_task(task).spec.fitness
    assert spec.solved is not None
    with tempfile.TemporaryDirectory() as runs:
        try:
            run = rs.design(task, model="grammar", options={"seed": seed}, runs=runs)
        except NoProgram as error:
            return {"seed": seed, "failed": str(error)}
        best, state = run.best, run.state
        assert best.native is not None
        return {
            "seed": seed,
            "older": bool(seed % 2),
            "looks": [report_seeds(state, look, spec.solved) for look in state.looks],
            "fitness": [best.score.mean, best.score.low, best.score.high],
            "native": [best.native.mean, best.native.low, best.native.high],
            "shipped": shipped_trial(state, best.id).fitness,
            "solved_from": spec.solved,
            "exploits": verdicts(state),
            "winner": state.exploits[best.id].model_dump() if best.id in state.exploits else None,
            "programs": len(state.programs),
            "rounds": 1 + max(slot.round for slot in state.slots),
            "trainings": by_purpose(state, lambda trial: 1),
            "steps": by_purpose(state, lambda trial: trial.steps) | {"all": state.steps},
            "training_s": by_purpose(state, lambda trial: trial.wall_s),
            "minutes": (time.perf_counter() - begun) / 60,
            "source": best.source,
        }


def report_seeds(state: RunState, program: str, solved: float) -> list[bool]:
    """Whether each report seed of a program solves the task; one that failed does not."""
    return [
        trial.fitness is not None and trial.fitness >= solved
        for trial in state.trials_of(program, "report")
    ]


def verdicts(state: RunState) -> dict[str, int]:
    found = [exploit.verdict for exploit in state.exploits.values()]
    return {verdict: found.count(verdict) for verdict in sorted(set(found))}


def by_purpose(state: RunState, amount: Callable[[TrialState], float]) -> dict[str, float]:
    """A sum over the trials of each rung; those that decide who leads are apart."""
    sums: dict[str, float] = defaultdict(float)
    for (_, seed, rung), trial in state.trials.items():
        deciding = rung == "selection" and seed >= FIRST_DECIDING_SEED
        sums["deciding" if deciding else rung] += amount(trial)
    return dict(sums)


def in_process(task: str, seed: int) -> dict[str, Any]:
    """The search in a process of its own, whose instruction sets are chosen as it starts."""
    command = [sys.executable, __file__, "--task", task, "--one", str(seed)]
    env = {**os.environ, **(OLDER if seed % 2 else {})}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def summary(searches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first reports over all searches; the interval of seeds is clustered by search."""
    first = [search["looks"][0] if search.get("looks") else [] for search in searches]
    seeds, solved = sum(map(len, first)), sum(map(sum, first))
    whole = sum(bool(look) and all(look) for look in first)
    last = [search["looks"][-1] for search in searches if search.get("looks")]
    return {
        "searches": len(searches),
        "report_seeds_solved": [solved, seeds],
        "report_seeds_95": clustered([(sum(look), len(look)) for look in first]),
        "searches_all_solved": [whole, len(searches)],
        "searches_all_solved_95": share_interval(whole, len(searches)),
        "searches_with_another_look": sum(len(s.get("looks", [])) > 1 for s in searches),
        "last_look_all_solved": sum(map(all, last)),
        "shipped_policies_that_fail": sum(
            s["shipped"] < s["solved_from"] for s in searches if "shipped" in s
        ),
        "minutes_median": statistics.median(s["minutes"] for s in searches if "minutes" in s),
    }


def clustered(counts: Sequence[tuple[int, int]]) -> list[float]:
    """The 95 % percentile bootstrap of a share, which draws whole searches."""
    solved, seeds = np.array(counts).T
    drawn = np.random.default_rng(0).integers(len(counts), size=(10_000, len(counts)))
    shares = solved[drawn].sum(axis=1) / np.maximum(1, seeds[drawn].sum(axis=1))
    return [float(bound) for bound in np.quantile(shares, (0.025, 0.975))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="mountain-car-continuous")
    parser.add_argument("--first", type=int, default=0, help="the first search seed")
    parser.add_argument("--seeds", type=int, default=30, help="number of search seeds")
    parser.add_argument("--one", type=int, help="run one search here and print its record")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(searched(given.task, given.one)))
        return
    kept = given.output is not None and given.output.exists()
    found = json.loads(given.output.read_text(encoding="utf-8"))["searches"] if kept else []
    done = {search["seed"] for search in found}
    for seed in range(given.first, given.first + given.seeds):
        if seed in done:
            continue
        found.append({**in_process(given.task, seed), "load": os.getloadavg()[1]})
        row = {key: value for key, value in found[-1].items() if key != "source"}
        print(json.dumps(row), flush=True)
        if given.output:
            result = {
                "task": given.task,
                "cores": os.cpu_count(),
                "summary": summary(found),
                "searches": found,
            }
            given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary(found), indent=1))


if __name__ == "__main__":
    main()
