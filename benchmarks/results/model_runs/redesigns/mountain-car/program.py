"""Reward for mountain-car (MountainCar-v0), designed with rewardsmith.

Goal: Drive an underpowered car out of a valley to the flag on top of the right hill, within 200
steps. The engine alone cannot climb the hill from the valley floor.

Fitness of agents trained under it: 0.89 over 10 training seeds that selection never used
(the environment's own reward, trained the same way: 0.0653).
Written by openai/writer; program ce7a9d672443 of run mountain-car-eureka-54f33ad5; discount 0.99.
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

# History: 20 * change of energy, flag 30, time -0.03 gave fitness 0.936, all
# episodes solved, but: little progress before 33k steps (energy is quadratic in
# the swing, so small swings paid next to nothing), and slow episodes over-wound to
# the left and hit the wall at -1.2 (162 steps instead of 85).
K = 0.0025 / 3.0


def amplitude(x, v):
    # sqrt of the energy; energy 0 = rest on the floor, 1 = enough for the flag.
    # Capped a little above what is needed: more energy is worth nothing.
    e = (0.5 * v ** 2 + K * (np.sin(3.0 * x) + 1.0)) / (2.0 * K)
    return np.sqrt(np.clip(e, 0.0, 1.05) + 0.01)


def reward(position, next_position, velocity, next_velocity, terminated):
    # Growth of the swing, about 20 for the whole way up; a difference.
    swing = 20.0 * (amplitude(next_position, next_velocity)
                    - amplitude(position, velocity))

    # Reaching the flag.
    flag = np.where(terminated & (next_position >= 0.45), 40.0, 0.0)

    # Cost per step, three times the earlier one: it must tell 90 steps from 150.
    time = np.full(position.shape, -0.1)

    return {"swing_growth": swing, "flag_reached": flag, "time_cost": time}


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
    DTYPES = {"action": "int64", "position": "float64", "terminated": "bool", "velocity": "float64"}  # with which the program was checked
    AFTER_STEPS = []  # fields that a reset does not report
    ARGUMENTS = ["position", "next_position", "velocity", "next_velocity", "terminated"]

    def reset(self, **kwargs):
        given = {name: value for name, value in kwargs.items() if value is not None}  # a reset need not take options
        obs, info = self.env.reset(**given)
        self._before = {}
        self._first = self._before = self._read(obs, info or {}, self.AFTER_STEPS)
        self._previous_action = None
        return obs, info or {}

    def step(self, action):
        taken = self._plain(action, "action")  # a copy, before the environment can change it
        obs, native_reward, terminated, truncated, info = self.env.step(action)
        native_reward, info = 0.0 if native_reward is None else self._number(native_reward), info or {}
        terminated, truncated = bool(terminated), bool(truncated)
        after = self._read(obs, info)
        total, terms = self._apply(taken, after, terminated, native_reward)
        self._before, self._previous_action = after, taken
        info = {**info, "native_reward": native_reward, "reward_terms": terms}
        return obs, total, terminated, truncated, info

    def _read(self, obs, info, absent=()):
        asked = {name: read for name, read in self.FIELDS.items() if name not in absent}
        values = {name: read(self.env, obs, info) for name, read in asked.items()}
        return {name: self._plain(value, name) for name, value in values.items()}

    def _apply(self, action, after, terminated, native_reward):
        values = {"action": action, "terminated": self._plain(terminated, "terminated")}
        values["prev_action"] = action if self._previous_action is None else self._previous_action
        values |= {f"next_{name}": value for name, value in after.items()}
        values |= {f"first_{name}": value for name, value in self._first.items()}
        values |= self._before
        asked = {name: _np.asarray(values[name])[None] for name in self.ARGUMENTS}  # a batch of one
        result = reward(asked["position"], asked["next_position"], asked["velocity"], asked["next_velocity"], asked["terminated"])
        total, terms = result if isinstance(result, tuple) else (None, result)
        if not isinstance(terms, dict):
            total, terms = terms, {}
        terms = {name: self._number(value) for name, value in terms.items()}
        total = sum(terms.values()) if total is None else self._number(total)
        return total, terms

    @classmethod
    def _plain(cls, value, name):
        """A read-only copy, of the dtype with which the program was checked."""
        array = _np.array(value, cls.DTYPES[name])
        array.flags.writeable = False
        return array

    @staticmethod
    def _number(value):
        return float(_np.asarray(value, _np.float64).reshape(-1)[0])
