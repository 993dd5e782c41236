"""Reward for hopper-high-jump (Hopper-v5), designed with rewardsmith.

Goal: Jump as high as possible from the spot with one leg, and land on the foot without falling.

Fitness of agents trained under it: 0.203 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0).
Written by openai/capable; program c9a6b5f3b01f of run hopper-high-jump-eureka-76940a81; discount
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


def reward(foot_clearance, next_foot_clearance, next_z_velocity, next_torso_angle,
           next_angular_velocity, next_x_velocity, terminated):
    c = np.clip(next_foot_clearance, 0.0, 1.0)
    vz = np.clip(next_z_velocity, -4.0, 4.0)
    in_air = next_foot_clearance > 0.01

    # time until the foot is down again, and the lean then (half of the turning, which legs can correct)
    t_down = np.where(in_air, np.clip((vz + np.sqrt(vz ** 2 + 2.0 * G * c)) / G, 0.0, 0.5), 0.05)
    lean_down = next_torso_angle + 0.5 * t_down * next_angular_velocity
    will_stand = 1.0 / (1.0 + (lean_down / 0.15) ** 2)
    # running off sideways makes landing hard too
    will_stand = will_stand / (1.0 + (next_x_velocity / 1.5) ** 2)

    # apex of this flight: rising, what height the speed still gives; falling, what is left of it
    apex = c + np.where(vz > 0.0, vz ** 2 / (2.0 * G), 0.0)
    # 1.5 per step in a flight of 30 cm, growing faster than the height
    jump = np.where(in_air, will_stand * (3.0 * apex + 7.0 * np.minimum(apex, 0.8) ** 2), 0.0)

    # still on the ground: extending upwards is paid a little, as the beginning of a jump
    extend = np.where(in_air, 0.0, will_stand * 0.25 * np.clip(vz, 0.0, 3.0))

    # upright on each step, small beside a jump
    balance = 0.1 * will_stand

    # falling
    fall = -6.0 * (terminated > 0)

    return {
        "jump": jump,
        "extend": extend,
        "balance": balance,
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
    ARGUMENTS = ["foot_clearance", "next_foot_clearance", "next_z_velocity", "next_torso_angle", "next_angular_velocity", "next_x_velocity", "terminated"]

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
        result = reward(asked["foot_clearance"], asked["next_foot_clearance"], asked["next_z_velocity"], asked["next_torso_angle"], asked["next_angular_velocity"], asked["next_x_velocity"], asked["terminated"])
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
