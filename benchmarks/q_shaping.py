"""What a prior on Q gains, what a wrong one costs, and what it takes.

    python benchmarks/q_shaping.py [--seeds 10] [--workers 2] [-o FILE]

Three environments, each with a prior that was written from the environment's documentation before any training here,
and the same prior negated and replaced by noise. Conditions are paired by seed with plain training. Told: steps until
80 % of the best mean return of plain training, and the final return, as differences to plain in units of (best of plain
- untaught), with 95 % intervals. Then the wall time of an update by k, and after the weight is 0, interleaved with
plain training in one process.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN, SAC
from stable_baselines3.common.callbacks import BaseCallback

import rewardsmith as rs
from rewardsmith.maths.statistics import paired_difference

POINTS = 15  # looks at the policy along a training
EPISODES = 5  # of each look


class Corridor(gym.Env[Any, Any]):
    """Twenty places in a row, two ways to go, a reward of 1 at the far end, 60 steps."""

    LAST = 19

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0.0, 1.0, (1,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self._place = self._steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._place = self._steps = 0
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        self._place = int(np.clip(self._place + 2 * int(action) - 1, 0, self.LAST))
        self._steps += 1
        there = self._place == self.LAST
        return self._seen(), float(there), there, self._steps >= 60, {}

    def _seen(self) -> Any:
        return np.array([self._place / self.LAST], np.float32)


class Setting(NamedTuple):
    """An environment, a learner and what somebody believes."""

    make: Callable[[], gym.Env[Any, Any]]
    algorithm: Any
    steps: int
    learner: dict[str, Any]
    prior: Callable[..., Any]


def corridor_prior(obs: Any) -> Any:
    """The end is to the right, the sooner the better."""
    left = Corridor.LAST * (1 - obs[:, 0])
    return np.stack([0.95 ** (left + 1), 0.95 ** np.maximum(left - 1, 0)], axis=1)


def cart_pole_prior(obs: Any) -> Any:
    """Push to the side to which the pole leans or falls; it lasts long if it is upright."""
    falls = 10 * obs[:, 2] + 2 * obs[:, 3] + 0.1 * obs[:, 0] + 0.3 * obs[:, 1]
    upright = 40 - 20 * np.abs(np.tanh(3 * obs[:, 2]))
    return np.stack([upright - 5 * np.tanh(falls), upright + 5 * np.tanh(falls)], axis=1)


def pendulum_prior(obs: Any, action: Any) -> Any:
    """Hanging: push along the swing. Near the top: push back against lean and swing."""
    cosine, sine, speed = obs.T
    lean = np.arctan2(sine, cosine)
    wanted = np.where(cosine > 0.7, np.clip(-8 * lean - 2 * speed, -2, 2), 2 * np.sign(speed))
    return -60 * (1 - cosine) - 5 * (action[:, 0] - wanted) ** 2


def discrete(**more: Any) -> dict[str, Any]:
    return {"learning_rate": 1e-3, "train_freq": 4, "policy_kwargs": {"net_arch": [64, 64]}, **more}


SETTINGS = {
    "corridor, DQN": Setting(
        Corridor, DQN, 6000,
        discrete(gamma=0.95, learning_starts=200, target_update_interval=100, exploration_fraction=0.5),
        corridor_prior,
    ),
    "CartPole-v1, DQN": Setting(
        lambda: gym.make("CartPole-v1"), DQN, 15_000,
        discrete(gamma=0.98, learning_starts=500, target_update_interval=200, exploration_fraction=0.3, batch_size=64),
        cart_pole_prior,
    ),
    "Pendulum-v1, SAC": Setting(
        lambda: gym.make("Pendulum-v1"), SAC, 5000,
        {"learning_rate": 1e-3, "learning_starts": 500, "gamma": 0.98, "train_freq": 2,
         "policy_kwargs": {"net_arch": [64, 64]}},
        pendulum_prior,
    ),
}  # fmt: skip
CONDITIONS: dict[str, dict[str, Any] | None] = {
    "plain": None,
    "prefill": {"mode": "prefill"},
    "anneal": {"mode": "anneal"},
    "anneal, actions only": {"mode": "anneal", "part": "actions"},
    "prefill, negated": {"mode": "prefill", "wrong": "negated"},
    "anneal, negated": {"mode": "anneal", "wrong": "negated"},
    "prefill, noise": {"mode": "prefill", "wrong": "noise"},
    "anneal, noise": {"mode": "anneal", "wrong": "noise"},
    "persistent, negated (control)": {"mode": "persistent", "biased": True, "wrong": "negated"},
}


def wrong(prior: Callable[..., Any], how: str | None, seed: int) -> Callable[..., Any]:
    """The prior negated, or noise of its size that depends on nothing."""
    rng = np.random.default_rng(seed)
    if how == "negated":
        return lambda *asked: -prior(*asked)
    if how == "noise":
        return lambda *asked: rng.permuted(prior(*asked).ravel()).reshape(prior(*asked).shape) * rng.choice((-1, 1))
    return prior


class Looks(BaseCallback):
    """Plays the greedy policy at even intervals."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._env, self._every = setting.make(), setting.steps // POINTS
        self.returns: list[float] = []

    def _on_step(self) -> bool:
        if self.num_timesteps % self._every == 0:
            self.returns.append(float(np.mean([self._episode(seed) for seed in range(EPISODES)])))
        return True

    def _episode(self, seed: int) -> float:
        obs, _ = self._env.reset(seed=seed)
        total, done = 0.0, False
        while not done:
            action, _ = self.model.predict(obs, deterministic=True)
            obs, reward, terminated, truncated, _ = self._env.step(action)
            total, done = total + float(reward), terminated or truncated
        return total


def trained(job: tuple[str, str, int]) -> dict[str, Any]:
    """Returns along one training."""
    torch.set_num_threads(1)
    name, condition, seed = job
    setting, options = SETTINGS[name], dict(CONDITIONS[condition] or {})
    prior = wrong(setting.prior, options.pop("wrong", None), seed)
    make = setting.algorithm if condition == "plain" else rs.q_shaped(setting.algorithm, q_prior=prior, **options)
    model = make("MlpPolicy", setting.make(), seed=seed, device="cpu", **json.loads(json.dumps(setting.learner)))
    looks, begun = Looks(setting), time.perf_counter()
    model.learn(setting.steps, callback=looks)
    return {"setting": name, "condition": condition, "seed": seed, "returns": looks.returns,
            "s": time.perf_counter() - begun}  # fmt: skip


def told(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """By setting and condition: median steps to 80 % of plain's best, and the paired difference of the final return."""
    result: dict[str, Any] = {}
    for name, setting in SETTINGS.items():
        by = {c: sorted((r for r in runs if (r["setting"], r["condition"]) == (name, c)), key=lambda r: r["seed"])
              for c in CONDITIONS}  # fmt: skip
        if not by["plain"]:
            continue
        plain = np.array([r["returns"] for r in by["plain"]])
        low, high = float(plain[:, 0].min()), float(plain.mean(axis=0).max())
        goal, every = low + 0.8 * (high - low), setting.steps // POINTS
        result[name] = {"from": low, "to": high, "steps": setting.steps}
        for condition, found in by.items():
            if not found:
                continue
            curves = np.array([r["returns"] for r in found])
            first = [int(np.argmax(c >= goal)) + 1 if (c >= goal).any() else None for c in curves]
            reached = [every * n if n is not None else setting.steps + every for n in first]
            last = (curves[:, -3:].mean(axis=1) - low) / (high - low or 1.0)
            base = (plain[: len(curves), -3:].mean(axis=1) - low) / (high - low or 1.0)
            gap = paired_difference(list(last), list(base))
            result[name][condition] = {
                "seeds": len(found),
                "median steps to 80 %": float(np.median(reached)),
                "never": sum(n is None for n in first),
                "final, normalised": float(last.mean()),
                "final minus plain": [gap.mean, gap.low, gap.high],
            }
    return result


def overhead() -> dict[str, float]:
    """Wall time per step relative to plain training, by k, and after the weight is 0; interleaved, median of five."""
    torch.set_num_threads(1)
    setting = SETTINGS["Pendulum-v1, SAC"]
    kinds: dict[str, dict[str, Any] | None] = {
        "plain": None,
        **{f"every {k}": {"every": k, "until": 1.0} for k in (1, 2, 4, 8)},
        "after": {"until": 1e-6},
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for seed in range(5):
        for name, options in kinds.items():
            make = SAC if options is None else rs.q_shaped(SAC, q_prior=setting.prior, **options)
            learner = {**json.loads(json.dumps(setting.learner)), "learning_starts": 50}
            model = make("MlpPolicy", setting.make(), seed=seed, device="cpu", **learner)
            begun = time.perf_counter()
            model.learn(1200)
            seconds[name].append(time.perf_counter() - begun)
    pairs = {name: np.array(values) / np.array(seconds["plain"]) for name, values in seconds.items()}
    return {name: float(np.median(ratio)) for name, ratio in pairs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    jobs = [(name, c, seed) for name in given.settings for seed in range(given.seeds) for c in CONDITIONS]
    runs: list[dict[str, Any]] = []
    with multiprocessing.get_context("fork").Pool(given.workers) as pool:
        for run in pool.imap_unordered(trained, jobs):
            runs.append(run)
            name = f"{run['setting']}: {run['condition']}, seed {run['seed']}"
            print(f"{len(runs)}/{len(jobs)} {name}, {run['s']:.0f} s", flush=True)
    result = {"cores": os.cpu_count(), "learning": told(runs), "time relative to plain": overhead(), "runs": runs}
    print(json.dumps({key: value for key, value in result.items() if key != "runs"}, indent=1))
    if given.output:
        given.output.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
