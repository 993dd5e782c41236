"""CPU against GPU for the learners whose device is chosen by `device = "auto"`.

    python benchmarks/device.py [--devices cpu cuda] [-o benchmarks/results/device.json]

Each arm is a whole trial of rewardsmith: recorded environments, a program in its host as the
reward, learner, curve and checkpoints. Prints environment steps per second of the training.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch

from rewardsmith.engine.workers.opening import running_functions
from rewardsmith.program import EntryPoint
from rewardsmith.run.trials import TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.terms.specs import program_terms
from rewardsmith.train.trainers import Member
from rewardsmith.train.trial import run_training


class PixelCatch(gym.Env):
    """A ball falls, a paddle must be under it: 84 x 84 grey pixels, positions in info."""

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium's own form

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 255, (84, 84, 1), np.uint8)
        self.action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.ball = [int(self.np_random.integers(4, 80)), 0]
        self.paddle = 42
        return self._pixels(), self._info()

    def step(self, action):
        self.paddle = int(np.clip(self.paddle + 4 * (int(action) - 1), 4, 80))
        self.ball[1] += 4
        landed = self.ball[1] >= 80
        caught = landed and abs(self.ball[0] - self.paddle) < 8
        return self._pixels(), float(caught), landed, False, self._info()

    def _pixels(self):
        pixels = np.zeros((84, 84, 1), np.uint8)
        pixels[self.ball[1] : self.ball[1] + 4, self.ball[0] - 4 : self.ball[0] + 4] = 255
        pixels[80:, self.paddle - 4 : self.paddle + 4] = 255
        return pixels

    def _info(self):
        return {"ball_x": float(self.ball[0]), "paddle_x": float(self.paddle)}


PIXELS = {
    "goal": "Catch the falling ball with the paddle.",
    "env": {"id": "device:PixelCatch"},
    "fields": [
        {"name": "ball_x", "source": 'info["ball_x"]', "at_reset": True},
        {"name": "paddle_x", "source": 'info["paddle_x"]', "at_reset": True},
    ],
    "fitness": {"source": "native_return", "solved": 0.9},
    "training": {
        "algorithm": "PPO",
        "policy": "CnnPolicy",
        "steps": 16_384,
        "normalise_observations": False,
        "hyperparameters": {"n_steps": 64, "batch_size": 256, "n_epochs": 4, "gamma": 0.99},
    },
}
CLOSER = """
import numpy as np
def reward(ball_x, paddle_x, next_paddle_x):
    return {"closer": (np.abs(ball_x - paddle_x) - np.abs(ball_x - next_paddle_x)) / 4.0}
"""
PENDULUM = {
    "goal": "Swing the pendulum up and keep it upright.",
    "env": {"id": "Pendulum-v1"},
    "fields": [{"name": "cosine", "source": "obs[0]"}, {"name": "speed", "source": "obs[2]"}],
    "fitness": {"source": "native_return"},
}
UPRIGHT = """
def reward(next_cosine, next_speed):
    return {"height": next_cosine, "calm": -0.01 * next_speed**2}
"""


def learner(
    algorithm: str, policy: str, steps: int, **hyperparameters: object
) -> dict[str, object]:
    return {
        "algorithm": algorithm,
        "policy": policy,
        "steps": steps,
        "normalise_observations": policy != "CnnPolicy",
        "hyperparameters": {"gamma": 0.99, **hyperparameters},
    }


SMALL = {"net_arch": [64, 64]}
ARMS = {
    "PPO, pixels, CnnPolicy": (PIXELS, CLOSER, PIXELS["training"]),
    "PPO, MlpPolicy 64x64": (
        PENDULUM,
        UPRIGHT,
        learner(
            "PPO", "MlpPolicy", 40_960, n_steps=128, batch_size=512, n_epochs=4, policy_kwargs=SMALL
        ),
    ),
    "SAC, MlpPolicy 256x256, batch 256": (
        PENDULUM,
        UPRIGHT,
        learner(
            "SAC",
            "MlpPolicy",
            8_000,
            batch_size=256,
            learning_starts=1000,
            train_freq=16,
            gradient_steps=16,
        ),
    ),
    "SAC, MlpPolicy 256x256, batch 4096": (
        PENDULUM,
        UPRIGHT,
        learner(
            "SAC",
            "MlpPolicy",
            8_000,
            batch_size=4096,
            learning_starts=5000,
            train_freq=16,
            gradient_steps=16,
        ),
    ),
}


def measure(spec: dict, source: str, training: dict, device: str) -> dict[str, float]:
    task = Task("benchmark", parse_spec({**spec, "training": training}, "benchmark"))
    names = tuple(source.partition("(")[2].partition(")")[0].split(", "))
    entries = {"reward": EntryPoint("reward", names, "reward")}
    job = TrialJob(
        program="benchmark", steps=task.spec.training.steps, device=device,
        reward=program_terms(source, entries, "batched"),
        training=task.spec.training, evaluation=task.spec.evaluation,
    )  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        running_functions(task, job) as open_functions,
    ):
        report = run_training(task, Member(job, Path(folder), open_functions))
    assert report.status == "finished", report.message
    return {
        "steps": report.steps,
        "wall_s": round(report.wall_s, 2),
        "steps_per_s": round(report.steps / report.wall_s),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--devices", nargs="+", default=["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    )
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.chdir(Path(__file__).parent)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name, (spec, source, training) in ARMS.items():
        runs = {
            device: [measure(spec, source, training, device) for _ in range(options.repeats)]
            for device in options.devices
        }
        results[name] = {
            device: max(found, key=lambda run: run["steps_per_s"]) for device, found in runs.items()
        }
        print(
            f"{name:38}",
            *(f"{device} {run['steps_per_s']:>7,}/s" for device, run in results[name].items()),
            flush=True,
        )
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
    }
    if options.output:
        options.output.write_text(
            json.dumps({"machine": machine, "results": results}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
