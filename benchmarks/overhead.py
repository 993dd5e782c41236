"""What applying a program costs: recorder, VecReward and program host against plain Stable-Baselines3.

    python benchmarks/overhead.py [--steps 40960] [--pairs 7] [--settings light heavy] [-o FILE]

Claim: recorder, wrapper and host together cost at most 10 % of tuned PPO's wall time with 16 environments.

    plain       PPO on a DummyVecEnv of MountainCarContinuous-v0 with VecNormalize(reward) and its native reward;
                no Monitor, no environment checker: nothing that the other arms do not have
    in-process  the same with recorder, VecReward and history, the reward's function called in this process
    host        as a trial runs it: the function in its program host

The arms of a pair run one after another, in an order that turns from pair to pair, so that a drift of the machine
meets all of them. Printed are the median ratio of wall times to ``plain``, and the geometric mean with the ends of its
95 % interval (Student's t of the logarithms over the pairs). Only ``learn`` is timed, not the making of processes.

The program is the yardstick's reward of tasks/mountain-car-continuous. All arms have the same networks, batches and
number of steps; where episodes end differs because the policies learn from different rewards.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import inspect
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

from rewardsmith.maths.statistics import interval
from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.host import ProgramHost, open_host
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task, load_task
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import make_vec_env
from rewardsmith.types import Columns, Output

N_ENVS = 16
ARMS = ("plain", "in-process", "host")
SETTINGS: dict[str, dict[str, Any]] = {
    "light": {"n_steps": 128, "batch_size": 512, "n_epochs": 4},
    "heavy": {"n_steps": 128, "batch_size": 256, "n_epochs": 10},
}
EXPERT = Path(__file__).resolve().parents[1] / "tasks" / "mountain-car-continuous" / "expert.py"


class InProcess:
    """The reward's function, called directly: what is left of the cost without a host."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.arguments = tuple(inspect.signature(function).parameters)

    def __call__(self, columns: Columns) -> Output:
        terms = self.function(**columns)
        return Output(np.add.reduce(list(terms.values()), axis=0), terms)


def program_source() -> str:
    """The yardstick's reward with what it needs, without the scripted policy and its annotations."""
    lines = inspect.getsource(_expert()).splitlines()
    text = "\n".join(line for line in lines if "numpy.typing" not in line and not line.startswith("Array ="))
    start, end = text.index("def policy"), text.index("def reward")
    return (
        (text[:start] + text[end:]).replace(": Array", "").replace(" -> Array", "").replace("-> dict[str, Array]", "")
    )


def _expert() -> Any:
    spec = importlib.util.spec_from_file_location("expert", EXPERT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["expert"] = module
    spec.loader.exec_module(module)
    return module


def wall_time(arm: str, task: Task, hyperparameters: dict[str, Any], steps: int, seed: int) -> float:
    """Seconds that one training takes."""
    host: ProgramHost | None = None
    gamma = task.spec.training.gamma
    venv: VecEnv
    if arm == "plain":
        venv = DummyVecEnv([lambda: make_env(task)] * N_ENVS)
    else:
        base = make_vec_env(task, N_ENVS, seed)
        reward = _expert().reward
        entry = EntryPoint("reward", tuple(inspect.signature(reward).parameters), "reward")
        if arm == "host":
            host = open_host(program_source(), entry, base.layout, capacity=64)
        venv = VecReward(base, host or InProcess(reward), gamma, history=True)
    venv = VecNormalize(venv, norm_obs=False, norm_reward=True, gamma=gamma)
    learner = {**task.spec.training.hyperparameters, **hyperparameters}
    model = PPO("MlpPolicy", venv, seed=seed, device="cpu", **learner)
    begun = time.perf_counter()
    model.learn(steps)
    taken = time.perf_counter() - begun
    venv.close()
    if host is not None:
        host.close()
    return taken


def measure(task: Task, hyperparameters: dict[str, Any], steps: int, pairs: int) -> dict[str, Any]:
    """All arms of one setting."""
    times: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for pair in range(pairs):
        turn = pair % len(ARMS)
        for arm in (*ARMS[turn:], *ARMS[:turn]):
            times[arm].append(wall_time(arm, task, hyperparameters, steps, pair))
        print("  pair", pair + 1, *(f"{arm} {times[arm][-1]:.2f} s" for arm in ARMS), flush=True)
    result: dict[str, Any] = {"hyperparameters": hyperparameters, "steps": steps, "n_envs": N_ENVS, "wall_s": times}
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    print(f"\n{'setting':10}{'arm':14}{'median':>8}{'mean':>8}{'95 % interval':>18}{'us a vector step':>18}")
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
