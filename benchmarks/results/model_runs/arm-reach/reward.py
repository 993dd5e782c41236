"""Reward for arm-reach (env.py:Arm), designed with rewardsmith.

Goal: Move the hand of a robot arm so that the fingertips are at the goal, a point in the air that
is elsewhere in every episode, as soon as possible, and stay there.

Fitness of agents trained under it: 0.982 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.639).
Written by openai/capable; program 99067d5eca14 of run arm-reach-eureka-26a5f239; discount 0.97.
All numbers, seeds, digests and versions: the .json file beside this one.

    from gymnasium.wrappers import TimeLimit
    from env import Arm  # env.py lies in the task's folder
    from reward import RewardWrapper

    env = RewardWrapper(TimeLimit(Arm(name='reach-v3'), max_episode_steps=150))

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

STEP = 0.01     # a full action moves about one centimetre


def reward(fingertips, next_fingertips, goal):
    to_goal = goal - fingertips
    before = np.linalg.norm(to_goal, axis=-1)
    after = np.linalg.norm(next_fingertips - goal, axis=-1)

    # far: share of a full step by which the hand came nearer; a change, so that
    # going to and fro earns nothing; limited against jumps
    approach = 0.8 * np.clip((before - after) / STEP, -2.0, 2.0)

    # being there and staying: 1 at the goal, 0.5 at 5 cm, 0.03 at the start,
    # and below 0 further out, for the time that is lost there
    closeness = 1.3 / (1.0 + (after / 0.05) ** 2) - 0.3

    return {
        "approach": approach,
        "closeness": closeness,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "fingertips": lambda env, obs, info: info.get('fingertips', _np.nan),
        "goal": lambda env, obs, info: obs[36:39],
    }
    ARGUMENTS = ["fingertips", "next_fingertips", "goal"]

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
        result = reward(asked["fingertips"], asked["next_fingertips"], asked["goal"])
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
