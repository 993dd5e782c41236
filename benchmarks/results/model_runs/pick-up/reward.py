"""Reward for pick-up (minigrid:BabyAI-PickupDist-v0), designed with rewardsmith.

Goal: Pick up what the mission names, among five things in a room, as soon as possible: by colour
and kind (the red ball), by kind (a key), or by colour (the grey object). Picking up anything else
fails.

Fitness of agents trained under it: 0.952 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.839).
Written by openai/capable; program 8aaa41103b42 of run pick-up-eureka-e80a23e4; discount 0.92.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from env import Around  # env.py lies in the task's folder
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("minigrid:BabyAI-PickupDist-v0", debug=True, agent_view_size=3))
    env = Around(env)

The policy that was trained under it lies beside it:

    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    venv = VecNormalize.load("vecnormalize.pkl", DummyVecEnv([lambda: env]))
    actions, _ = PPO.load("policy.zip").predict(venv.reset(), deterministic=True)

The wrapper belongs directly around the environment, below every wrapper that changes observations or actions.
"""

from __future__ import annotations

# --- The program, as it was written -------------------------------------------------------------------------

import numpy as np


def reward(actions_to_target, next_actions_to_target,
           next_holding_target, next_holding_other,
           action, facing_target):
    # pays each action that brings the target closer and takes back each that leads away;
    # clipped, for the distance jumps when a box is destroyed or no way is left
    change = np.clip(actions_to_target - next_actions_to_target, -2.0, 2.0)
    ended = (next_holding_target > 0) | (next_holding_other > 0)
    approach = np.where(ended, 0.0, 0.4 * change)

    # the right thing in hand: the goal, ends the episode
    right_thing = 10.0 * (next_holding_target > 0)

    # the wrong thing in hand: clearly bad, but less than the right one is good
    wrong_thing = -3.0 * (next_holding_other > 0)

    # finish soon
    time = np.full(right_thing.shape, -0.05)

    # destroying the very thing that is wanted makes the mission hopeless
    broke_target = -1.0 * ((action == 5) & (facing_target > 0))

    return {
        "approach": approach,
        "right_thing": right_thing,
        "wrong_thing": wrong_thing,
        "time": time,
        "broke_target": broke_target,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

def _module_of_fields_0():
    from typing import Any
    AHEAD = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    SHUT_OFF = 25

    def agent_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the agent."""
        return int(env.agent_pos[0])

    def agent_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the agent."""
        return int(env.agent_pos[1])

    def direction(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Where the agent looks: 0 right, 1 down, 2 left, 3 up."""
        return int(env.agent_dir)

    def target_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the wanted thing that is nearest."""
        return _target(env)[0]

    def target_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the wanted thing that is nearest."""
        return _target(env)[1]

    def actions_to_target(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Moves and turns until a wanted thing lies right ahead, around everything else; SHUT_OFF if there is no way."""
        if holding_target(env, obs, info):
            return 0
        front, seen, actions = ({(agent_x(env, obs, info), agent_y(env, obs, info), env.agent_dir)}, set[Any](), 0)
        while front:
            following = set()
            for x, y, facing in front:
                ahead = (x + AHEAD[facing][0], y + AHEAD[facing][1])
                thing = env.grid.get(*ahead)
                if thing is None:
                    following.add((*ahead, facing))
                elif _is_wanted(env, thing):
                    return min(actions, SHUT_OFF)
                following |= {(x, y, (facing + 1) % 4), (x, y, (facing - 1) % 4)}
            seen |= front
            front, actions = (following - seen, actions + 1)
        return SHUT_OFF

    def facing_target(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether a wanted thing lies right ahead."""
        return _is_wanted(env, _ahead(env))

    def facing_other(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether a thing that is not wanted lies right ahead."""
        thing = _ahead(env)
        return thing is not None and thing.can_pickup() and (not _is_wanted(env, thing))

    def holding_target(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the agent has picked up a wanted thing."""
        return _is_wanted(env, env.carrying)

    def holding_other(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the agent has picked up a thing that is not wanted."""
        return env.carrying is not None and (not _is_wanted(env, env.carrying))

    def facing(env: Any, obs: Any, info: dict[str, Any]) -> str:
        """Colour and kind of the thing right ahead; empty where there is none."""
        thing = _ahead(env)
        return _name(thing) if thing is not None and thing.can_pickup() else ''

    def holding(env: Any, obs: Any, info: dict[str, Any]) -> str:
        """Colour and kind of what the agent holds; empty where it holds nothing."""
        return _name(env.carrying)

    def _name(thing: Any) -> str:
        return '' if thing is None else f'{thing.color} {thing.type}'

    def _target(env: Any) -> tuple[int, int]:
        """Cell of the nearest wanted thing, in steps across the grid; the agent's own cell while it is held."""
        x, y = (agent_x(env, None, {}), agent_y(env, None, {}))
        if holding_target(env, None, {}):
            return (x, y)
        things = [thing for thing in env.instrs.desc.obj_set if thing.can_pickup()]
        places = [(int(thing.cur_pos[0]), int(thing.cur_pos[1])) for thing in things]
        return min(places, key=lambda place: abs(place[0] - x) + abs(place[1] - y))

    def _ahead(env: Any) -> Any:
        return env.grid.get(*env.front_pos)

    def _is_wanted(env: Any, thing: Any) -> bool:
        """Whether a thing is on the environment's own list of what fits the mission; grey walls are on it for "grey"."""
        return thing is not None and thing.can_pickup() and any((thing is wanted for wanted in env.instrs.desc.obj_set))
    return locals()


_FIELD_FUNCTIONS = {"fields.py:actions_to_target": _module_of_fields_0()['actions_to_target'], "fields.py:facing_target": _module_of_fields_0()['facing_target'], "fields.py:holding_other": _module_of_fields_0()['holding_other'], "fields.py:holding_target": _module_of_fields_0()['holding_target']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "actions_to_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:actions_to_target"](env.unwrapped, obs, info),
        "holding_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_target"](env.unwrapped, obs, info),
        "holding_other": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_other"](env.unwrapped, obs, info),
        "facing_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:facing_target"](env.unwrapped, obs, info),
    }
    ARGUMENTS = ["actions_to_target", "next_actions_to_target", "next_holding_target", "next_holding_other", "action", "facing_target"]

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
        result = reward(asked["actions_to_target"], asked["next_actions_to_target"], asked["next_holding_target"], asked["next_holding_other"], asked["action"], asked["facing_target"])
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
