"""Reward for put-next (minigrid:BabyAI-PutNextLocalS6N4-v0), designed with rewardsmith.

Goal: Put one thing next to another, as the mission names them by colour and kind among four things
in a room, as soon as possible: take up the first, carry it, and put it down in a free cell beside
the second.

Fitness of agents trained under it: 0.928 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.911).
Written by openai/capable; program 5fdfd4f324d0 of run put-next-calm-3ff2a1e4; discount 0.97.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from env import Around  # env.py lies in the task's folder
    from reward import RewardWrapper, ShowSubgoals

    env = RewardWrapper(gym.make("minigrid:BabyAI-PutNextLocalS6N4-v0", agent_view_size=3))
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


def subgoals(next_agent_x, next_agent_y, next_direction,
             next_moved_x, next_moved_y, next_fixed_x, next_fixed_y,
             next_facing, next_holding, next_holding_moved):
    holds_it = np.asarray(next_holding_moved).astype(bool)
    hands_empty = next_holding[:, 0] == 0
    cell_empty = next_facing[:, 0] == 0

    looks = np.clip(np.round(next_direction), 0, 3).astype(int)
    ahead_x = next_agent_x + DX[looks]
    ahead_y = next_agent_y + DY[looks]

    # the thing to be moved lies right ahead and can be taken, or has been
    lies_ahead = (np.abs(ahead_x - next_moved_x) < 0.5) & (np.abs(ahead_y - next_moved_y) < 0.5)
    moved_ahead = (lies_ahead & hands_empty & ~cell_empty) | holds_it

    # the thing to be moved is in hand
    moved_in_hand = holds_it

    # with it in hand, a free cell beside the other thing lies right ahead
    inside = (ahead_x > 0.5) & (ahead_x < 4.5) & (ahead_y > 0.5) & (ahead_y < 4.5)
    beside = np.abs(np.abs(ahead_x - next_fixed_x) + np.abs(ahead_y - next_fixed_y) - 1.0) < 0.5
    place_ahead = holds_it & cell_empty & inside & beside

    return {
        "moved_ahead": moved_ahead,
        "moved_in_hand": moved_in_hand,
        "place_ahead": place_ahead,
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


_FIELD_FUNCTIONS = {"fields.py:agent_x": _module_of_fields_0()['agent_x'], "fields.py:agent_y": _module_of_fields_0()['agent_y'], "fields.py:direction": _module_of_fields_0()['direction'], "fields.py:facing": _module_of_fields_0()['facing'], "fields.py:fixed_x": _module_of_fields_0()['fixed_x'], "fields.py:fixed_y": _module_of_fields_0()['fixed_y'], "fields.py:holding": _module_of_fields_0()['holding'], "fields.py:holding_moved": _module_of_fields_0()['holding_moved'], "fields.py:moved_x": _module_of_fields_0()['moved_x'], "fields.py:moved_y": _module_of_fields_0()['moved_y']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.

    ``info["subgoals"]`` is the mask of those that are done. What is paid once must be seen to be done: the policy was
    trained with ShowSubgoals on top, which puts the mask into the observation.
    """

    FIELDS = {
        "agent_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_x"](env.unwrapped, obs, info),
        "agent_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_y"](env.unwrapped, obs, info),
        "direction": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:direction"](env.unwrapped, obs, info),
        "moved_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:moved_x"](env.unwrapped, obs, info),
        "moved_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:moved_y"](env.unwrapped, obs, info),
        "fixed_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:fixed_x"](env.unwrapped, obs, info),
        "fixed_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:fixed_y"](env.unwrapped, obs, info),
        "facing": lambda env, obs, info: RewardWrapper._words(_FIELD_FUNCTIONS["fields.py:facing"](env.unwrapped, obs, info), ('blue', 'green', 'grey', 'purple', 'red', 'yellow', 'ball', 'box', 'key'), 2),
        "holding": lambda env, obs, info: RewardWrapper._words(_FIELD_FUNCTIONS["fields.py:holding"](env.unwrapped, obs, info), ('blue', 'green', 'grey', 'purple', 'red', 'yellow', 'ball', 'box', 'key'), 2),
        "holding_moved": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_moved"](env.unwrapped, obs, info),
    }
    GAMMA = 0.97
    SUBGOALS = ["moved_ahead", "moved_in_hand", "place_ahead"]
    BONUS = 0.5

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
        asked = {name: _np.asarray(values[name])[None] for name in ["next_agent_x", "next_agent_y", "next_direction", "next_moved_x", "next_moved_y", "next_fixed_x", "next_fixed_y", "next_facing", "next_holding", "next_holding_moved"]}
        holds = subgoals(asked["next_agent_x"], asked["next_agent_y"], asked["next_direction"], asked["next_moved_x"], asked["next_moved_y"], asked["next_fixed_x"], asked["next_fixed_y"], asked["next_facing"], asked["next_holding"], asked["next_holding_moved"])
        new = [name for name, done in self._done.items() if not done and self._number(holds[name]) > 0.5]
        before = sum(self._done.values())
        self._done |= dict.fromkeys(new, True)
        done = before + len(new)
        return self.GAMMA * (0.0 if terminated else self.BONUS * done) - self.BONUS * before

    def _mask(self):
        return _np.array([self._done[name] for name in self.SUBGOALS], _np.float32)

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
