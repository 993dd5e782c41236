"""Reward for mountain-car-continuous (MountainCarContinuous-v0), designed with rewardsmith.

Goal: Drive an underpowered car out of a valley to the flag on top of the right hill. The engine
alone cannot climb the hill from the valley floor.

Fitness of agents trained under it: 0.977 over 5 training seeds that selection never used
(the environment's own reward, trained the same way: 0.00518).
Written by openai/capable-model; program 3ee07cb1671f of run mountain-car-continuous-
eureka-4e9edd79; discount 0.99.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("MountainCarContinuous-v0"))

The wrapper belongs directly around the environment, below every wrapper that changes observations or actions.
"""

import gymnasium as gym

# --- The program, as it was written -------------------------------------------------------------------------

import numpy as np

FLAG = 0.45
GRAVITY = 0.0025


def energy(x, v):
    # mechanical energy above the valley floor, 0 at rest on the floor,
    # 1 at rest on the height of the flag
    height = GRAVITY / 3.0 * np.sin(3.0 * x)
    floor = -GRAVITY / 3.0
    top = GRAVITY / 3.0 * np.sin(3.0 * FLAG)
    return (0.5 * v ** 2 + height - floor) / (top - floor)


def reward(position, next_position, velocity, next_velocity, terminated):
    # pays for energy put into the swing, charges for energy braked away
    energy_gain = 20.0 * (energy(next_position, next_velocity)
                          - energy(position, velocity))

    # pays once for reaching the flag, more than all the energy together
    flag = np.where(terminated & (next_position >= FLAG - 0.01), 50.0, 0.0)

    # small cost of every step, so that finishing soon is better
    time = np.full(position.shape, -0.03)

    return {"energy_gain": energy_gain, "flag": flag, "time": time}


# --- How it is applied to one environment -------------------------------------------------------------------

FIELDS = {
    "position": lambda env, obs, info: obs[0],
    "velocity": lambda env, obs, info: obs[1],
}
ARGUMENTS = ["position", "next_position", "velocity", "next_velocity", "terminated"]


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
