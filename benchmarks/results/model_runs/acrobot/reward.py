"""Reward for acrobot (Acrobot-v1), designed with rewardsmith.

Goal: Swing the free end of a two-link arm that hangs from a bar above the line one link's length
over the bar, as soon as possible. Only the joint between the links has a motor, too weak to lift
the arm at once.

Fitness of agents trained under it: 0.982 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.982).
Written by a person or a program, by ask and tell; program 363be367e71d of run acrobot-
card-24ce8af5; discount 0.99.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("Acrobot-v1"))

The trained policy beside it: stable_baselines3's load("policy.zip"), with vecnormalize.pkl where there is one.
The wrapper belongs directly around the environment, below every wrapper that changes observations or actions.
"""

from __future__ import annotations

# --- The program, as it was written -------------------------------------------------------------------------

import numpy as np

G = 9.8


def energy(upper_cosine, tip_height, upper_velocity, joint_velocity):
    # heights of the two links' middles above the bar, from cosine and tip height
    first = -0.5 * upper_cosine
    second = 0.5 * (-upper_cosine + tip_height)
    lower_velocity = upper_velocity + joint_velocity
    kinetic = 0.5 * (upper_velocity**2 + 0.4 * lower_velocity**2)
    return G * (first + second) + kinetic


def reward(upper_cosine, next_upper_cosine, tip_height, next_tip_height, upper_velocity, next_upper_velocity,
           joint_velocity, next_joint_velocity, terminated):
    before = energy(upper_cosine, tip_height, upper_velocity, joint_velocity)
    after = energy(next_upper_cosine, next_tip_height, next_upper_velocity, next_joint_velocity)
    return {
        "energy_gained": 0.1 * np.clip(after - before, -10, 10),  # pays for: swinging up, also when the tip is low
        "line_crossed": np.where(terminated, 20.0, 0.0),          # pays for: the goal, more than all swinging
        "time": np.full(tip_height.shape, -0.02),                 # pays for: nothing; being slow costs
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

def _module_of_fields_0():
    from typing import Any

    def tip_height(env: Any, obs: Any, info: dict[str, Any]) -> float:
        """Height of the free end over the bar, in lengths of a link."""
        upper_cosine, upper_sine, joint_cosine, joint_sine = obs[:4]
        lower_cosine = upper_cosine * joint_cosine - upper_sine * joint_sine
        return float(-upper_cosine - lower_cosine)
    return locals()


_FIELD_FUNCTIONS = {"fields.py:tip_height": _module_of_fields_0()['tip_height']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "upper_cosine": lambda env, obs, info: obs[0],
        "tip_height": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:tip_height"](env.unwrapped, obs, info),
        "upper_velocity": lambda env, obs, info: obs[4],
        "joint_velocity": lambda env, obs, info: obs[5],
    }
    ARGUMENTS = ["upper_cosine", "next_upper_cosine", "tip_height", "next_tip_height", "upper_velocity", "next_upper_velocity", "joint_velocity", "next_joint_velocity", "terminated"]

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
        result = reward(asked["upper_cosine"], asked["next_upper_cosine"], asked["tip_height"], asked["next_tip_height"], asked["upper_velocity"], asked["next_upper_velocity"], asked["joint_velocity"], asked["next_joint_velocity"], asked["terminated"])
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
