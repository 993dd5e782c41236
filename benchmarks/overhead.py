"""The overhead of a program: recorder, reward wrapper and program host against plain
Stable-Baselines3.

    python benchmarks/overhead.py [--steps 40960] [--pairs 7] [--settings light heavy] [-o FILE]

Claim: recorder, wrapper and host together cost at most 10 % of tuned PPO's wall time with 16
environments.

    plain       PPO on a DummyVecEnv of MountainCarContinuous-v0 with VecNormalize(reward) and its
    native reward;
                no Monitor, no environment checker: nothing that the other arms do not have
    trial       as a trial of rewardsmith runs it: recorder, whole episodes kept, the program asked
    in its host once
                per rollout
    every-step  the same with VecReward, which asks the host at every vector step: what off-policy
    learners need

The arms of a pair run one after another, in an order that turns from pair to pair, so that a drift
of the machine affects all of them. Printed are the median ratio of wall times to ``plain``, and the
geometric mean with the ends of its 95 % interval (Student's t of the logarithms over the pairs).
Only ``learn`` is timed, not the making of processes.

The program is the yardstick's reward of tasks/mountain-car-continuous. All arms have the same
networks, batches and number of steps; where episodes end differs because the policies learn from
different rewards.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import inspect
import json
import math
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from rewardsmith.engine.workers.opening import open_host
from rewardsmith.maths.statistics import interval
from rewardsmith.program import EntryPoint
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task, import_file, load_task
from rewardsmith.task.training import TrainingSpec
from rewardsmith.train.learner import make_learner, normalised
from rewardsmith.train.rollout_reward import RolloutNormalize, RolloutReward, SettleRollout
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import make_vec_env

N_ENVS = 16
ARMS = ("plain", "trial", "every-step")
SETTINGS: dict[str, dict[str, Any]] = {
    "light": {"n_steps": 128, "batch_size": 512, "n_epochs": 4},
    "heavy": {"n_steps": 128, "batch_size": 256, "n_epochs": 10},
}
EXPERT = Path(__file__).resolve().parents[1] / "tasks" / "mountain-car-continuous" / "expert.py"


def wall_time(
    arm: str, task: Task, hyperparameters: dict[str, Any], steps: int, seed: int
) -> float:
    """Seconds that one training takes."""
    training = task.with_training({"hyperparameters": hyperparameters}).spec.training
    if arm == "plain":
        venv = normalised(DummyVecEnv([lambda: make_env(task)] * N_ENVS), training)
        return _learn(training, venv, steps, seed, None)
    base = make_vec_env(task, N_ENVS, seed)
    entry = EntryPoint(
        "reward", tuple(inspect.signature(import_file(EXPERT).reward).parameters), "reward"
    )
    with open_host(EXPERT.read_text(encoding="utf-8"), entry, base.layout, capacity=4096) as host:
        if arm == "every-step":
            venv = normalised(VecReward(base, host, training.gamma, history=True), training)
            return _learn(training, venv, steps, seed, None)
        rewarded = RolloutReward(base, host, training.gamma, history=True)
        return _learn(
            training,
            normalised(rewarded, training, RolloutNormalize),
            steps,
            seed,
            SettleRollout(rewarded),
        )


def _learn(
    training: TrainingSpec, venv: VecEnv, steps: int, seed: int, callback: BaseCallback | None
) -> float:
    model = make_learner(training, venv, seed, "cpu")
    begun = time.perf_counter()
    model.learn(steps, callback=callback)
    taken = time.perf_counter() - begun
    venv.close()
    return taken


def measure(task: Task, hyperparameters: dict[str, Any], steps: int, pairs: int) -> dict[str, Any]:
    """All arms of one setting."""
    times: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for pair in range(pairs):
        turn = pair % len(ARMS)
        for arm in (*ARMS[turn:], *ARMS[:turn]):
            times[arm].append(wall_time(arm, task, hyperparameters, steps, pair))
        print("  pair", pair + 1, *(f"{arm} {times[arm][-1]:.2f} s" for arm in ARMS), flush=True)
    result: dict[str, Any] = {
        "hyperparameters": hyperparameters,
        "steps": steps,
        "n_envs": N_ENVS,
        "wall_s": times,
    }
    for arm in ARMS[1:]:
        ratios = [taken / plain for taken, plain in zip(times[arm], times["plain"], strict=True)]
        found = interval([math.log(ratio) for ratio in ratios])
        result[arm] = {
            "median": statistics.median(ratios),
            "geometric_mean": math.exp(found.mean),
            "low_95": None if found.low is None else math.exp(found.low),
            "high_95": None if found.high is None else math.exp(found.high),
            "us_per_vector_step": 1e6
            * statistics.median(a - b for a, b in zip(times[arm], times["plain"], strict=True))
            / (steps / N_ENVS),
        }
    return result


def machine() -> dict[str, Any]:
    packages = ("numpy", "torch", "stable-baselines3", "gymnasium")
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=40_960)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task("mountain-car-continuous")
    report: dict[str, Any] = {"machine": machine(), "settings": {}}
    for arm in ARMS:  # imports, caches and the first optimiser are nobody's cost
        wall_time(arm, task, SETTINGS["light"], 4096, 0)
    for name in options.settings:
        print(name, SETTINGS[name])
        report["settings"][name] = measure(task, SETTINGS[name], options.steps, options.pairs)
    print(
        f"\n{'setting':10}{'arm':14}{'median':>8}{'mean':>8}{'95 % interval':>18}{'us a vector step':>18}"
    )
    for name, result in report["settings"].items():
        for arm in ARMS[1:]:
            r = result[arm]
            bounds = "" if r["low_95"] is None else f"{r['low_95']:.3f} .. {r['high_95']:.3f}"
            mean, cost = r["geometric_mean"], r["us_per_vector_step"]
            print(f"{name:10}{arm:14}{r['median']:8.3f}{mean:8.3f}{bounds:>18}{cost:18.0f}")
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
