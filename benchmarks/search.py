"""What screening, short trainings, selection and stopping add to a search, from a frozen pool.

    python benchmarks/search.py [--tasks mountain-car pendulum] [--seeds 10] [-o FILE] [--kept FOLDER]

``pools/TASK.jsonl`` holds replies of a strong and of a weak writer. Each search draws its replies
from the pool in an order of its own, the same for every arm, so that arms differ only in what they
do with the programs. No arm sees more than twelve. Feedback has no effect here, and intervals hold
for this pool. Everything is charged but the final comparison, which takes the same steps in every
arm. A training that several searches need is carried out once and kept (``kept_trials.py``).
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kept_trials import KeptTrials

import rewardsmith as rs
from rewardsmith.engine.workers.local import LocalExecutor
from rewardsmith.errors import NoProgram
from rewardsmith.maths.statistics import interquartile_mean, normalised
from rewardsmith.writers.recorded import RecordedReplies, RecordedReply

POOLS = Path(__file__).with_name("pools")
REPORT_SEEDS = 5
PROGRAMS = 12
_FRUGAL = {"rounds": 3, "samples": 4, "repairs": 0}
ARMS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "eureka": ("eureka", {**_FRUGAL, "seeds": 2}),
    "card": ("card", {"rounds": PROGRAMS, "samples": 1, "repairs": 0, "seeds": 1}),
    "evolve": ("evolve", _FRUGAL),
    "smith": ("smith", _FRUGAL),
    "smith without screening": ("smith", {**_FRUGAL, "screen": "off"}),
    "smith without short trainings": ("smith", {**_FRUGAL, "advance": 4}),
    "smith without an early end": ("smith", {**_FRUGAL, "patience": 9}),
}


def replies(task: str, seed: int) -> RecordedReplies:
    """The replies of a search, in an order that depends on its seed alone."""
    lines = (POOLS / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    random.Random(f"{task}/{seed}").shuffle(texts)
    recorded = [
        RecordedReply(round=0, sample=number, text=text)
        for number, text in enumerate(texts[:PROGRAMS])
    ]
    return RecordedReplies(model="pool", replies=tuple(recorded), listed=True)


def searched(task: str, arm: str, seed: int, executor: KeptTrials) -> dict[str, Any]:
    """One search: what its choice is worth, and the steps that it took."""
    strategy, options = ARMS[arm]
    found: dict[str, Any] = {"task": task, "arm": arm, "seed": seed}
    with tempfile.TemporaryDirectory() as runs:
        try:
            run = rs.design(
                task, replies=replies(task, seed), strategy=strategy, options=options, runs=runs,
                executor=executor, report_seeds=REPORT_SEEDS, looks=1, exploit_search=False,
            )  # fmt: skip
        except NoProgram as error:
            return {**found, "failed": str(error)}
        state, best = run.state, run.best
        assert state.preflight is not None
        solved = state.preflight.solved_from
        fitness = [trial.fitness for trial in state.trials_of(best.id, "report")]
        report = [t.steps for (_, _, rung), t in state.trials.items() if rung == "report"]
        worth = normalised(best.score.mean, state.preflight.mean_random_fitness, solved)
        assert worth is not None
        return {
            **found,
            "worth": min(1.0, worth),
            "solved": sum(f is not None and f >= (solved or 0.0) for f in fitness),
            "steps": state.steps - sum(report),
            "trainings": sum(rung != "report" for _, _, rung in state.trials),
            "programs": len(state.programs),
            "program": best.id,
        }


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Per arm: worth over tasks and seeds, seeds solved, steps, and steps against ``eureka``."""
    by_arm: dict[str, dict[tuple[str, int], Mapping[str, Any]]] = defaultdict(dict)
    for search in found:
        by_arm[search["arm"]][search["task"], search["seed"]] = search
    return {arm: _of_arm(searches, by_arm["eureka"]) for arm, searches in by_arm.items()}


def _of_arm(
    searches: Mapping[tuple[str, int], Mapping[str, Any]],
    reference: Mapping[tuple[str, int], Mapping[str, Any]],
) -> dict[str, Any]:
    pairs = [key for key in searches if key in reference and "steps" in searches[key]]
    pairs = [key for key in pairs if "steps" in reference[key]]
    worth = np.array([searches[key]["worth"] for key in pairs])
    gain = worth - np.array([reference[key]["worth"] for key in pairs])
    ratio = np.log([searches[key]["steps"] / reference[key]["steps"] for key in pairs])
    tasks = [task for task, _ in pairs]
    return {
        "searches": len(searches),
        "iqm_worth": interquartile_mean(list(worth)),
        "mean_worth": float(worth.mean()),
        "report_seeds_solved": int(sum(searches[key]["solved"] for key in pairs)),
        "report_seeds": REPORT_SEEDS * len(pairs),
        "worth_minus_eureka": _stratified(gain, tasks),
        "steps_over_eureka": [float(np.exp(value)) for value in _stratified(ratio, tasks)],
        "steps_median": float(np.median([searches[key]["steps"] for key in pairs])),
    }


def _stratified(values: np.ndarray, tasks: Sequence[str], resamples: int = 4000) -> list[float]:
    """The mean over tasks of the mean over searches, with its 95 % bootstrap within tasks."""
    rng, groups = np.random.default_rng(0), sorted(set(tasks))
    means = []
    for group in groups:
        own = values[[task == group for task in tasks]]
        means.append(own[rng.integers(len(own), size=(resamples, len(own)))].mean(axis=1))
    low, high = np.quantile(np.mean(means, axis=0), (0.025, 0.975))
    middle = np.mean([values[[task == group for task in tasks]].mean() for group in groups])
    return [float(middle), float(low), float(high)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", default=sorted(p.stem for p in POOLS.glob("*.jsonl")))
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=10, help="searches per task and arm")
    parser.add_argument("--kept", type=Path, default=Path("kept_trials"))
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    kept = given.output is not None and given.output.exists()
    found = json.loads(given.output.read_text(encoding="utf-8"))["found"] if kept else []
    done = {(search["task"], search["arm"], search["seed"]) for search in found}
    executor, begun = KeptTrials(LocalExecutor(), given.kept), time.perf_counter()
    wanted = [(t, a, s) for t in given.tasks for s in range(given.seeds) for a in given.arms]
    for task, arm, seed in wanted:
        if (task, arm, seed) in done:
            continue
        found.append(searched(task, arm, seed, executor))
        print(json.dumps(found[-1]), f"{executor.trained} trained", flush=True)
        if given.output:
            result = {"summary": summary(found), "found": found}
            given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    executor.close()
    print(json.dumps(summary(found), indent=1), f"{(time.perf_counter() - begun) / 60:.0f} min")


if __name__ == "__main__":
    main()
