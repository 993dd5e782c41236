"""Reward for mountain-car (MountainCar-v0), designed with rewardsmith.

Goal: Drive an underpowered car out of a valley to the flag on top of the right hill, within 200
steps. The engine alone cannot climb the hill from the valley floor.

Fitness of agents trained under it: 0.8 over 5 training seeds that selection never used
(the environment's own reward, trained the same way: 0.0725).
Written by anthropic/capable-model; program 1a0c35498ea9 of run mountain-car-eureka-581398a5;
discount 0.99.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("MountainCar-v0"))

The wrapper belongs directly around the environment, below every wrapper that changes observations or actions.
"""

import gymnasium as gym

# --- The program, as it was written -------------------------------------------------------------------------

import numpy as np

V_TOP = 0.04    # a brisk speed through the valley floor on the last swing


def reward(position, velocity, next_position, next_velocity, action, terminated):
    push = action.astype(np.float64) - 1.0
    mean_v = 0.5 * (velocity + next_velocity)
    # pays for the work the engine does on the car in this step (negative when braking)
    engine_work = np.clip(0.8 * push * mean_v / V_TOP, -0.8, 0.8)
    # charges for running into the left wall, where the energy gained is lost
    hit_wall = np.where((next_position <= -1.19) & (velocity < 0.0),
                        -20.0 * np.abs(velocity), 0.0)
    # pays for reaching the flag
    at_flag = np.where(terminated & (next_position >= 0.49), 60.0, 0.0)
    # charge per step, so that going on rocking is worse than finishing
    step_cost = np.full(position.shape, -0.4)
    return {
        "engine_work": engine_work,
        "hit_wall": hit_wall,
        "at_flag": at_flag,
        "step_cost": step_cost,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

FIELDS = {
    "position": lambda env, obs, info: obs[0],
    "velocity": lambda env, obs, info: obs[1],
}
ARGUMENTS = ["position", "velocity", "next_position", "next_velocity", "action", "terminated"]


class RewardWrapper(gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``."""

    def reset(self, **kwargs):
        obs, info = self.env.reset(**kwargs)
        self._first = self._before = self._read(obs, info)
        self._previous_action = None
        return obs, info

    def step(self, action):
        taken = _plain(action)  # a copy, before the environment can change it
        obs, native_reward, terminated, truncated, info = self.env.step(action)
        after = self._read(obs, info)
        total, terms = self._apply(taken, after, terminated)
        self._before, self._previous_action = after, taken
        info = {**info, "native_reward": native_reward, "reward_terms": terms}
        return obs, total, terminated, truncated, info

    def _read(self, obs, info):
        return {name: _plain(read(self.env, obs, info)) for name, read in FIELDS.items()}

    def _apply(self, action, after, terminated):
        values = {"action": action, "terminated": np.bool_(terminated)}
        values["prev_action"] = action if self._previous_action is None else self._previous_action
        for name in FIELDS:
            values |= {name: self._before[name], f"first_{name}": self._first[name], f"next_{name}": after[name]}
        result = reward(*[np.asarray(values[name])[None] for name in ARGUMENTS])  # a batch of one
        total, terms = result if isinstance(result, tuple) else (None, result)
        if not isinstance(terms, dict):
            total, terms = terms, {}
        terms = {name: _number(value) for name, value in terms.items()}
        return (sum(terms.values()) if total is None else _number(total)), terms


def _plain(value):
    """A copy as float64, int64 or bool, which is all that the program was checked with."""
    array = np.asarray(value)
    return array.astype({"b": bool, "i": np.int64, "u": np.int64}.get(array.dtype.kind, np.float64))


def _number(value):
    return float(np.asarray(value, np.float64).reshape(-1)[0])
