"""Reward for arm-button (env.py:Arm), designed with rewardsmith.

Goal: Press a button on the side of a box with the hand of a robot arm, all the way in, as soon as
possible. The box stands elsewhere in every episode.

Fitness of agents trained under it: 0.975 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.976).
Written by openai/capable; program f3de53634bd2 of run arm-button-eureka-2a8cff94; discount 0.97.
All numbers, seeds, digests and versions: the .json file beside this one.

    from gymnasium.wrappers import TimeLimit
    from env import Arm  # env.py lies in the task's folder
    from reward import RewardWrapper

    env = RewardWrapper(TimeLimit(Arm(name='button-press-v3'), max_episode_steps=150))

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

TRAVEL = 0.09


def reward(next_hand, next_button, pressed):
    # out of line with the button: sideways, and in height beyond a tolerance for the fingers
    dx = np.abs(next_hand[:, 0] - next_button[:, 0])
    dz = np.maximum(np.abs(next_hand[:, 2] - next_button[:, 2]) - 0.02, 0.0)
    out_of_line = np.sqrt(dx ** 2 + dz ** 2)
    line_up = -3.0 * np.minimum(out_of_line, 0.3)

    # still in front of it, along y; the bonus only in line with it
    in_line = 1.0 / (1.0 + (out_of_line / 0.06) ** 2)
    ahead = np.clip(next_button[:, 1] - next_hand[:, 1], 0.0, 0.4)
    come_near = -1.0 * ahead + 0.4 * in_line * (1.0 - ahead / 0.4)

    # the button's way in: 0 untouched, 1 all the way in; most for all the way
    left = np.clip(np.abs(pressed[:, 1] - next_button[:, 1]) / TRAVEL, 0.0, 1.0)
    depth = 1.0 - left
    press = 1.0 * depth + 1.0 * np.clip((depth - 0.7) / 0.25, 0.0, 1.0)

    return {
        "line_up": line_up,
        "come_near": come_near,
        "press": press,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "hand": lambda env, obs, info: obs[0:3],
        "button": lambda env, obs, info: obs[4:7],
        "pressed": lambda env, obs, info: obs[36:39],
    }
    ARGUMENTS = ["next_hand", "next_button", "pressed"]

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
        result = reward(asked["next_hand"], asked["next_button"], asked["pressed"])
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
