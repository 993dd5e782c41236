"""Reward for hopper-high-jump (Hopper-v5), designed with rewardsmith.

Goal: Jump as high as possible from the spot with one leg, and land on the foot without falling.

Fitness of agents trained under it: 0.000243 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0).
Written by openai/capable; program 9063c85e5e3a of run hopper-high-jump-card-d022058a; discount
0.99.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("Hopper-v5", max_episode_steps=250, camera_name='track'))

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

G = 9.8


def reward(foot_clearance, z_velocity, next_foot_clearance, next_z_velocity,
           next_torso_angle, next_angular_velocity, next_x_velocity, terminated):
    # balance: lean (with where it is heading) and drift, 1 when upright and on the spot
    lean = next_torso_angle + 0.05 * next_angular_velocity
    balanced = np.exp(-(lean / 0.18) ** 2) / (1.0 + (next_x_velocity / 1.2) ** 2)

    # CHANGED: a part in proportion to the height, so that the first centimetres pay; before,
    # 3 cm brought 0.04. Now 0.5 per step at 10 cm, 2.1 at 30 cm, 4.5 at 50 cm. One centimetre
    # is free, so that rocking on the edge of the foot earns nothing
    c = np.clip(next_foot_clearance - 0.01, 0.0, 0.7)
    in_air = balanced * (4.5 * c + 9.0 * c ** 2)

    # CHANGED: in proportion to the upward speed, with the square on top, so that stretching the
    # leg faster pays from the first bobbing on: 0.1 at 0.3 m/s, 0.45 at 1 m/s, 1.6 at 2.4 m/s
    up = np.clip(next_z_velocity, 0.0, 3.5)
    push_off = balanced * (0.3 * up + 0.15 * up ** 2)

    # CHANGED: with a part in proportion, too: 2.5 after a flight from 10 cm, 14 from 30 cm; this
    # is what a leap into a fall, out of balance, does not get
    touches = (foot_clearance > 0.01) & (next_foot_clearance <= 0.01) & (z_velocity < 0.0)
    fell_from = np.minimum(np.clip(-z_velocity, 0.0, 4.0) ** 2 / (2.0 * G), 0.6)
    landed = np.where(touches, balanced * (13.0 * fell_from + 110.0 * fell_from ** 2), 0.0)

    # DROPPED: upright. Standing still earned 24.9 of 25.3; it is worth nothing without a jump,
    # and balance counts already as the gate of all other terms.

    # CHANGED from -12 to -4: at 12 it forbade trying; the end of all further pay is the real loss
    fall = -4.0 * (terminated > 0)

    return {
        "in_air": in_air,
        "push_off": push_off,
        "landed": landed,
        "fall": fall,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

def _module_of_fields_0():
    from typing import Any

    def foot_clearance(env: Any, obs: Any, info: dict[str, Any]) -> float:
        """Height of the lowest point of the foot over the ground."""
        foot = env.model.geom('foot_geom')
        radius, half_length = foot.size[:2]
        centre = env.data.geom('foot_geom').xpos[2]
        slope = env.data.geom('foot_geom').xmat[8]
        return float(centre - half_length * abs(slope) - radius)
    return locals()


_FIELD_FUNCTIONS = {"fields.py:foot_clearance": _module_of_fields_0()['foot_clearance']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "foot_clearance": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:foot_clearance"](env.unwrapped, obs, info),
        "z_velocity": lambda env, obs, info: obs[6],
        "torso_angle": lambda env, obs, info: obs[1],
        "angular_velocity": lambda env, obs, info: obs[7],
        "x_velocity": lambda env, obs, info: obs[5],
    }
    ARGUMENTS = ["foot_clearance", "z_velocity", "next_foot_clearance", "next_z_velocity", "next_torso_angle", "next_angular_velocity", "next_x_velocity", "terminated"]

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
        result = reward(asked["foot_clearance"], asked["z_velocity"], asked["next_foot_clearance"], asked["next_z_velocity"], asked["next_torso_angle"], asked["next_angular_velocity"], asked["next_x_velocity"], asked["terminated"])
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
