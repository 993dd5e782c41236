"""Reward for put-next (minigrid:BabyAI-PutNextLocalS6N4-v0), designed with rewardsmith.

Goal: Put one thing next to another, as the mission names them by colour and kind among four things
in a room, as soon as possible: take up the first, carry it, and put it down in a free cell beside
the second.

Fitness of agents trained under it: 0.894 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.911).
Written by openai/capable; program 365d206eb3cf of run put-next-eureka-d950a3f1; discount 0.97.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from env import Around  # env.py lies in the task's folder
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("minigrid:BabyAI-PutNextLocalS6N4-v0", agent_view_size=3))
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

# step ahead for direction 0 right, 1 down, 2 left, 3 up
DX = np.array([1.0, 0.0, -1.0, 0.0])
DY = np.array([0.0, 1.0, 0.0, -1.0])


def _actions_until_ahead(x, y, d, tx, ty):
    # moves and turns until the cell (tx, ty) lies right ahead, in an empty room
    k = np.clip(np.round(d), 0, 3).astype(int)
    fx, fy = DX[k], DY[k]
    dx, dy = tx - x, ty - y
    along = fx * dx + fy * dy
    aside = np.abs(fx * dy - fy * dx)
    turns = np.where(aside < 0.5,
                     np.where(along > 0.5, 0.0, 2.0),
                     np.where(along < -0.5, 2.0, 1.0))
    cells = np.abs(dx) + np.abs(dy)
    return np.where(cells < 0.5, 3.0, cells - 1.0 + turns)


def _actions_until_place(x, y, d, fixed_x, fixed_y, ahead_taken):
    # the same for the best of the four cells beside the second thing
    px = fixed_x[:, None] + DX[None, :]
    py = fixed_y[:, None] + DY[None, :]
    need = _actions_until_ahead(x[:, None], y[:, None], d[:, None], px, py)
    outside = (px < 0.5) | (px > 4.5) | (py < 0.5) | (py > 4.5)
    # a cell right ahead in which something stands is no place
    blocked = (need < 0.5) & ahead_taken[:, None]
    return np.min(need + 20.0 * outside + 3.0 * blocked, axis=-1)


def _value(x, y, d, moved_x, moved_y, fixed_x, fixed_y, holds, holds_other, facing):
    to_thing = _actions_until_ahead(x, y, d, moved_x, moved_y)
    to_place = _actions_until_place(x, y, d, fixed_x, fixed_y, facing[:, 0] > 0)
    return np.where(holds > 0,
                    3.0 - 0.25 * to_place,
                    -0.25 * to_thing - 1.0 * (holds_other > 0))


def reward(agent_x, agent_y, direction, next_agent_x, next_agent_y, next_direction,
           moved_x, moved_y, next_moved_x, next_moved_y,
           fixed_x, fixed_y, next_fixed_x, next_fixed_y,
           holding_moved, next_holding_moved, holding_other, next_holding_other,
           facing, next_facing, action, terminated):
    done = terminated > 0

    before = _value(agent_x, agent_y, direction, moved_x, moved_y, fixed_x, fixed_y,
                    holding_moved, holding_other, facing)
    after = _value(next_agent_x, next_agent_y, next_direction, next_moved_x, next_moved_y,
                   next_fixed_x, next_fixed_y, next_holding_moved, next_holding_other, next_facing)
    # nearer to the end of the mission, in actions and stages; taken back when it is undone
    progress = np.where(done, 0.0, after - before)

    # the one thing lies beside the other: the mission is done
    mission_done = 10.0 * done

    # a box that is destroyed can be neither moved nor found again
    box_ahead = (facing[:, 1] == 8) & (facing[:, 0] > 0)
    box_destroyed = -1.0 * ((action == 5) & box_ahead)

    # actions that do nothing
    hands_full = (holding_moved > 0) | (holding_other > 0)
    something_ahead = facing[:, 0] > 0
    stood = (np.abs(next_agent_x - agent_x) + np.abs(next_agent_y - agent_y)) < 0.5
    idle = ((action == 6)
            | ((action == 2) & stood)
            | ((action == 3) & (hands_full | ~something_ahead))
            | ((action == 4) & (~hands_full | something_ahead))
            | ((action == 5) & ~box_ahead))
    no_effect = -0.08 * idle

    # as soon as possible
    time = np.full(mission_done.shape, -0.03)

    return {
        "progress": progress,
        "mission_done": mission_done,
        "box_destroyed": box_destroyed,
        "no_effect": no_effect,
        "time": time,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np
import re as _re

def _module_of_fields_0():
    from typing import Any

    def agent_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the agent."""
        return int(env.agent_pos[0])

    def agent_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the agent."""
        return int(env.agent_pos[1])

    def direction(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Where the agent looks: 0 right, 1 down, 2 left, 3 up."""
        return int(env.agent_dir)

    def moved_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the thing to be moved, the agent's while it is held."""
        return _place(env, env.instrs.desc_move)[0]

    def moved_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the thing to be moved, the agent's while it is held."""
        return _place(env, env.instrs.desc_move)[1]

    def fixed_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the thing that it is to be put next to, the agent's while that is held."""
        return _place(env, env.instrs.desc_fixed)[0]

    def fixed_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the thing that it is to be put next to, the agent's while that is held."""
        return _place(env, env.instrs.desc_fixed)[1]

    def holding_moved(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the agent holds the thing to be moved."""
        return env.carrying is not None and env.carrying is _thing(env.instrs.desc_move)

    def holding_other(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the agent holds another thing."""
        return env.carrying is not None and env.carrying is not _thing(env.instrs.desc_move)

    def holding(env: Any, obs: Any, info: dict[str, Any]) -> str:
        """Colour and kind of what the agent holds; empty where it holds nothing."""
        return _name(env.carrying)

    def facing(env: Any, obs: Any, info: dict[str, Any]) -> str:
        """Colour and kind of the thing right ahead; empty where there is none."""
        thing = env.grid.get(*env.front_pos)
        return _name(thing) if thing is not None and thing.can_pickup() else ''

    def _thing(description: Any) -> Any:
        """The only thing that a phrase of the mission fits: colours and kinds come once in a room."""
        return description.obj_set[0]

    def _place(env: Any, description: Any) -> tuple[int, int]:
        thing = _thing(description)
        x, y = env.agent_pos if thing is env.carrying else thing.cur_pos
        return (int(x), int(y))

    def _name(thing: Any) -> str:
        return '' if thing is None else f'{thing.color} {thing.type}'
    return locals()


_FIELD_FUNCTIONS = {"fields.py:agent_x": _module_of_fields_0()['agent_x'], "fields.py:agent_y": _module_of_fields_0()['agent_y'], "fields.py:direction": _module_of_fields_0()['direction'], "fields.py:facing": _module_of_fields_0()['facing'], "fields.py:fixed_x": _module_of_fields_0()['fixed_x'], "fields.py:fixed_y": _module_of_fields_0()['fixed_y'], "fields.py:holding_moved": _module_of_fields_0()['holding_moved'], "fields.py:holding_other": _module_of_fields_0()['holding_other'], "fields.py:moved_x": _module_of_fields_0()['moved_x'], "fields.py:moved_y": _module_of_fields_0()['moved_y']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "agent_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_x"](env.unwrapped, obs, info),
        "agent_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_y"](env.unwrapped, obs, info),
        "direction": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:direction"](env.unwrapped, obs, info),
        "moved_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:moved_x"](env.unwrapped, obs, info),
        "moved_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:moved_y"](env.unwrapped, obs, info),
        "fixed_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:fixed_x"](env.unwrapped, obs, info),
        "fixed_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:fixed_y"](env.unwrapped, obs, info),
        "holding_moved": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_moved"](env.unwrapped, obs, info),
        "holding_other": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_other"](env.unwrapped, obs, info),
        "facing": lambda env, obs, info: RewardWrapper._words(_FIELD_FUNCTIONS["fields.py:facing"](env.unwrapped, obs, info), ('blue', 'green', 'grey', 'purple', 'red', 'yellow', 'ball', 'box', 'key'), 2),
    }
    ARGUMENTS = ["agent_x", "agent_y", "direction", "next_agent_x", "next_agent_y", "next_direction", "moved_x", "moved_y", "next_moved_x", "next_moved_y", "fixed_x", "fixed_y", "next_fixed_x", "next_fixed_y", "holding_moved", "next_holding_moved", "holding_other", "next_holding_other", "facing", "next_facing", "action", "terminated"]

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
        result = reward(asked["agent_x"], asked["agent_y"], asked["direction"], asked["next_agent_x"], asked["next_agent_y"], asked["next_direction"], asked["moved_x"], asked["moved_y"], asked["next_moved_x"], asked["next_moved_y"], asked["fixed_x"], asked["fixed_y"], asked["next_fixed_x"], asked["next_fixed_y"], asked["holding_moved"], asked["next_holding_moved"], asked["holding_other"], asked["next_holding_other"], asked["facing"], asked["next_facing"], asked["action"], asked["terminated"])
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
