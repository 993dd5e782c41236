"""Reward for door-key (minigrid:MiniGrid-DoorKey-6x6-v0), designed with rewardsmith.

Goal: Fetch the key, open the locked door between two rooms with it, and walk to the goal in the far
corner, as soon as possible. The key, the door and the start are elsewhere in every episode.

Fitness of agents trained under it: 0.991 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.304).
Written by openai/capable; program 2bb5940bd313 of run door-key-eager-2a7b5d9a; discount 0.98.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from env import Around  # env.py lies in the task's folder
    from reward import RewardWrapper, ShowSubgoals

    env = RewardWrapper(gym.make("minigrid:MiniGrid-DoorKey-6x6-v0", max_steps=150, agent_view_size=3))
    env = Around(env)
    env = ShowSubgoals(env)

The policy that was trained under it lies beside it:

    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    venv = VecNormalize.load("vecnormalize.pkl", DummyVecEnv([lambda: env]))
    actions, _ = PPO.load("policy.zip").predict(venv.reset(), deterministic=True)

The wrapper belongs directly around the environment, below every wrapper that changes observations or actions; what the
policy sees of subgoals is put in by ShowSubgoals, above all of them.
"""

from __future__ import annotations

# --- The program, as it was written -------------------------------------------------------------------------

import numpy as np

# step ahead for direction 0 right, 1 down, 2 left, 3 up
DX = np.array([1, 0, -1, 0])
DY = np.array([0, 1, 0, -1])
GOAL_X = 4
GOAL_Y = 4


def subgoals(next_carrying_key, next_agent_x, next_agent_y, next_direction,
             next_door_x, next_door_y, next_door_open):
    carrying = np.asarray(next_carrying_key).astype(bool)
    door_open = np.asarray(next_door_open).astype(bool)
    looks = np.clip(np.round(next_direction), 0, 3).astype(int)
    ahead_x = next_agent_x + DX[looks]
    ahead_y = next_agent_y + DY[looks]

    # use the <key>
    used_thing_is_key = carrying

    # open the <door>: the key is before it, still closed, right ahead, from the left
    door_ahead = (
        (np.abs(ahead_x - next_door_x) < 0.5) & (np.abs(ahead_y - next_door_y) < 0.5)
        & (next_agent_x < next_door_x)
    )
    key_is_for_door = carrying & door_ahead & ~door_open

    # to <open> it
    door_is_opened = door_open

    # and <then>: through it, in the far room
    in_far_room = next_agent_x > next_door_x + 0.5

    # get to the <goal>: it lies right ahead
    goal_ahead = (
        (np.abs(ahead_x - GOAL_X) < 0.5) & (np.abs(ahead_y - GOAL_Y) < 0.5)
        & in_far_room
    )

    # at the goal itself (a walk of one step) the room has been passed as well
    at_goal = (np.abs(next_agent_x - GOAL_X) < 0.5) & (np.abs(next_agent_y - GOAL_Y) < 0.5)

    return {
        "used_thing_is_key": used_thing_is_key,
        "key_is_for_door": key_is_for_door,
        "door_is_opened": door_is_opened,
        "in_far_room": in_far_room,
        "goal_is_ahead": goal_ahead & ~at_goal,
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

    def holding(env: Any, obs: Any, info: dict[str, Any]) -> str:
        """What the agent carries, in the mission's word."""
        return 'key' if env.carrying is not None else ''

    def opened(env: Any, obs: Any, info: dict[str, Any]) -> str:
        """What stands open, in the mission's word."""
        return 'door' if door_open(env, obs, info) else ''

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


_FIELD_FUNCTIONS = {"fields.py:agent_x": _module_of_fields_0()['agent_x'], "fields.py:agent_y": _module_of_fields_0()['agent_y'], "fields.py:carrying_key": _module_of_fields_0()['carrying_key'], "fields.py:direction": _module_of_fields_0()['direction'], "fields.py:door_open": _module_of_fields_0()['door_open'], "fields.py:door_x": _module_of_fields_0()['door_x'], "fields.py:door_y": _module_of_fields_0()['door_y']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.

    ``info["subgoals"]`` is the mask of those that are done. What is paid once must be seen to be done: the policy was
    trained with ShowSubgoals on top, which puts the mask into the observation.
    """

    FIELDS = {
        "carrying_key": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:carrying_key"](env.unwrapped, obs, info),
        "agent_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_x"](env.unwrapped, obs, info),
        "agent_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_y"](env.unwrapped, obs, info),
        "direction": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:direction"](env.unwrapped, obs, info),
        "door_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:door_x"](env.unwrapped, obs, info),
        "door_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:door_y"](env.unwrapped, obs, info),
        "door_open": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:door_open"](env.unwrapped, obs, info),
    }
    GAMMA = 0.98
    SUBGOALS = ["used_thing_is_key", "key_is_for_door", "door_is_opened", "in_far_room", "goal_is_ahead"]
    BONUS = 0.008693283823827783

    def reset(self, **kwargs):
        obs, info = self.env.reset(**kwargs)
        self._first = self._before = self._read(obs, info)
        self._previous_action = None
        self._done, self._owed = dict.fromkeys(self.SUBGOALS, False), 0.0
        return obs, {**info, "subgoals": self._mask()}

    def step(self, action):
        taken = self._plain(action)  # a copy, before the environment can change it
        obs, native_reward, terminated, truncated, info = self.env.step(action)
        after = self._read(obs, info)
        total, terms = self._apply(taken, after, terminated, native_reward)
        self._before, self._previous_action = after, taken
        info = {**info, "native_reward": native_reward, "reward_terms": terms}
        info["subgoals"] = self._mask()
        return obs, total, terminated, truncated, info

    def _read(self, obs, info):
        return {name: self._plain(read(self.env, obs, info)) for name, read in self.FIELDS.items()}

    def _apply(self, action, after, terminated, native_reward):
        values = {"action": action, "terminated": self._plain(bool(terminated))}
        values["prev_action"] = action if self._previous_action is None else self._previous_action
        for name in self.FIELDS:
            values |= {name: self._before[name], f"first_{name}": self._first[name], f"next_{name}": after[name]}
        total = float(native_reward)
        terms = {"native": total}
        paid = self._subgoals(values, terminated, native_reward)
        total, terms = total + paid, {**(terms or {"reward": total}), "subgoals": paid}
        return total, terms

    def _subgoals(self, values, terminated, native_reward):
        asked = {name: _np.asarray(values[name])[None] for name in ["next_carrying_key", "next_agent_x", "next_agent_y", "next_direction", "next_door_x", "next_door_y", "next_door_open"]}
        holds = subgoals(asked["next_carrying_key"], asked["next_agent_x"], asked["next_agent_y"], asked["next_direction"], asked["next_door_x"], asked["next_door_y"], asked["next_door_open"])
        new = [name for name, done in self._done.items() if not done and self._number(holds[name]) > 0.5]
        before = sum(self._done.values())
        self._done |= dict.fromkeys(new, True)
        success = terminated and native_reward > 0
        paid = self.BONUS * len(new)
        self._owed = paid + self._owed / self.GAMMA
        return paid - self._owed if success else paid

    def _mask(self):
        return _np.array([self._done[name] for name in self.SUBGOALS], _np.float32)

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


class ShowSubgoals(_gym.Wrapper):
    """Puts the mask of the subgoals that are done into the observation, as the policy was trained with."""

    def __init__(self, env):
        super().__init__(env)
        space, mask = env.observation_space, _gym.spaces.Box(0.0, 1.0, (len(RewardWrapper.SUBGOALS),), _np.float32)
        if isinstance(space, _gym.spaces.Dict):
            self.observation_space = _gym.spaces.Dict({**space.spaces, "subgoals": mask})
        else:
            low, high = (_np.concatenate(ends) for ends in ((space.low, mask.low), (space.high, mask.high)))
            self.observation_space = _gym.spaces.Box(low, high, dtype=_np.float32)

    def reset(self, **kwargs):
        obs, info = self.env.reset(**kwargs)
        return self._shown(obs, info), info

    def step(self, action):
        obs, reward, terminated, truncated, info = self.env.step(action)
        return self._shown(obs, info), reward, terminated, truncated, info

    @staticmethod
    def _shown(obs, info):
        mask = info["subgoals"]
        return {**obs, "subgoals": mask} if isinstance(obs, dict) else _np.concatenate([obs, mask], dtype=_np.float32)
