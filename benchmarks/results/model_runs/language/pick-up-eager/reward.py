"""Reward for pick-up (minigrid:BabyAI-PickupDist-v0), designed with rewardsmith.

Goal: Pick up what the mission names, among five things in a room, as soon as possible: by colour
and kind (the red ball), by kind (a key), or by colour (the grey object). Picking up anything else
fails.

Fitness of agents trained under it: 0.951 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.839).
Written by openai/capable; program 5fd49b133e82 of run pick-up-eager-4453e387; discount 0.92.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from env import Around  # env.py lies in the task's folder
    from reward import RewardWrapper, ShowSubgoals

    env = RewardWrapper(gym.make("minigrid:BabyAI-PickupDist-v0", debug=True, agent_view_size=3))
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


def _named(mission, low, high):
    # the mission's word between low and high (a colour or a kind), 0 where it names none
    hit = (mission >= low) & (mission <= high)
    return np.max(np.where(hit, mission, 0), axis=-1)


def subgoals(first_mission, next_facing, next_facing_target, next_actions_to_target,
             next_holding_target):
    held = np.asarray(next_holding_target).astype(bool)
    ahead = np.asarray(next_facing_target).astype(bool)

    # colours are 6 to 11 in the mission and 1 to 6 in facing; kinds 12 to 14 and 7 to 9
    colour = _named(first_mission, 6, 11)
    kind = _named(first_mission, 12, 14)
    colour_fits = (colour == 0) | (next_facing[:, 0] == colour - 5)
    kind_fits = (kind == 0) | (next_facing[:, 1] == kind - 5)

    # which thing: the one right ahead fits every word of the mission
    right_thing_ahead = (ahead & colour_fits & kind_fits) | held

    # where is it: at most one turn or step until it lies right ahead
    right_thing_near = (next_actions_to_target <= 1.5) | right_thing_ahead

    return {
        "right_thing_near": right_thing_near,
        "right_thing_ahead": right_thing_ahead,
    }


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


_FIELD_FUNCTIONS = {"fields.py:actions_to_target": _module_of_fields_0()['actions_to_target'], "fields.py:facing": _module_of_fields_0()['facing'], "fields.py:facing_target": _module_of_fields_0()['facing_target'], "fields.py:holding_target": _module_of_fields_0()['holding_target']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.

    ``info["subgoals"]`` is the mask of those that are done. What is paid once must be seen to be done: the policy was
    trained with ShowSubgoals on top, which puts the mask into the observation.
    """

    FIELDS = {
        "mission": lambda env, obs, info: RewardWrapper._words(obs["mission"], ('pick', 'up', 'a', 'the', 'object', 'blue', 'green', 'grey', 'purple', 'red', 'yellow', 'ball', 'box', 'key'), 6),
        "facing": lambda env, obs, info: RewardWrapper._words(_FIELD_FUNCTIONS["fields.py:facing"](env.unwrapped, obs, info), ('blue', 'green', 'grey', 'purple', 'red', 'yellow', 'ball', 'box', 'key'), 2),
        "facing_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:facing_target"](env.unwrapped, obs, info),
        "actions_to_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:actions_to_target"](env.unwrapped, obs, info),
        "holding_target": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:holding_target"](env.unwrapped, obs, info),
    }
    GAMMA = 0.92
    SUBGOALS = ["right_thing_near", "right_thing_ahead"]
    BONUS = 0.45

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
        asked = {name: _np.asarray(values[name])[None] for name in ["first_mission", "next_facing", "next_facing_target", "next_actions_to_target", "next_holding_target"]}
        holds = subgoals(asked["first_mission"], asked["next_facing"], asked["next_facing_target"], asked["next_actions_to_target"], asked["next_holding_target"])
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
