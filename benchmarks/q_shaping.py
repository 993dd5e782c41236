"""The gain of a prior on Q, the loss from a wrong one, and its overhead.

    python benchmarks/q_shaping.py [--seeds 10] [--workers 2] [--settings NAME ...] [--conditions
    NAME ...]
        [--overhead] [-o FILE]

A corridor, a lake and a room with true priors, and five small environments whose priors a
language model wrote from their texts alone, before any training (priors/). Conditions are paired by
seed with plain training. Reported: steps until 80 % of the best mean return that any right condition
reached, as ratios to plain (geometric means, runs that never got there counted at the end), and the
final return, as differences to plain in units of (that best - random); all with 95 % intervals.
Where it is cheap also with the prior negated and replaced by noise.

With --overhead the wall time of an update by k, and after the weight is 0, interleaved with plain
training in one process. Runs in FILE are kept.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import json
import multiprocessing
import os
import runpy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import rewardsmith as rs
from rewardsmith.maths.statistics import interval, paired_difference
from rewardsmith.train.prior.decision import Decision
from rewardsmith.types import Interval
from rewardsmith.writers.extract import extract_code

HERE = Path(__file__).parent

POINTS = 30  # looks at the policy along a training
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
    """An environment, a learner and a prior."""

    make: Callable[[], gym.Env[Any, Any]]
    algorithm: Any
    steps: int
    learner: dict[str, Any]
    prior: Callable[[], Callable[..., Any]]


def corridor_prior(obs: Any) -> Any:
    """The end is to the right, the sooner the better."""
    left = Corridor.LAST * (1 - obs[:, 0])
    return np.stack([0.95 ** (left + 1), 0.95 ** np.maximum(left - 1, 0)], axis=1)


def lake() -> gym.Env[Any, Any]:
    """FrozenLake, four by four and not slippery, seen as one of sixteen."""
    return gym.wrappers.FlattenObservation(gym.make("FrozenLake-v1", is_slippery=False))


def lake_prior() -> Callable[..., Any]:
    """The truth, by value iteration."""
    moves: Any = gym.make("FrozenLake-v1", is_slippery=False).unwrapped
    q = np.zeros((16, 4))
    for _ in range(50):
        for state, actions in moves.P.items():
            for action, ((_, after, reward, ended),) in actions.items():
                q[state, action] = reward + (0.0 if ended else 0.95 * q[after].max())
    return lambda obs: np.asarray(obs) @ q


class WhereInTheRoom(gym.ObservationWrapper[Any, Any, Any]):
    """MiniGrid seen as the agent's place and direction, one of 4 x 4 x 4, and without the actions
    that do nothing.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(gym.wrappers.TransformAction(env, int, gym.spaces.Discrete(3)))
        self.observation_space = gym.spaces.Box(0.0, 1.0, (64,), np.float32)

    def observation(self, observation: Any) -> Any:
        (x, y), direction = self.unwrapped.agent_pos, self.unwrapped.agent_dir  # type: ignore[attr-defined]
        return np.eye(64, dtype=np.float32)[(x - 1) * 16 + (y - 1) * 4 + direction]


def room() -> gym.Env[Any, Any]:
    """An empty room of MiniGrid: find the corner across, 144 steps."""
    import minigrid  # noqa: F401  # its environments are registered by this

    return WhereInTheRoom(gym.make("MiniGrid-Empty-6x6-v0"))


def room_prior() -> Callable[..., Any]:
    """The truth, by value iteration: turn left, turn right, forward; the goal ends."""
    q, moves = np.zeros((64, 3)), ((1, 0), (0, 1), (-1, 0), (0, -1))
    for _ in range(40):
        for state in range(64):
            x, y, direction = state // 16, state // 4 % 4, state % 4
            to_x, to_y = (
                int(np.clip(a + b, 0, 3)) for a, b in zip((x, y), moves[direction], strict=True)
            )
            turned = [state - direction + (direction + turn) % 4 for turn in (-1, 1)]
            there = 0.95 * q[to_x * 16 + to_y * 4 + direction].max()
            q[state] = [
                *(0.95 * q[after].max() for after in turned),
                1.0 if (to_x, to_y) == (3, 3) else there,
            ]
    return lambda obs: np.asarray(obs) @ q


def written_prior(env_id: str) -> Callable[..., Any]:
    """A language model's, see priors/README.md; its arguments are parts of the observation, by
    name.
    """
    source = extract_code(
        (HERE / "priors" / f"{env_id}.reply.md").read_text(encoding="utf-8")
    ).source
    assert source is not None
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "prior.py").write_text(source, encoding="utf-8")
        prior = runpy.run_path(str(Path(folder) / "prior.py"))[
            "q_prior"
        ]  # it lies here to be read before
    names = [field.name for field in rs.task_from_env(env_id, goal="any").spec.fields]
    asked = inspect.signature(prior).parameters

    def of_observations(obs: Any, action: Any = None) -> Any:
        known = {
            name: np.asarray(obs[:, place], np.float64) for place, name in enumerate(names)
        } | {"action": action}
        return prior(**{name: known[name] for name in asked})

    return of_observations


def discrete(**more: Any) -> dict[str, Any]:
    return {"learning_rate": 1e-3, "train_freq": 4, "policy_kwargs": {"net_arch": [64, 64]}, **more}


def continuous(**more: Any) -> dict[str, Any]:
    return {"learning_rate": 1e-3, "train_freq": 2, **more, "policy_kwargs": {"net_arch": [64, 64]}}


WRITTEN: dict[str, tuple[Any, int, dict[str, Any]]] = {
    "CartPole-v1": (
        DQN, 15_000,
        discrete(gamma=0.98, learning_starts=500, target_update_interval=200, exploration_fraction=0.3, batch_size=64),
    ),
    "Acrobot-v1": (
        DQN, 20_000, discrete(gamma=0.99, learning_starts=500, target_update_interval=250, exploration_fraction=0.3),
    ),
    "MountainCar-v0": (
        DQN, 30_000,
        discrete(gamma=0.99, learning_starts=1000, target_update_interval=600, exploration_fraction=0.3),
    ),
    "Pendulum-v1": (SAC, 4000, continuous(gamma=0.98, learning_starts=500, train_freq=1)),
    "MountainCarContinuous-v0": (TD3, 10_000, continuous(gamma=0.99, learning_starts=1000)),
}  # fmt: skip
CORRIDOR, LAKE, ROOM = "corridor, DQN", "FrozenLake-v1, DQN", "MiniGrid-Empty-6x6-v0, DQN"
BY_HAND = (CORRIDOR, LAKE, ROOM)
EXPLORES: dict[str, Any] = {
    "learning_starts": 200,
    "target_update_interval": 100,
    "exploration_fraction": 0.5,
}
SETTINGS = {
    CORRIDOR: Setting(Corridor, DQN, 10_000, discrete(gamma=0.95, **EXPLORES), lambda: corridor_prior),
    LAKE: Setting(lake, DQN, 10_000, discrete(gamma=0.95, **EXPLORES), lake_prior),
    ROOM: Setting(room, DQN, 10_000, discrete(gamma=0.95, **EXPLORES), room_prior),
    **{
        f"{env_id}, {algorithm.__name__}": Setting(
            functools.partial(gym.make, env_id), algorithm, steps, learner, functools.partial(written_prior, env_id)
        )
        for env_id, (algorithm, steps, learner) in WRITTEN.items()
    },
}  # fmt: skip
FILL: dict[str, Any] = {"mode": "prefill", "part": "q"}
WAYS: dict[str, dict[str, Any]] = {
    "anneal": {},
    "prefill": FILL,
    "anneal, believed at once": {"prove": 0.0},
    "prefill, believed at once": {**FILL, "prove": 0.0},
}
CONDITIONS: dict[str, dict[str, Any] | None] = {
    "plain": None,
    **WAYS,
    **{f"{way}, {how}": {**options, "wrong": how} for way, options in WAYS.items() for how in ("negated", "noise")},
    "persistent, negated (control)": {
        "stays": True, "part": "q", "every": 2, "follow": 0.0, "prove": 0.0, "wrong": "negated"
    },
}  # fmt: skip


def wrong(prior: Callable[..., Any], how: str | None, seed: int) -> Callable[..., Any]:
    """The prior negated, or noise of its size that depends on nothing."""
    rng = np.random.default_rng(seed)
    if how == "negated":
        return lambda *asked: -prior(*asked)
    if how == "noise":
        return lambda *asked: (
            rng.permuted(prior(*asked).ravel()).reshape(prior(*asked).shape) * rng.choice((-1, 1))
        )
    return prior


class Stays(Decision):
    """A prior that never stops, as a control: it changes the optimal policy."""

    def decide(self, steps: int, length: int) -> None:
        """Never reject it."""

    def weight(self, steps: int, length: int) -> float:
        """The same all the time."""
        return self.options.weight


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
            normalising = self.model.get_vec_normalize_env()
            seen = obs if normalising is None else normalising.normalize_obs(obs)
            action, _ = self.model.predict(seen, deterministic=True)
            taken = action.item() if action.ndim == 0 else action
            obs, reward, terminated, truncated, _ = self._env.step(taken)
            total, done = total + float(reward), terminated or truncated
        return total


def trained(job: tuple[str, str, int]) -> dict[str, Any]:
    """Returns along one training."""
    torch.set_num_threads(1)
    name, condition, seed = job
    setting, options = SETTINGS[name], dict(CONDITIONS[condition] or {})
    prior = wrong(setting.prior(), options.pop("wrong", None), seed)
    stays = options.pop("stays", False)
    venv = DummyVecEnv([setting.make])
    if (
        name not in BY_HAND
    ):  # as usual for networks: the speeds of the mountain cars are some hundredths
        venv = VecNormalize(venv, norm_reward=False)
    make = (
        setting.algorithm
        if condition == "plain"
        else rs.q_shaped(setting.algorithm, q_prior=prior, **options)
    )
    model = make(
        "MlpPolicy", venv, seed=seed, device="cpu", **json.loads(json.dumps(setting.learner))
    )
    if stays:
        model.q_shaper.decision = Stays(model.q_shaper.options, model.n_envs)
    looks, begun = Looks(setting), time.perf_counter()
    model.learn(setting.steps, callback=looks)
    outcome = None if condition == "plain" else model.q_shaper.decision.outcome
    return {"setting": name, "condition": condition, "seed": seed, "returns": looks.returns,
            "s": time.perf_counter() - begun, "prior": outcome and outcome.model_dump()}  # fmt: skip


def told(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """By setting and condition: steps to 80 % of the peak, their ratio to plain, the difference of
    the final return.
    """
    result: dict[str, Any] = {}
    for name, setting in SETTINGS.items():
        by = {c: {run["seed"]: run["returns"] for run in runs if (run["setting"], run["condition"]) == (name, c)}
              for c in CONDITIONS}  # fmt: skip
        if not by["plain"]:
            continue
        curves = {
            c: np.array([found[seed] for seed in sorted(found)]) for c, found in by.items() if found
        }
        right = [
            curve.mean(axis=0).max()
            for c, curve in curves.items()
            if "wrong" not in (CONDITIONS[c] or {})
        ]
        low, high = float(curves["plain"][:, 0].min()), float(max(right))
        result[name] = {"from": low, "to": high, "steps": setting.steps}
        for condition, curve in curves.items():
            plain = np.array(
                [by["plain"][seed] for seed in sorted(by[condition])]
            )  # the same seeds
            steps, usual = (
                reached(found, low + 0.8 * (high - low), setting.steps) for found in (curve, plain)
            )
            final, before = (
                (found[:, -3:].mean(axis=1) - low) / (high - low or 1.0) for found in (curve, plain)
            )
            gap = paired_difference(list(final), list(before))
            result[name][condition] = {
                "seeds": len(steps),
                "median steps to 80 %": float(np.median(steps)),
                "never": int((steps > setting.steps).sum()),
                "steps relative to plain": exponential(interval(list(np.log(steps / usual)))),
                "final, normalised": float(final.mean()),
                "final minus plain": [gap.mean, gap.low, gap.high],
            }
    return result


def exponential(of_logs: Interval) -> list[float | None]:
    """A geometric mean with its ends."""
    return [
        None if x is None else float(np.exp(x)) for x in (of_logs.mean, of_logs.low, of_logs.high)
    ]


def reached(curves: Any, goal: float, steps: int) -> Any:
    """Of each seed the steps at the first look at which its return is there; one look after the end
    where none is.
    """
    every, there = steps // POINTS, curves >= goal
    return every * np.where(there.any(axis=1), there.argmax(axis=1) + 1, POINTS + 1)


def over_all(learning: dict[str, Any]) -> dict[str, Any]:
    """Geometric mean over the settings with written priors of the steps relative to plain; the
    setting is the unit.
    """
    found = {}
    for condition in CONDITIONS:
        ratios = [np.log(rows[condition]["steps relative to plain"][0])
                  for name, rows in learning.items() if name not in BY_HAND and condition in rows]  # fmt: skip
        if ratios and condition != "plain":
            mean = interval(ratios)
            found[condition] = {"settings": len(ratios), "ratio": exponential(mean)}
    return found


def overhead() -> dict[str, float]:
    """Wall time per step relative to plain training, by k, and after the weight is 0; interleaved,
    median of five.
    """
    torch.set_num_threads(1)
    setting = SETTINGS["Pendulum-v1, SAC"]
    kinds: dict[str, dict[str, Any] | None] = {
        "plain": None,
        **{f"every {k}": {"every": k, "until": 1.0, "prove": 0.0} for k in (1, 2, 4, 8)},
        "after": {"until": 1e-6, "prove": 0.0},
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for seed in range(5):
        for name, options in kinds.items():
            make = SAC if options is None else rs.q_shaped(SAC, q_prior=setting.prior(), **options)
            learner = {**json.loads(json.dumps(setting.learner)), "learning_starts": 50}
            model = make("MlpPolicy", setting.make(), seed=seed, device="cpu", **learner)
            begun = time.perf_counter()
            model.learn(1200)
            seconds[name].append(time.perf_counter() - begun)
    pairs = {
        name: np.array(values) / np.array(seconds["plain"]) for name, values in seconds.items()
    }
    return {name: float(np.median(ratio)) for name, ratio in pairs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS))
    parser.add_argument("--conditions", nargs="*", default=list(CONDITIONS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--overhead", action="store_true", help="measure the wall time of updates anew, too"
    )
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    there = given.output is not None and given.output.exists()
    kept: dict[str, Any] = json.loads(given.output.read_text(encoding="utf-8")) if there else {}
    runs: list[dict[str, Any]] = kept.get("runs", [])
    known = {(run["setting"], run["condition"], run["seed"]) for run in runs}
    wanted = [
        (name, c, seed)
        for seed in range(given.seeds)
        for name in given.settings
        for c in given.conditions
    ]
    jobs = [job for job in wanted if job not in known]
    with multiprocessing.get_context("fork").Pool(given.workers) as pool:
        for done, run in enumerate(pool.imap_unordered(trained, jobs), 1):
            runs.append(run)
            name = f"{run['setting']}: {run['condition']}, seed {run['seed']}"
            print(f"{done}/{len(jobs)} {name}, {run['s']:.0f} s", flush=True)
            if given.output:
                given.output.write_text(json.dumps({**kept, "runs": runs}) + "\n", encoding="utf-8")
    learning = told(runs)
    told_of = {"cores": os.cpu_count(), "learning": learning, "over all": over_all(learning)}
    times = overhead() if given.overhead else kept.get("time relative to plain")
    result = {**told_of, "time relative to plain": times, "runs": runs}
    print(json.dumps({key: value for key, value in result.items() if key != "runs"}, indent=1))
    if given.output:
        given.output.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
