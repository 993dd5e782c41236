"""Reward for cart-pole-swing-up (env.py:CartPoleSwingUp), designed with rewardsmith.

Goal: Swing up a pole that hangs from a cart and keep it standing, by pushing the cart along a
limited track. Within ten seconds the pole must be upright to stay, and the cart must never leave
the track.

Fitness of agents trained under it: 1 over 5 training seeds that selection never used
(the environment's own reward, trained the same way: 0.257).
Written by openai/capable-model; program f23cab77a974 of run cart-pole-swing-up-eureka-7399a320;
discount 0.98.
All numbers, seeds, digests and versions: the .json file beside this one.

    from reward import RewardWrapper

    env = RewardWrapper(CartPoleSwingUp())   # the class from env.py

The wrapper belongs directly around the environment, below every wrapper that changes observations or actions.
"""

import gymnasium as gym

# --- The program, as it was written -------------------------------------------------------------------------

import numpy as np


def reward(next_cart_position, next_cart_velocity, next_pole_cosine,
           next_pole_angular_velocity, terminated):
    # 1 in the middle of the track, falling to 0.3 at its ends
    centred = 1.0 - 0.7 * np.clip(np.abs(next_cart_position) / 2.4, 0.0, 1.0) ** 2
    lifted = np.clip((1.0 + next_pole_cosine) / 2.0, 0.0, 1.0)
    above = np.clip(next_pole_cosine, 0.0, 1.0)
    calm = 1.0 / (1.0 + (next_pole_angular_velocity / 2.0) ** 2)
    slow_cart = 1.0 / (1.0 + (next_cart_velocity / 3.0) ** 2)

    return {
        # pays every bit of height, so that swinging higher is felt from the start
        "height": 0.3 * lifted * centred,
        # pays a pole above level that turns slowly: balancing, not whirling
        "standing": 0.6 * above ** 2 * calm * centred,
        # pays a cart at rest under a pole that is nearly upright
        "settled": 0.2 * above ** 6 * calm * slow_cart * centred,
        # one-time cost of running off the track
        "left_track": -10.0 * terminated.astype(float),
    }


# --- How it is applied to one environment -------------------------------------------------------------------

FIELDS = {
    "cart_position": lambda env, obs, info: obs["cart"][0],
    "cart_velocity": lambda env, obs, info: obs["cart"][1],
    "pole_cosine": lambda env, obs, info: obs["pole"][0],
    "pole_angular_velocity": lambda env, obs, info: obs["pole"][2],
}
ARGUMENTS = ["next_cart_position", "next_cart_velocity", "next_pole_cosine", "next_pole_angular_velocity", "terminated"]


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
