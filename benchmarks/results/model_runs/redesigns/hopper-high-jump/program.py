"""Reward for hopper-high-jump (Hopper-v5), designed with rewardsmith.

Goal: Jump as high as possible with one leg, and land on the foot where the jump began, without
falling.

Fitness of agents trained under it: 0.38 over 5 training seeds that selection never used
(the environment's own reward, trained the same way: 0).
Written by openai/capable; program 05e7f605f824 of run hopper-high-jump-eureka-1d9ca39d; discount
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

G = 9.81
# Predecessor (air 6*height, landing by energy at touchdown): fitness 0.32, landings 0.05-0.13 m off.
# Here: distance of the *predicted* landing is taken off the height in flight; convex in height.


def reward(foot_clearance, next_foot_clearance, torso_height, next_torso_height, next_torso_angle,
           z_velocity, next_z_velocity, next_angular_velocity, next_x, first_x, next_x_velocity,
           terminated):
    dx = next_x - first_x
    vz = np.clip(next_z_velocity, -5.0, 5.0)
    upright = np.clip(1.0 - np.abs(next_torso_angle) / 0.2, 0.0, 1.0)

    # seconds until the torso is down at 1.25 m, and how far off the spot it will be then
    above = np.clip(next_torso_height - 1.25, 0.0, 1.0)
    t_down = np.clip((vz + np.sqrt(vz ** 2 + 2.0 * G * above)) / G, 0.0, 0.8)
    off = np.abs(dx + np.clip(next_x_velocity, -3.0, 3.0) * t_down)

    # flight: height (lesser of foot and torso) less the distance of the predicted landing
    height = np.clip(np.minimum(next_foot_clearance, next_torso_height - 1.21), 0.0, 0.8)
    net = np.maximum(height - 0.7 * off, 0.25 * height)
    flight = (4.0 * net + 12.0 * net ** 2) * (0.4 + 0.6 * upright)

    # touchdown: apex fallen from, by its energy, less the distance from the spot; upright and quiet
    down = (foot_clearance > 0.01) & (next_foot_clearance <= 0.01) & (z_velocity < 0.0)
    apex = np.clip(torso_height + np.clip(z_velocity, -5.0, 0.0) ** 2 / (2.0 * G) - 1.26, 0.0, 0.8)
    quiet = 1.0 / (1.0 + (next_angular_velocity / 3.0) ** 2)
    landing = 100.0 * down * np.maximum(apex - np.abs(dx), 0.2 * apex) * upright * quiet

    # push-off: apex that the upward speed reaches while the foot is still low; starts the first hops
    low = next_foot_clearance <= 0.05
    rise = next_torso_height + np.clip(vz, 0.0, 5.0) ** 2 / (2.0 * G) - 1.25
    push = 1.5 * low * np.clip(rise - 0.5 * off, 0.0, 0.6) * upright

    # falling
    fall = -5.0 * terminated.astype(float)

    # a tilt makes the landing a fall
    tilt = -0.1 * np.clip(np.abs(next_torso_angle) / 0.2, 0.0, 1.5)
    return {"flight": flight, "landing": landing, "push": push, "fall": fall, "tilt": tilt}


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
        "torso_height": lambda env, obs, info: obs[0],
        "torso_angle": lambda env, obs, info: obs[1],
        "z_velocity": lambda env, obs, info: obs[6],
        "angular_velocity": lambda env, obs, info: obs[7],
        "x": lambda env, obs, info: info.get('x_position'),
        "x_velocity": lambda env, obs, info: obs[5],
    }
    DTYPES = {"action": "float64", "angular_velocity": "float64", "foot_clearance": "float64", "terminated": "bool", "torso_angle": "float64", "torso_height": "float64", "x": "float64", "x_velocity": "float64", "z_velocity": "float64"}  # with which the program was checked
    AFTER_STEPS = []  # fields that a reset does not report
    ARGUMENTS = ["foot_clearance", "next_foot_clearance", "torso_height", "next_torso_height", "next_torso_angle", "z_velocity", "next_z_velocity", "next_angular_velocity", "next_x", "first_x", "next_x_velocity", "terminated"]

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
        result = reward(asked["foot_clearance"], asked["next_foot_clearance"], asked["torso_height"], asked["next_torso_height"], asked["next_torso_angle"], asked["z_velocity"], asked["next_z_velocity"], asked["next_angular_velocity"], asked["next_x"], asked["first_x"], asked["next_x_velocity"], asked["terminated"])
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
