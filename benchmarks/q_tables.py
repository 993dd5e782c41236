"""The loss from a wrong prior on Q in tables: Q-learning on MountainCar with eight tilings of 8 x 8.

    python benchmarks/q_tables.py [--seeds 10] [-o FILE]

Beside the networks of q_shaping.py, because small networks lose what they learned at single looks,
and on this environment learn next to nothing in the time that they get; tiles do (Sutton and Barto
2018, section 10.1). The right prior is what another training found. Reported is the mean return of the
greedy policy over 20 starts at the end of a training (three looks), minus that of plain training
with the same seed, in units of (best mean return of all - 200 steps without arriving); 95 %
intervals.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rewardsmith.maths.statistics import paired_difference
from rewardsmith.train.prior.reuse import Reuse

STEPS = 60_000
TILINGS, PLACES = 8, 8
GAMMA, RATE = 1.0, 0.5
PROVE, TRIED = 0.2, 0.75  # as in rewardsmith.train.prior.shaping
LOOKS = 20  # along a training
STARTS = 20  # of each look
SHIFTS = np.arange(TILINGS)[:, None] / TILINGS * np.array([1, 3]) % 1.0  # of each tiling, in tiles


def tiles_of(obs: Any) -> Any:
    """The place in each tiling, three arrays that pick values of shape (tilings, actions)."""
    places = (np.array([(obs[0] + 1.2) / 1.8, (obs[1] + 0.07) / 0.14]) * PLACES + SHIFTS).astype(
        int
    )
    return np.arange(TILINGS), places[:, 0], places[:, 1]


def learned(prior: Any, seed: int, prove: float = PROVE) -> tuple[Any, list[float], bool]:
    """The tables at the end, returns along the training, and whether the prior was accepted.

    They begin at 0, which is optimistic, so that untried actions are tried.
    """
    env, rng, reuse = gym.make("MountainCar-v0"), np.random.default_rng(seed), Reuse(1)
    q = np.zeros((TILINGS, PLACES + 1, PLACES + 1, 3)) if prove or prior is None else prior.copy()
    on_trial, believed, returns = (
        prior is not None and prove > 0,
        prior is not None and not prove,
        [],
    )
    here = tiles_of(env.reset(seed=seed)[0])
    for step in range(1, STEPS + 1):
        tables = prior if on_trial and reuse.acting(TRIED, rng)[0] else q
        action = int(tables[here].sum(axis=0).argmax())
        obs, reward, terminated, truncated, _ = env.step(action)
        after = tiles_of(obs)
        following = 0.0 if terminated else GAMMA * q[after].sum(axis=0).max()
        q[(*here, action)] += (
            RATE / TILINGS * (float(reward) + following - q[(*here, action)].sum())
        )
        if on_trial:
            reuse.add(np.array([float(reward)]), np.array([terminated or truncated]))
            if reuse.is_better:
                q, believed = prior.copy(), True
            on_trial = not (reuse.is_better or reuse.is_worse or step > PROVE * STEPS)
        here = tiles_of(env.reset()[0]) if terminated or truncated else after
        if step % (STEPS // LOOKS) == 0:
            returns.append(greedy_return(q))
    return q, returns, believed


def greedy_return(q: Any) -> float:
    """Of the policy that always takes the best, over some starts."""
    env, total = gym.make("MountainCar-v0"), 0.0
    for seed in range(STARTS):
        obs, _ = env.reset(seed=seed)
        done = False
        while not done:
            obs, reward, terminated, truncated, _ = env.step(
                int(q[tiles_of(obs)].sum(axis=0).argmax())
            )
            total, done = total + float(reward), terminated or truncated
    return total / STARTS


def noise(prior: Any, seed: int) -> Any:
    """Its values in another order."""
    return np.random.default_rng(seed).permutation(prior.ravel()).reshape(prior.shape)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    right = learned(None, 1000)[0]
    priors = {
        "right": lambda seed: right,
        "negated": lambda seed: -right,
        "noise": lambda seed: noise(right, seed),
    }
    runs: dict[str, list[Any]] = {}
    for seed in range(given.seeds):
        runs.setdefault("plain", []).append(learned(None, seed)[1:])
        for name, prior in priors.items():
            runs.setdefault(name, []).append(learned(prior(seed), seed)[1:])
            runs.setdefault(f"{name}, believed at once", []).append(
                learned(prior(seed), seed, prove=0.0)[1:]
            )
        print(
            f"seed {seed}",
            {name: round(found[-1][0][-1]) for name, found in runs.items()},
            flush=True,
        )
    best = max(np.mean([returns for returns, _ in found], axis=0).max() for found in runs.values())
    ends = {
        name: [float(np.mean(returns[-3:])) for returns, _ in found] for name, found in runs.items()
    }
    finals = {name: [(end + 200) / (best + 200) for end in found] for name, found in ends.items()}
    told: dict[str, Any] = {"from": -200.0, "to": float(best), "steps": STEPS, "seeds": given.seeds}
    for name, found in runs.items():
        gap = paired_difference(finals[name], finals["plain"])
        told[name] = {"final": float(np.mean(finals[name])), "believed": sum(believed for _, believed in found),
                      "final minus plain": [gap.mean, gap.low, gap.high]}  # fmt: skip
    print(json.dumps(told, indent=1))
    if given.output:
        given.output.write_text(json.dumps({**told, "runs": runs}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
