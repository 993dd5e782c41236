"""Reward for mountain-car (MountainCar-v0), designed with rewardsmith.

Goal: Drive an underpowered car out of a valley to the flag on top of the right hill, within 200
steps. The engine alone cannot climb the hill from the valley floor.

Fitness of agents trained under it, on the seeds it was selected by: 0.943.
Written by openai/capable; program 3d226ec25042 of run mountain-car-card-642064f4; discount 0.99.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("MountainCar-v0"))

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

FLAG = 0.5
# The slope adds -0.0025*cos(3x) to the velocity: the potential is 0.0025/3*sin(3x).
# Energy is scaled so that 0 is rest at the valley floor and 1 is rest at a hill top.
KIN = 0.5 / (2.0 * 0.0025 / 3.0)   # = 300


def amplitude(x, v):
    energy = 0.5 * (np.sin(3.0 * x) + 1.0) + KIN * v ** 2
    # the small constant keeps the root smooth at the valley floor
    return np.sqrt(np.maximum(energy, 0.0) + 0.002)


def reward(position, velocity, next_position, next_velocity):
    # pays for a swing that grew in this step, on either side of the valley.
    # Changed: the root of the energy in place of the energy, because the energy
    # hardly changes for a car that starts at rest (0.017 per step in the worst episode);
    # the clip is gone, it hid the last climb.
    swing_gain = 25.0 * (amplitude(next_position, next_velocity) - amplitude(position, velocity))
    # pays for reaching the flag. Unchanged.
    goal = np.where(next_position >= FLAG, 50.0, 0.0)
    # charges for each step.
    # Changed: 0.1 in place of 0.05, so that leaning in the balance point costs more.
    time_cost = np.full(next_position.shape, -0.1)
    return {"swing_gain": swing_gain, "goal": goal, "time_cost": time_cost}


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "position": lambda env, obs, info: obs[0],
        "velocity": lambda env, obs, info: obs[1],
    }
    ARGUMENTS = ["position", "velocity", "next_position", "next_velocity"]

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
        result = reward(asked["position"], asked["velocity"], asked["next_position"], asked["next_velocity"])
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
