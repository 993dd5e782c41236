"""Small environments that reveal an off-by-one, a lost last observation or a shared array.

The file imports nothing of ours, so that a task's folder may hold a copy of it
(``env.py:Counter``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

Box, Discrete = gym.spaces.Box, gym.spaces.Discrete
FLAT = Box(-1e6, 1e6, (3,), np.float32)


class Counter(gym.Env[Any, Any]):
    """Shows (who, episode, step); episodes have the given lengths in turn, and terminate or are truncated in turn.

    Args:
        lengths: of episodes; each environment begins at another one, by its seed.
        form: of the observation: box, dict, nested, discrete, multidiscrete or multibinary.
        shared: return the same array each time, changed in place.
        greedy: change the array of the action in place.
        discrete: three actions in place of a vector of two.
    """

    steps_taken = 0  # of all counters in this process

    def __init__(
        self,
        lengths: tuple[int, ...] = (3,),
        form: str = "box",
        shared: bool = False,
        greedy: bool = False,
        discrete: bool = False,
    ) -> None:
        self.observation_space = SPACES[form]
        self.action_space = Discrete(3) if discrete else Box(-1.0, 1.0, (2,), np.float32)
        self._lengths, self._form, self._shared, self._greedy = tuple(lengths), form, shared, greedy
        self._who = self._episode = self._step = 0
        self._array = np.zeros(3, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._who, self._episode = seed % 97, 0
        self._episode, self._step = self._episode + 1, 0
        return self._seen(), {"episode_number": self._episode, "unlike": "a number"}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        Counter.steps_taken += 1
        self._step += 1
        force = float(np.sum(action))
        if self._greedy:
            action[...] = -9.0
        ended = self._step == self._lengths[(self._who + self._episode) % len(self._lengths)]
        terminates = self._episode % 2 == 0
        info = {
            "episode_number": self._episode,
            "doubled": np.array([2 * self._step, self._episode]),
            "is_success": ended and self._step > 2,
            "force": force,
        }
        return self._seen(), self._step + 0.5, ended and terminates, ended and not terminates, info

    def _seen(self) -> Any:
        self._array = self._array if self._shared else self._array.copy()
        self._array[:] = self._who, self._episode, self._step
        if self._form == "box":
            return self._array
        return _AS[self._form](self._array)


def bits(number: int) -> Any:
    return np.array([number >> k & 1 for k in range(8)], np.int8)


SPACES: dict[str, gym.Space[Any]] = {
    "box": FLAT,
    "dict": gym.spaces.Dict({"who": Discrete(97), "place": Box(-1e6, 1e6, (2,), np.float32)}),
    "nested": gym.spaces.Dict(
        {"outer": gym.spaces.Dict({"inner": FLAT}), "flag": gym.spaces.MultiBinary(8)}
    ),
    "discrete": Discrete(100),
    "multidiscrete": gym.spaces.MultiDiscrete([97, 1000, 1000]),
    "multibinary": gym.spaces.MultiBinary(8),
}
_AS: dict[str, Any] = {
    "dict": lambda a: {"who": int(a[0]), "place": a[1:].copy()},
    "nested": lambda a: {"outer": {"inner": a.copy()}, "flag": bits(int(a[2]))},
    "discrete": lambda a: int(a[2]),
    "multidiscrete": lambda a: a.astype(np.int64),
    "multibinary": lambda a: bits(int(a[2])),
}


class Match(gym.Env[Any, Any]):
    """Name the number that is shown: what PPO learns in a second. Eight rounds an episode, a point each."""

    def __init__(self, dictionary: bool = False, continuous: bool = False) -> None:
        inner = Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = (
            gym.spaces.Dict({"shown": inner, "round": Discrete(9)}) if dictionary else inner
        )
        self.action_space = inner if continuous else Discrete(2)
        self._dictionary, self._continuous = dictionary, continuous
        self._round = self._shown = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._round = 0
        return self._next(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        named = int(action[0] > 0) if self._continuous else int(action)
        point = float(named == self._shown)
        self._round += 1
        return self._next(), point, False, self._round == 8, {"point": point}

    def _next(self) -> Any:
        self._shown = int(self.np_random.integers(2))
        shown = np.array([2.0 * self._shown - 1.0], np.float32)
        return {"shown": shown, "round": self._round} if self._dictionary else shown


class Pixels(gym.Env[Any, Any]):
    """An image, and numbers about it in info: where the light is, at reset too, and how far it moved, after steps."""

    def __init__(self) -> None:
        self.observation_space = Box(0, 255, (36, 36, 3), np.uint8)
        self.action_space = Discrete(3)
        self._light = self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._light, self._step = int(self.np_random.integers(36)), 0
        return self._seen(), {"light": self._light}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        before, self._step = self._light, self._step + 1
        self._light = self._moved(int(action))
        info = {"light": self._light, "moved": float(self._light - before)}
        return self._seen(), float(self._light == 35), False, self._step == 8, info

    def _moved(self, action: int) -> int:
        return int(np.clip(self._light + action - 1, 0, 35))

    def _seen(self) -> Any:
        image = np.zeros((36, 36, 3), np.uint8)
        image[:, self._light] = 255
        return image


class Drawn(Pixels):
    """What it shows, four times as large, as a picture; its light never rests."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__()
        self.render_mode = render_mode

    def _moved(self, action: int) -> int:
        return (self._light + 1 + action) % 36

    def render(self) -> Any:
        return np.kron(self._seen(), np.ones((4, 4, 1), np.uint8)) if self.render_mode else None


class Moody(Drawn):
    """Where its light goes, no seed decides."""

    def _moved(self, action: int) -> int:
        return int(np.random.default_rng().integers(36))


class Halved(gym.ObservationWrapper[Any, Any, Any]):
    """Shows the policy half of everything, and nothing of who it is."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = Box(-1e6, 1e6, (2,), np.float32)

    def observation(self, observation: Any) -> Any:
        return observation[1:] / 2


def copy_to(folder: Path) -> None:
    """Put these environments beside a task as ``env.py``."""
    (folder / "env.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
