"""A line to walk along, for tests that train: an episode is over in ten steps, a training in a second.

The file is an environment of its own (``env.py:LineWorld`` in a task's folder), so it imports nothing of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

LENGTH = 1.0
STEP = 0.25
LIMIT = 10

TASK = """\
goal = "Reach the right end of the line, at 1."
naive = "Paying for the end alone is seldom felt."

[env]
id = "env.py:LineWorld"
max_episode_steps = 10
{kwargs}
[[fields]]
name = "position"
source = "obs[0]"
unit = "m"
range = [-1.0, 1.0]
doc = "where the walker is"

[[fields]]
name = "secret_distance"
source = "obs[1]"
hidden = true

[action]
doc = "how far to walk"

[fitness]
source = "fitness.py:fitness"

[training]
algorithm = "PPO"
steps = 256
n_envs = 2

[training.hyperparameters]
n_steps = 16
batch_size = 32
n_epochs = 2
gamma = 0.95
policy_kwargs = {{ net_arch = [8] }}

[evaluation]
episodes = 3
"""

FITNESS = """\
def fitness(episode):
    return float(episode.fields["position"][-1]) - 0.01 * len(episode), episode.terminated
"""


class LineWorld(gym.Env[Any, Any]):
    """A walker on [-1, 1]; starts near 0, ends at 1; pays nothing but the end."""

    def __init__(self, discrete: bool = False) -> None:
        self.observation_space = gym.spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(3) if discrete else gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self._discrete = discrete
        self._position = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._position = float(self.np_random.uniform(-0.2, 0.2))
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        push = float(action) - 1.0 if self._discrete else float(np.clip(action[0], -1.0, 1.0))
        self._position = max(-LENGTH, self._position + STEP * push)
        arrived = self._position >= LENGTH
        return self._seen(), float(arrived), arrived, False, {}

    def _seen(self) -> Any:
        return np.array([self._position, LENGTH - self._position], np.float32)


def write_task(folder: Path, discrete: bool = False) -> Path:
    """A task folder with a copy of this environment."""
    folder.mkdir(parents=True)
    (folder / "env.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "fitness.py").write_text(FITNESS, encoding="utf-8")
    kwargs = "kwargs = { discrete = true }\n" if discrete else ""
    (folder / "task.toml").write_text(TASK.format(kwargs=kwargs), encoding="utf-8")
    return folder
