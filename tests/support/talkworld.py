"""A room with an instruction, for tests of language: take one of a row of things.

The file is an environment of its own (``env.py:TalkWorld`` in a task's folder), so it imports
nothing of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

COLOURS, KINDS = ("red", "blue"), ("ball", "key")
PLACES = 7
LIMIT = 20

TASK = """\
goal = "Take up what the instruction names."
naive = "Anything in hand is no success."
labels = "labels.py:labels"

[env]
id = "env.py:TalkWorld"
max_episode_steps = 20
wrappers = ["env.py:Numbers"]

[[fields]]
name = "instruction"
source = 'obs["text"]'
words = ["take", "the", "red", "blue", "ball", "key"]
most_words = 4
doc = "as in: take the red ball"

[[fields]]
name = "below"
source = "fields.py:below"
words = ["key", "ball", "red", "blue"]
most_words = 2
doc = "the thing where the agent stands"

[[fields]]
name = "place"
source = 'obs["place"]'
doc = "where the agent stands"

[fitness]
source = "fitness.py:fitness"
solved = 0.9

[training]
algorithm = "PPO"
steps = 2048
n_envs = 8

[training.hyperparameters]
n_steps = 32
batch_size = 64
gamma = 0.95
policy_kwargs = { net_arch = [16] }

[evaluation]
episodes = 5
"""

FIELDS = """\
def below(env, obs, info):
    return env.things.get(env.place, "")
"""

FITNESS = """\
def fitness(episode):
    print("a world that talks while it is measured")
    won = bool(episode.terminated and episode.native_rewards[-1] > 0)
    return float(won), won
"""

LABELS = """\
import numpy as np


def labels(episode):
    wanted, below = episode.fields["instruction"][1:, 2:], episode.fields["below"][1:]
    numbers = np.array([0, 6, 5, 3, 4, -1])
    return {"found": np.all(numbers[below[:, ::-1]][:, ::-1] == wanted, axis=1)}
"""


class TalkWorld(gym.Env[Any, Any]):
    """Places in a row with things on some. Actions 0 and 1 walk, 2 takes the thing and ends the episode."""

    def __init__(self) -> None:
        print("a world that talks while it is made")
        self.observation_space = gym.spaces.Dict(
            {"text": gym.spaces.Text(40), "place": gym.spaces.Box(0, PLACES, (1,), np.float32)}
        )
        self.action_space = gym.spaces.Discrete(3)
        self.things: dict[int, str] = {}
        self.place = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        names = [f"{colour} {kind}" for colour in COLOURS for kind in KINDS]
        places = self.np_random.permutation(np.arange(1, PLACES))[: len(names)]
        self.things = dict(zip(map(int, places), names, strict=True))
        self.place, self.wanted = 0, str(self.np_random.choice(names))
        print("a world that talks while it is reset")  # as BabyAI's do
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        taken = int(action) == 2 and self.place in self.things
        if int(action) < 2:
            self.place = int(np.clip(self.place + 2 * int(action) - 1, 0, PLACES - 1))
        won = taken and self.things[self.place] == self.wanted
        return self._seen(), float(won), taken, False, {}

    def _seen(self) -> Any:
        return {"text": f"Take the {self.wanted}.", "place": np.array([self.place], np.float32)}


class Numbers(gym.ObservationWrapper[Any, Any, Any]):
    """What the policy sees: where it stands, and how far the wanted thing is."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.observation_space = gym.spaces.Box(-PLACES, PLACES, (2,), np.float32)

    def observation(self, observation: Any) -> Any:
        world: Any = self.env.unwrapped
        (there,) = (place for place, thing in world.things.items() if thing == world.wanted)
        return np.array([world.place, there - world.place], np.float32)


def write_task(folder: Path) -> Path:
    """A task folder with a copy of this environment."""
    folder.mkdir(parents=True)
    (folder / "env.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    for name, text in (("fields", FIELDS), ("fitness", FITNESS), ("labels", LABELS)):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "task.toml").write_text(TASK, encoding="utf-8")
    return folder
