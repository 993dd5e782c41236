"""Reward for door-key (minigrid:MiniGrid-DoorKey-6x6-v0), designed with rewardsmith.

Goal: Fetch the key, open the locked door between two rooms with it, and walk to the goal in the far
corner, as soon as possible. The key, the door and the start are elsewhere in every episode.

Fitness of agents trained under it: 0.926 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.255).
Written by a person or a program, by ask and tell; program 66c5e69dd8b9 of run door-key-
card-21443ea0; discount 0.98.
All numbers, seeds, digests and versions: the .json file beside this one.

    from minigrid import MiniGrid-DoorKey-6x6-v0
    from reward import RewardWrapper

    env = RewardWrapper(MiniGrid-DoorKey-6x6-v0())

The trained policy beside it: stable_baselines3's load("policy.zip"), with vecnormalize.pkl where there is one.
The wrapper belongs directly around the environment, below every wrapper that changes observations or actions.
"""

from __future__ import annotations

# --- The program, as it was written -------------------------------------------------------------------------

import numpy as np

GOAL_X, GOAL_Y = 4, 4


def apart(x, y, to_x, to_y):
    return np.abs(x - to_x) + np.abs(y - to_y)


def way_left(agent_x, agent_y, key_x, key_y, carrying_key, door_x, door_y, door_open):
    to_goal = apart(agent_x, agent_y, GOAL_X, GOAL_Y)
    from_door = apart(door_x, door_y, GOAL_X, GOAL_Y)
    to_door = apart(agent_x, agent_y, door_x, door_y)
    to_key = apart(agent_x, agent_y, key_x, key_y)
    key_to_door = apart(key_x, key_y, door_x, door_y)
    beyond = agent_x > door_x
    left = np.where(
        beyond, to_goal,
        np.where(door_open, to_door + from_door,
                 np.where(carrying_key, 2 + to_door + from_door, 4 + to_key + key_to_door + from_door)))
    return left * 1.0


def reward(agent_x, agent_y, key_x, key_y, carrying_key, door_x, door_y, door_open,
           next_agent_x, next_agent_y, next_key_x, next_key_y, next_carrying_key, next_door_open, terminated):
    before = way_left(agent_x, agent_y, key_x, key_y, carrying_key, door_x, door_y, door_open)
    after = way_left(next_agent_x, next_agent_y, next_key_x, next_key_y, next_carrying_key, door_x, door_y,
                     next_door_open)
    return {
        "way_made": 0.3 * (before - after),                # pays for: every cell and stage nearer; gives back on return
        "goal": np.where(terminated, 10.0, 0.0),           # pays for: arriving
        "time": np.full(agent_x.shape, -0.02),             # costs: standing about
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

def _module_of_fields_0():
    from typing import Any
    from minigrid.core.world_object import Door, Key

    def agent_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the agent."""
        return int(env.agent_pos[0])

    def agent_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the agent."""
        return int(env.agent_pos[1])

    def direction(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Where the agent looks: 0 right, 1 down, 2 left, 3 up."""
        return int(env.agent_dir)

    def key_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the key, the agent's while it is carried."""
        return _key(env)[0]

    def key_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the key, the agent's while it is carried."""
        return _key(env)[1]

    def carrying_key(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the agent carries the key."""
        return env.carrying is not None

    def door_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the door, and of the wall between the rooms."""
        return _place(env, Door)[0]

    def door_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the door."""
        return _place(env, Door)[1]

    def door_open(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the door stands open."""
        return bool(env.grid.get(*_place(env, Door)).is_open)

    def _key(env: Any) -> tuple[int, int]:
        return (agent_x(env, None, {}), agent_y(env, None, {})) if env.carrying else _place(env, Key)

    def _place(env: Any, kind: type) -> tuple[int, int]:
        """Where the only thing of a kind stands."""
        number = next((number for number, thing in enumerate(env.grid.grid) if isinstance(thing, kind)))
        return (number % env.width, number // env.width)
    return locals()


_FIELD_FUNCTIONS = {"fields.py:agent_x": _module_of_fields_0()['agent_x'], "fields.py:agent_y": _module_of_fields_0()['agent_y'], "fields.py:carrying_key": _module_of_fields_0()['carrying_key'], "fields.py:door_open": _module_of_fields_0()['door_open'], "fields.py:door_x": _module_of_fields_0()['door_x'], "fields.py:door_y": _module_of_fields_0()['door_y'], "fields.py:key_x": _module_of_fields_0()['key_x'], "fields.py:key_y": _module_of_fields_0()['key_y']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "agent_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_x"](env.unwrapped, obs, info),
        "agent_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_y"](env.unwrapped, obs, info),
        "key_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:key_x"](env.unwrapped, obs, info),
        "key_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:key_y"](env.unwrapped, obs, info),
        "carrying_key": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:carrying_key"](env.unwrapped, obs, info),
        "door_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:door_x"](env.unwrapped, obs, info),
        "door_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:door_y"](env.unwrapped, obs, info),
        "door_open": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:door_open"](env.unwrapped, obs, info),
    }
    ARGUMENTS = ["agent_x", "agent_y", "key_x", "key_y", "carrying_key", "door_x", "door_y", "door_open", "next_agent_x", "next_agent_y", "next_key_x", "next_key_y", "next_carrying_key", "next_door_open", "terminated"]

    def reset(self, **kwargs):
        obs, info = self.env.reset(**kwargs)
        self._first = self._before = self._read(obs, info)
        self._previous_action = None
        return obs, info

    def step(self, action):
        taken = self._plain(action)  # a copy, before the environment can change it
        obs, native_reward, terminated, truncated, info = self.env.step(action)
        after = self._read(obs, info)
        total, terms = self._apply(taken, after, terminated, native_reward)
        self._before, self._previous_action = after, taken
        info = {**info, "native_reward": native_reward, "reward_terms": terms}
        return obs, total, terminated, truncated, info

    def _read(self, obs, info):
        return {name: self._plain(read(self.env, obs, info)) for name, read in self.FIELDS.items()}

    def _apply(self, action, after, terminated, native_reward):
        values = {"action": action, "terminated": self._plain(bool(terminated))}
        values["prev_action"] = action if self._previous_action is None else self._previous_action
        for name in self.FIELDS:
            values |= {name: self._before[name], f"first_{name}": self._first[name], f"next_{name}": after[name]}
        asked = {name: _np.asarray(values[name])[None] for name in self.ARGUMENTS}  # a batch of one
        result = reward(asked["agent_x"], asked["agent_y"], asked["key_x"], asked["key_y"], asked["carrying_key"], asked["door_x"], asked["door_y"], asked["door_open"], asked["next_agent_x"], asked["next_agent_y"], asked["next_key_x"], asked["next_key_y"], asked["next_carrying_key"], asked["next_door_open"], asked["terminated"])
        total, terms = result if isinstance(result, tuple) else (None, result)
        if not isinstance(terms, dict):
            total, terms = terms, {}
        terms = {name: self._number(value) for name, value in terms.items()}
        total = sum(terms.values()) if total is None else self._number(total)
        return total, terms

    @staticmethod
    def _plain(value):
        """A read-only copy as float64, int64 or bool, which is all that the program was checked with."""
        array = _np.asarray(value)
        array = array.astype({"b": bool, "i": _np.int64, "u": _np.int64}.get(array.dtype.kind, _np.float64))
        array.flags.writeable = False
        return array

    @staticmethod
    def _number(value):
        return float(_np.asarray(value, _np.float64).reshape(-1)[0])
