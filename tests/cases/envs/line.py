"""A point on a line that must reach a goal, as a base of environments with one peculiarity each.

The file imports nothing of ours, so that ``tasks new`` may copy it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import gymnasium as gym
import numpy as np

Box = gym.spaces.Box
STEPS = 20


class Line(gym.Env[Any, Any]):
    """The observation is the place and the goal; the reward is 1 at the goal."""

    def __init__(self) -> None:
        self.observation_space: gym.Space[Any] = Box(-10.0, 10.0, (2,), np.float32)
        self.action_space: gym.Space[Any] = Box(-1.0, 1.0, (1,), np.float32)
        self.place = self.goal = 0.0
        self.steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self.place, self.goal = (float(at) for at in self.np_random.uniform(-5, 5, 2))
        self.steps = 0
        return self.seen(), self.told_at_reset()

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.steps += 1
        self.place = float(np.clip(self.place + self.moved(action), -10, 10))
        return self.seen(), self.reward(), self.arrived, self.steps >= STEPS, self.told()

    @property
    def arrived(self) -> Any:
        return abs(self.place - self.goal) < 0.5

    def moved(self, action: Any) -> float:
        return 0.5 * float(np.asarray(action).reshape(-1)[0])

    def seen(self) -> Any:
        return np.array([self.place, self.goal], np.float32)

    def reward(self) -> Any:
        return float(self.arrived)

    def told(self) -> Any:
        return {}

    def told_at_reset(self) -> Any:
        return {}


class SuccessFloat(Line):
    """Reports success as Gymnasium-Robotics does: 1.0 or 0.0."""

    kind: Any = np.float32

    def told(self) -> Any:
        return {"is_success": self.kind(self.arrived)}


class SuccessInt(SuccessFloat):
    kind = int


class SuccessBool(SuccessFloat):
    kind = bool


class SuccessNumpyBool(SuccessFloat):
    kind = np.bool_


class SuccessArray(SuccessFloat):
    def told(self) -> Any:
        return {"is_success": np.array([self.arrived], np.float64)}


class SuccessNoneUntilTheEnd(SuccessFloat):
    def told(self) -> Any:
        ends = self.arrived or self.steps >= STEPS
        return {"is_success": float(self.arrived) if ends else None}


class SuccessGraded(SuccessFloat):
    def told(self) -> Any:
        return {"is_success": 1 / (1 + abs(self.place - self.goal))}


class WholeActions(Line):
    """Orders whole pieces: a Box of integers."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = Box(-3, 3, (1,), np.int64)


class WholeActionsOnly(WholeActions):
    """Fails where an action is no integer."""

    def moved(self, action: Any) -> float:
        return float([0, 1, 2, 3, -3, -2, -1][action[0]])


class Camera(Line):
    """The policy sees a picture; how far the goal is comes with each step, and not with a reset."""

    size = 36

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = Box(0, 255, (self.size, self.size, 3), np.uint8)

    def seen(self) -> Any:
        picture = np.zeros((self.size, self.size, 3), np.uint8)
        half = self.size // 2
        picture[self.pixel(self.place), :half] = 255
        picture[self.pixel(self.goal), half:] = 255
        return picture

    def pixel(self, at: float) -> int:
        return int((at + 10) / 20 * (self.size - 0.1))

    def told(self) -> Any:
        return {"distance": abs(self.place - self.goal)}


class SmallCamera(Camera):
    size = 8


class EndReport(Line):
    """Summarises an episode in its last step only, with a number and an array."""

    def told(self) -> Any:
        told: dict[str, Any] = {"speed": 0.1 * self.place}
        if self.arrived or self.steps >= STEPS:
            told |= {"final_distance": abs(self.place - self.goal), "corner": np.ones(2)}
        return told


class NoneAtReset(Line):
    """Knows the error only after a step: None before, and now and then no number."""

    def told_at_reset(self) -> Any:
        return {"error": None, "odd": "not yet"}

    def told(self) -> Any:
        error = abs(self.place - self.goal)
        return {"error": None if self.steps == 3 else error, "odd": error}


class Ragged(Line):
    """Reports lists of lists of different lengths, a list that grows, a dictionary and a text."""

    def told(self) -> Any:
        return {
            "paths": [[0, 1], [2]],
            "clouds": [np.zeros((2, 3)), np.zeros((2, 4))],
            "seen": list(range(self.steps)),
            "parts": {"a": 1.0},
            "phase": "drive",
            "speed": 0.1 * self.place,
        }


class Gap(Line):
    """A sensor without a reading now and then: NaN, or infinity."""

    value: Any = np.nan
    share = 0.1

    def seen(self) -> Any:
        seen = super().seen()
        if self.np_random.random() < self.share:
            seen[0] = self.value
        return seen


class RareGap(Gap):
    """So rare that a look may miss it: only in long episodes to the left."""

    share = 0.0

    def seen(self) -> Any:
        seen = super().seen()
        if self.place < -9.5:
            seen[0] = np.nan
        return seen


class InfoGap(Line):
    """No time to a collision where none is near: infinity."""

    def told(self) -> Any:
        gap = self.goal - self.place
        return {"time_left": np.inf if gap < 0 else gap}


class NanReward(Line):
    def reward(self) -> Any:
        return np.nan if self.steps == 5 else 0.0


class ArrayReward(Line):
    """All state is kept as arrays of one number."""

    def reward(self) -> Any:
        return -np.abs(np.array([self.place - self.goal]))

    @property
    def arrived(self) -> Any:
        return np.array([abs(self.place - self.goal) < 0.5])


class NoReward(Line):
    """Leaves the reward, and info, to others."""

    def reward(self) -> Any:
        return None

    def told(self) -> Any:
        return None

    def told_at_reset(self) -> Any:
        return None


class TwoRewards(Line):
    def reward(self) -> Any:
        return np.array([1.0, 2.0])


class WrongShape(Line):
    """The space says two numbers, the observation has one."""

    def seen(self) -> Any:
        return np.array([self.place], np.float32)


class WrongKind(Line):
    """The space says bytes, the observation has fractions, which would all be 0."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = Box(0, 255, (2,), np.uint8)

    def seen(self) -> Any:
        return np.array([0.3, 0.6], np.float32)


class MissingKey(Line):
    def __init__(self) -> None:
        super().__init__()
        one = Box(-10.0, 10.0, (1,), np.float32)
        self.observation_space = gym.spaces.Dict({"place": one, "goal": one})

    def seen(self) -> Any:
        return {"place": np.array([self.place], np.float32)}


Dict, Discrete = gym.spaces.Dict, gym.spaces.Discrete


class Scanner(Line):
    """A laser scanner of 1080 beams and a speed, as on a racing car."""

    beams = 1080

    def __init__(self) -> None:
        super().__init__()
        scan = Box(0.0, 30.0, (self.beams,), np.float32)
        self.observation_space = Dict({"scan": scan, "speed": Box(-5.0, 5.0, (1,), np.float32)})

    def seen(self) -> Any:
        far = np.full(self.beams, abs(self.place - self.goal), np.float32)
        return {"scan": far, "speed": np.array([0.1 * self.place], np.float32)}

    def told(self) -> Any:
        return {"echo": np.ones(self.beams)}


class Spectrum(Scanner):
    """More numbers than a program may read, and a map."""

    beams = 20_000

    def __init__(self) -> None:
        super().__init__()
        assert isinstance(self.observation_space, Dict)
        self.observation_space["map"] = Box(0.0, 1.0, (40, 40), np.float32)

    def seen(self) -> Any:
        return {**super().seen(), "map": np.zeros((40, 40), np.float32)}


class Vector(Line):
    """One vector of 2000 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = Box(-10.0, 10.0, (2000,), np.float32)

    def seen(self) -> Any:
        return np.full(2000, abs(self.place - self.goal), np.float32)


class Pair(Line):
    """A Tuple: a number, and a Tuple of a vector and a flag."""

    def __init__(self) -> None:
        super().__init__()
        inner = gym.spaces.Tuple((self.observation_space, Discrete(2)))
        self.observation_space = gym.spaces.Tuple((Discrete(41), inner))

    def seen(self) -> Any:
        return (round(2 * self.place) + 20, (super().seen(), int(self.place > self.goal)))


class Cards(Line):
    """A Discrete that begins at 2, in a Dict."""

    def __init__(self) -> None:
        super().__init__()
        goal = Box(-10.0, 10.0, (1,), np.float32)
        self.observation_space = Dict({"sum": Discrete(19, start=2), "goal": goal})

    def seen(self) -> Any:
        total = int(np.clip(round(2 * self.place) + 11, 2, 20))
        return {"sum": total, "goal": np.array([self.goal], np.float32)}


class Card(Line):
    """A Discrete that begins at 2, alone."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = Discrete(19, start=2)

    def seen(self) -> Any:
        return int(np.clip(round(2 * self.place) + 11, 2, 20))


class OutOfRange(Card):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = Discrete(3)


class SmallCameraInDict(Line):
    def __init__(self) -> None:
        super().__init__()
        picture = Box(0, 255, (8, 8, 3), np.uint8)
        self.observation_space = Dict({"picture": picture, "goal": Box(-10, 10, (1,), np.float32)})

    def seen(self) -> Any:
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[int((self.place + 10) / 20 * 7.9)] = 255
        return {"picture": picture, "goal": np.array([self.goal], np.float32)}


class Readings(Line):
    """As many readings as there are: a Sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = gym.spaces.Sequence(Box(-10.0, 10.0, (1,), np.float32))

    def seen(self) -> Any:
        return (np.array([self.place], np.float32),) * (1 + self.steps)


class Named(Line):
    """A text beside numbers, as in MiniGrid."""

    def __init__(self) -> None:
        super().__init__()
        there = Box(-10.0, 10.0, (2,), np.float32)
        mission = gym.spaces.Sequence(Discrete(3))
        self.observation_space = Dict({"there": there, "mission": mission})

    def seen(self) -> Any:
        return {"there": super().seen(), "mission": (0, 1)}


class Year(Line):
    """An episode of 25,000 steps, which ends by itself."""

    @property
    def arrived(self) -> Any:
        return False

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        obs, _, terminated, _, info = super().step(action)
        return obs, 1.0, terminated, self.steps >= 25_000, info


class Endless(Year):
    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        obs, reward, terminated, _, info = super().step(action)
        return obs, reward, terminated, False, info


class Sloppy(Line):
    """Decimal rewards, no truncated, fractions of double precision, a text now and then."""

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        obs, reward, _, ended, _ = super().step(action)
        info = {"phase": "go on"} if self.steps % 2 else {}
        return obs.astype(np.float64), Decimal(reward), ended, None, info


class ActionsFromOne(Line):
    def __init__(self) -> None:
        super().__init__()
        self.action_space = gym.spaces.MultiDiscrete([3, 3], start=[1, 1])


class Speaks(Line):
    """The observation is a text."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = gym.spaces.Text(20, charset="efghilort ")

    def seen(self) -> Any:
        return "go left" if self.goal < self.place else "go right"
