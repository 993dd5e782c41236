"""Reward for pick-up (minigrid:BabyAI-PickupDist-v0), designed with rewardsmith.

Goal: Pick up what the mission names, among five things in a room, as soon as possible: by colour
and kind (the red ball), by kind (a key), or by colour (the grey object). Picking up anything else
fails.

Fitness of agents trained under it, on the seeds it was selected by: 0.954.
Written by openai/capable; program a261edadecb4 of run pick-up-card-18c4aa7d; discount 0.92.
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


def distance(actions):
    # 25 stands for "no way": capped, so that a blocked way makes no huge jump
    return np.minimum(actions, 12.0)


def reward(actions_to_target, next_actions_to_target, next_holding_target, next_holding_other,
           agent_x, next_agent_x, agent_y, next_agent_y, direction, next_direction,
           facing, next_facing, holding, next_holding):
    # pays for each move or turn that brings the named thing nearer to lying right ahead,
    # takes it back for each that leads away.
    # Changed: 0.5 in place of 0.3, so that the right turn at an obstacle is heard beside the goal.
    progress = 0.5 * (distance(actions_to_target) - distance(next_actions_to_target))
    # charges for an action without any effect: pushing against a thing or a wall, doing nothing.
    # Changed: new, because the worst episode pushes against a blue ball to its end.
    same_place = ((agent_x == next_agent_x) & (agent_y == next_agent_y)
                  & (direction == next_direction))
    same_view = np.all(facing == next_facing, axis=-1) & np.all(holding == next_holding, axis=-1)
    no_effect = np.where(same_place & same_view, -0.3, 0.0)
    # pays for holding the named thing. Unchanged: it is the goal, and may be the largest.
    got_it = np.where(next_holding_target, 10.0, 0.0)
    # charges for taking another thing. Unchanged: it is hardly ever met any more.
    wrong = np.where(next_holding_other, -2.0, 0.0)
    # charges for each step.
    # Changed: 0.1 in place of 0.05, so that going round in circles is worth less.
    time_cost = np.full(next_actions_to_target.shape, -0.1)
    return {"progress": progress, "no_effect": no_effect, "got_it": got_it, "wrong": wrong,
            "time_cost": time_cost}


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np
import re as _re

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


_FIELD_FUNCTIONS = {"fields.py:actions_to_target": _module_of_fields_0()['actions_to_target'], "fields.py:agent_x": _module_of_fields_0()['agent_x'], "fields.py:agent_y": _module_of_fields_0()['agent_y'], "fields.py:direction": _module_of_fields_0()['direction'], "fields.py:facing": _module_of_fields_0()['facing'], "fields.py:holding": _module_of_fields_0()['holding'], "fields.py:holding_other": _module_of_fields_0()['holding_other'], "fields.py:holding_target": _module_of_fields_0()['holding_target']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "actions_to_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:actions_to_target"](env.unwrapped, obs, info),
        "holding_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_target"](env.unwrapped, obs, info),
        "holding_other": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_other"](env.unwrapped, obs, info),
        "agent_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_x"](env.unwrapped, obs, info),
        "agent_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_y"](env.unwrapped, obs, info),
        "direction": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:direction"](env.unwrapped, obs, info),
        "facing": lambda env, obs, info: RewardWrapper._words(_FIELD_FUNCTIONS["fields.py:facing"](env.unwrapped, obs, info), ('blue', 'green', 'grey', 'purple', 'red', 'yellow', 'ball', 'box', 'key'), 2),
        "holding": lambda env, obs, info: RewardWrapper._words(_FIELD_FUNCTIONS["fields.py:holding"](env.unwrapped, obs, info), ('blue', 'green', 'grey', 'purple', 'red', 'yellow', 'ball', 'box', 'key'), 2),
    }
    ARGUMENTS = ["actions_to_target", "next_actions_to_target", "next_holding_target", "next_holding_other", "agent_x", "next_agent_x", "agent_y", "next_agent_y", "direction", "next_direction", "facing", "next_facing", "holding", "next_holding"]

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
        result = reward(asked["actions_to_target"], asked["next_actions_to_target"], asked["next_holding_target"], asked["next_holding_other"], asked["agent_x"], asked["next_agent_x"], asked["agent_y"], asked["next_agent_y"], asked["direction"], asked["next_direction"], asked["facing"], asked["next_facing"], asked["holding"], asked["next_holding"])
        total, terms = result if isinstance(result, tuple) else (None, result)
        if not isinstance(terms, dict):
            total, terms = terms, {}
        terms = {name: self._number(value) for name, value in terms.items()}
        total = sum(terms.values()) if total is None else self._number(total)
        return total, terms

    @staticmethod
    def _words(text, words, most):
        """A text as the places of its words, 0 after the last; one more than there are words for any other."""
        found = _re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.lower())
        ids = [words.index(word) + 1 if word in words else len(words) + 1 for word in found]
        return _np.array(ids + [0] * (most - len(ids)))

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
