"""Reward for lunar-lander (LunarLander-v3), designed with rewardsmith.

Goal: Land a spacecraft softly on both legs on the pad between the two flags and come to rest there,
engines off, whatever speed and spin it arrives with.

Fitness of agents trained under it: 0.989 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.536).
Written by openai/capable; program 0760abd2a305 of run lunar-lander-eureka-28bb5c8a; discount 0.99.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("LunarLander-v3"))

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


def _schedule_value(x, y, vx, vy, angle, turning, left, right):
    l = 1.0 * (left > 0)
    r = 1.0 * (right > 0)
    touching = (l + r) > 0.5

    # wanted speeds: sink the slower the lower, drift towards the middle; none once a leg is down
    want_vy = np.where(touching, 0.0, -np.clip(0.1 + 0.5 * y, 0.1, 0.7))
    want_vx = np.where(touching, 0.0, -np.clip(1.2 * x, -0.6, 0.6))
    # wanted tilt: against the drift and towards the middle (positive is left), level when low
    low = np.clip(y / 0.4, 0.2, 1.0)
    want_angle = np.where(touching, 0.0, low * np.clip(0.5 * x + 0.8 * vx, -0.35, 0.35))

    return (-8.0 * np.abs(x) - 5.0 * np.clip(y, 0.0, 2.0)
            - 6.0 * np.abs(vy - want_vy) - 4.0 * np.abs(vx - want_vx)
            - 6.0 * np.minimum(np.abs(angle - want_angle), 2.0)
            - 0.8 * np.minimum(np.abs(turning), 3.0)
            + 0.5 * (l + r) + 1.5 * l * r)


def reward(x, y, x_velocity, y_velocity, angle, angular_velocity, left_leg, right_leg,
           next_x, next_y, next_x_velocity, next_y_velocity, next_angle, next_angular_velocity,
           next_left_leg, next_right_leg, action, terminated):
    over = terminated > 0

    before = _schedule_value(x, y, x_velocity, y_velocity, angle, angular_velocity,
                             left_leg, right_leg)
    after = _schedule_value(next_x, next_y, next_x_velocity, next_y_velocity, next_angle,
                            next_angular_velocity, next_left_leg, next_right_leg)
    # closer to the schedule and to the pad, as a change; limited against impacts
    on_schedule = np.where(over, 0.0, np.clip(after - before, -2.5, 2.5))

    # really at rest at the end: still and level before and after the last step, on both legs
    still_before = ((np.abs(x_velocity) < 0.05) & (np.abs(y_velocity) < 0.05)
                    & (np.abs(angular_velocity) < 0.1))
    still_after = ((np.abs(next_x_velocity) < 0.05) & (np.abs(next_y_velocity) < 0.05)
                   & (np.abs(next_angular_velocity) < 0.1))
    both_legs = (next_left_leg > 0) & (next_right_leg > 0)
    at_rest = over & still_before & still_after & both_legs & (np.abs(next_angle) < 0.35)
    # most in the middle of the pad, little beside it
    off = np.abs(next_x)
    rest = at_rest * np.where(off < 0.2, 24.0 - 40.0 * np.maximum(off - 0.08, 0.0), 2.0)

    # any other end: a loss, somewhat larger the faster it was going before
    impact = np.clip(np.sqrt(x_velocity ** 2 + y_velocity ** 2), 0.0, 1.5)
    crash = -(8.0 + 3.0 * impact) * (over & ~at_rest)

    # with both legs down: engines off, so that it comes to rest
    standing = (left_leg > 0) & (right_leg > 0)
    firing_on_ground = -0.15 * (standing & (action != 0))

    # time
    time = np.full(on_schedule.shape, -0.03)

    return {
        "on_schedule": on_schedule,
        "rest": rest,
        "crash": crash,
        "firing_on_ground": firing_on_ground,
        "time": time,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

def _module_of_fields_0():
    from typing import Any

    def left_leg(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the left leg touches the ground."""
        return bool(obs[6])

    def right_leg(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the right leg touches the ground."""
        return bool(obs[7])

    def at_rest(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether it has come to rest on the ground, by the simulation's own judgement."""
        return not env.lander.awake
    return locals()


_FIELD_FUNCTIONS = {"fields.py:left_leg": _module_of_fields_0()['left_leg'], "fields.py:right_leg": _module_of_fields_0()['right_leg']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "x": lambda env, obs, info: obs[0],
        "y": lambda env, obs, info: obs[1],
        "x_velocity": lambda env, obs, info: obs[2],
        "y_velocity": lambda env, obs, info: obs[3],
        "angle": lambda env, obs, info: obs[4],
        "angular_velocity": lambda env, obs, info: obs[5],
        "left_leg": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:left_leg"](env.unwrapped, obs, info),
        "right_leg": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:right_leg"](env.unwrapped, obs, info),
    }
    ARGUMENTS = ["x", "y", "x_velocity", "y_velocity", "angle", "angular_velocity", "left_leg", "right_leg", "next_x", "next_y", "next_x_velocity", "next_y_velocity", "next_angle", "next_angular_velocity", "next_left_leg", "next_right_leg", "action", "terminated"]

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
        result = reward(asked["x"], asked["y"], asked["x_velocity"], asked["y_velocity"], asked["angle"], asked["angular_velocity"], asked["left_leg"], asked["right_leg"], asked["next_x"], asked["next_y"], asked["next_x_velocity"], asked["next_y_velocity"], asked["next_angle"], asked["next_angular_velocity"], asked["next_left_leg"], asked["next_right_leg"], asked["action"], asked["terminated"])
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
