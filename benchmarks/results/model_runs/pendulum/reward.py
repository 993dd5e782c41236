"""Reward for pendulum (Pendulum-v1), designed with rewardsmith.

Goal: Swing a pendulum up with a motor that is too weak to lift it at once, and keep it upright and
still for the second half of the ten seconds.

Fitness of agents trained under it: 1 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 1).
Written by openai/capable; program 4304a835d714 of run pendulum-eureka-aac91197; discount 0.95.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("Pendulum-v1"))

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

# falling from upright to hanging gives 7.7 rad/s: 0.5 * 7.7**2 = 2 * K
K = 15.0


def reward(next_height, next_sideways, next_angular_velocity, action):
    w = next_angular_velocity
    energy = (0.5 * w ** 2 + K * next_height) / K       # -1 hanging still, 1 upright still

    # pumping: 0 at the energy of the upright pendulum, -0.6 when hanging still;
    # too much energy (whirling) is charged twice as steeply
    gap = energy - 1.0
    right_energy = np.where(gap < 0.0, 0.3 * gap, -0.6 * gap)

    # high and slow together: a whirling pendulum earns little of it
    high_and_slow = 0.5 * (0.5 * (1.0 + next_height)) ** 2 / (1.0 + (w / 2.0) ** 2) * (next_height > -0.9)

    # standing: upright and still, the goal itself
    angle = np.arctan2(next_sideways, next_height)
    standing = np.exp(-(angle / 0.3) ** 2 - (w / 1.0) ** 2)

    # tiny charge for torque, too small to make hanging attractive
    torque_cost = -0.002 * np.sum(action ** 2, axis=-1)

    return {
        "right_energy": right_energy,
        "high_and_slow": high_and_slow,
        "standing": standing,
        "torque_cost": torque_cost,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "height": lambda env, obs, info: obs[0],
        "sideways": lambda env, obs, info: obs[1],
        "angular_velocity": lambda env, obs, info: obs[2],
    }
    ARGUMENTS = ["next_height", "next_sideways", "next_angular_velocity", "action"]

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
        result = reward(asked["next_height"], asked["next_sideways"], asked["next_angular_velocity"], asked["action"])
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
