"""Reward for half-cheetah-backwards (HalfCheetah-v5), designed with rewardsmith.

Goal: Run backwards, as fast as possible and on its feet: a flat, two-legged cheetah that must not
turn over.

Fitness of agents trained under it: 6.25 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: -2.78).
Written by openai/capable; program 930d2b03efec of run half-cheetah-backwards-eureka-a383e866;
discount 0.98.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("HalfCheetah-v5", max_episode_steps=300, camera_name='track'))

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


def reward(x, next_x, next_x_velocity, next_pitch, next_pitch_velocity):
    tilt = np.abs(next_pitch)

    # 1 up to 0.5 rad, fading to 0 at 1.3 rad; whole turns count as turned over
    upright = np.clip((1.3 - tilt) / 0.8, 0.0, 1.0)

    # backward speed in m/s: mean of the way covered (0.05 s a step) and of the speed now
    speed = 0.5 * (x - next_x) / 0.05 - 0.5 * next_x_velocity
    fast = np.maximum(speed, 0.0)
    # on its feet: 1.15 per step at 4 m/s, slightly more than linear; forwards is charged
    run_backwards = np.where(speed > 0.0, upright * (0.25 * fast + 0.01 * fast ** 2), 0.25 * speed)

    # about to tip over: free within a gait, limited to -0.4
    coming = np.abs(next_pitch + 0.05 * next_pitch_velocity)
    tipping = -0.2 * np.clip(coming - 0.35, 0.0, 2.0)

    return {
        "run_backwards": run_backwards,
        "tipping": tipping,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "x": lambda env, obs, info: info.get('x_position', _np.nan),
        "x_velocity": lambda env, obs, info: obs[8],
        "pitch": lambda env, obs, info: obs[1],
        "pitch_velocity": lambda env, obs, info: obs[10],
    }
    ARGUMENTS = ["x", "next_x", "next_x_velocity", "next_pitch", "next_pitch_velocity"]

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
        result = reward(asked["x"], asked["next_x"], asked["next_x_velocity"], asked["next_pitch"], asked["next_pitch_velocity"])
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
