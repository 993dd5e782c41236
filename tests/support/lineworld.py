"""A line world for tests that train: an episode takes ten steps, a training a second.

The file is an environment of its own (``env.py:LineWorld`` in a task's folder), so it imports
nothing of ours.
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
{more}
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
    """A walker on [-1, 1] that starts near 0; only reaching the end at 1 is rewarded."""

    def __init__(self, discrete: bool = False) -> None:
        self.observation_space = gym.spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.action_space = (
            gym.spaces.Discrete(3) if discrete else gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        )
        self._discrete = discrete
        self.position = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.position = float(self.np_random.uniform(-0.2, 0.2))
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        push = float(action) - 1.0 if self._discrete else float(np.clip(action[0], -1.0, 1.0))
        self.position = max(-LENGTH, self.position + STEP * push)
        arrived = self.position >= LENGTH
        return self._seen(), float(arrived), arrived, False, {}

    def _seen(self) -> Any:
        return np.array([self.position, LENGTH - self.position], np.float32)


class Picture(gym.ObservationWrapper[Any, Any, Any]):
    """The line as an image: dark up to the walker, bright from there."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = gym.spaces.Box(0, 255, (36, 36, 1), np.uint8)

    def observation(self, observation: Any) -> Any:
        """An image of 36 columns."""
        bright = np.arange(36) >= 12 * (float(observation[0]) + 1.5)
        return np.broadcast_to(255 * bright[None, :, None], (36, 36, 1)).astype(np.uint8)


class Place(gym.ObservationWrapper[Any, Any, Any]):
    """The line as one of twelve places."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = gym.spaces.Discrete(12)

    def observation(self, observation: Any) -> Any:
        """The number of the place."""
        return int(np.clip(4 * (float(observation[0]) + 1.5), 0, 11))


def write_task(
    folder: Path, discrete: bool = False, wrapper: str | None = None, policy: str = "MlpPolicy"
) -> Path:
    """A task folder with a copy of this environment.

    Args:
        wrapper: what the policy sees it through, a class of this file.
    """
    folder.mkdir(parents=True)
    (folder / "env.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "fitness.py").write_text(FITNESS, encoding="utf-8")
    more = ["kwargs = { discrete = true }"] if discrete else []
    more += [f'wrappers = ["env.py:{wrapper}"]'] if wrapper else []
    task = TASK.format(more="\n".join(more)).replace(
        'algorithm = "PPO"', f'algorithm = "PPO"\npolicy = "{policy}"'
    )
    (folder / "task.toml").write_text(task, encoding="utf-8")
    return folder
