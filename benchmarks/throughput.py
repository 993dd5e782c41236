"""Environment steps per second of whole trainings: the fast trainer against Stable-Baselines3.

    python benchmarks/throughput.py [--tasks mountain-car ...] [--steps 40960] [--rounds 3]
                                    [-o benchmarks/results/throughput.json]

Both arms are trials of rewardsmith with recorded environments, a program in its host as the
reward, curve and checkpoints; only ``trainer`` differs. Two processes at a time, as in a search on
two cores; the fast trainer has four trials per process, Stable-Baselines3 trains them one after the
other. The arms alternate; of the ratios in each round the median is shown, by wall clock and by CPU
time. A short training before the clock starts loads what is loaded once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

PROGRAM = "def reward(terminated):\n    return 1.0 - terminated\n"
TASKS = (
    "mountain-car",
    "mountain-car-continuous",
    "cart-pole-swing-up",
    "acrobot",
    "pendulum",
    "lunar-lander",
    "half-cheetah-backwards",
    "hopper-high-jump",
)
SETTINGS = {"10 epochs of 256": (10, 256), "4 epochs of 512": (4, 512)}
TOGETHER, PROCESSES = 4, 2


def one_process(task_name: str, trainer: str, setting: str, steps: int) -> dict[str, float]:
    """Train four trials in this process; what it took."""
    import torch

    from rewardsmith.engine.workers.opening import running_functions
    from rewardsmith.program import EntryPoint
    from rewardsmith.run.trials import TrialJob
    from rewardsmith.task.loading import load_task
    from rewardsmith.terms.specs import program_terms
    from rewardsmith.train.trainers import TRAINERS, Member

    torch.set_num_threads(1)
    epochs, batch = SETTINGS[setting]
    task = load_task(task_name)
    task = task.with_training(
        {
            "trainer": trainer,
            "algorithm": "PPO",
            "n_envs": 16,
            "hyperparameters": {
                "n_steps": 128, "n_epochs": epochs, "batch_size": batch,
                "policy_kwargs": {"net_arch": [64, 64]},
            },
        }
    )  # fmt: skip
    entries = {"reward": EntryPoint("reward", ("terminated",), "reward")}

    def train(folder: Path, steps: int) -> None:
        with ExitStack() as stack:
            members = []
            for seed in range(TOGETHER):
                job = TrialJob(
                    program="benchmark", seed=seed, steps=steps, device="cpu",
                    reward=program_terms(PROGRAM, entries, "batched"),
                    training=task.spec.training, evaluation=task.spec.evaluation,
                )  # fmt: skip
                (folder / str(seed)).mkdir(parents=True)
                opened = stack.enter_context(running_functions(task, job))
                members.append(Member(job, folder / str(seed), opened))
            TRAINERS.get(trainer)().train(task, members)

    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder) / "warm", 2048)
        wall, cpu = time.perf_counter(), time.process_time()
        train(Path(folder) / "timed", steps)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"steps": TOGETHER * steps, "wall_s": wall, "cpu_s": cpu}


def side_by_side(task: str, trainer: str, setting: str, steps: int) -> dict[str, float]:
    """The same in two processes at once: steps per second of wall clock and of CPU time."""
    command = [sys.executable, __file__, "--one", task, trainer, setting, str(steps)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # they choose slower kernels
        environment.pop(name, None)
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(PROCESSES)
    ]
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    total = sum(one["steps"] for one in found)
    return {
        "per_wall_s": total / max(one["wall_s"] for one in found),
        "per_cpu_s": total / sum(one["cpu_s"] for one in found),
    }


def compared(task: str, setting: str, steps: int, rounds: int) -> dict[str, Any]:
    """Alternating rounds of both arms, and the medians."""
    arms: dict[str, list[dict[str, float]]] = {"sb3": [], "fast": []}
    for _ in range(rounds):
        for trainer, results in arms.items():
            results.append(side_by_side(task, trainer, setting, steps))
    row: dict[str, Any] = {"task": task, "setting": setting, "rounds": arms}
    for clock in ("per_wall_s", "per_cpu_s"):
        ratios = [
            fast[clock] / slow[clock] for slow, fast in zip(arms["sb3"], arms["fast"], strict=True)
        ]
        row[f"ratio_{clock}"] = statistics.median(ratios)
        for trainer, results in arms.items():
            row[f"{trainer}_{clock}"] = statistics.median(one[clock] for one in results)
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS))
    parser.add_argument("--steps", type=int, default=40_960)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--one", nargs=4, metavar=("TASK", "TRAINER", "SETTING", "STEPS"))
    given = parser.parse_args(arguments)
    if given.one:
        task, trainer, setting, steps = given.one
        print(json.dumps(one_process(task, trainer, setting, int(steps))))
        return
    rows = []
    machine = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "simd": np.show_config(mode="dicts")["SIMD Extensions"]["found"],
        "steps": given.steps,
        "rounds": given.rounds,
    }
    print("task                     setting            sb3/s   fast/s  x wall  x cpu")
    for task in given.tasks:
        for setting in given.settings:
            row = compared(task, setting, given.steps, given.rounds)
            rows.append(row)
            print(
                f"{task:24} {setting:16} {row['sb3_per_wall_s']:7,.0f} {row['fast_per_wall_s']:8,.0f}"
                f" {row['ratio_per_wall_s']:7.1f} {row['ratio_per_cpu_s']:6.1f}",
                flush=True,
            )
            if given.output:
                given.output.write_text(json.dumps({**machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
