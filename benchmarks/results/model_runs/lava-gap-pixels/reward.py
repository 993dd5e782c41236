"""Reward for lava-gap-pixels (minigrid:MiniGrid-LavaGapS5-v0), designed with rewardsmith.

Goal: Walk from the upper left corner of a small room through the one gap in a strip of lava to the
goal in the lower right corner, as soon as possible and without touching the lava, seeing only a
picture of the room.

Fitness of agents trained under it: 0.774 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.324).
Written by openai/capable; program d9a888766c6e of run lava-gap-pixels-card-31be1cbf; discount 0.95.
All numbers, seeds, digests and versions: the .json file beside this one.

    import gymnasium as gym
    from minigrid.wrappers import RGBImgObsWrapper
    from minigrid.wrappers import ImgObsWrapper
    from reward import RewardWrapper

    env = RewardWrapper(gym.make("minigrid:MiniGrid-LavaGapS5-v0", max_steps=40, agent_view_size=3, highlight=False))
    env = RGBImgObsWrapper(env)
    env = ImgObsWrapper(env)

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

GOAL_X = 3
GOAL_Y = 3


def _quarter_turns(d, wanted):
    off = np.abs(wanted - d)
    return np.minimum(off, 4 - off)


def _actions_left(x, y, d, gx, gy):
    # CHANGED: cells and ALL turns still needed, the later corners too, each counting one action.
    # Before, a move into a corner paid less than another, and a turn only 0.6: now every
    # useful action pays +1 and every harmful one -1, turns and moves alike.
    before_gap = x < gx
    past_gap = x > GOAL_X - 0.5
    in_row = np.abs(gy - y) < 0.5
    cells = np.where(
        before_gap,
        np.abs(gy - y) + (GOAL_X - x) + np.abs(GOAL_Y - gy),
        np.abs(GOAL_X - x) + np.abs(GOAL_Y - y),
    )
    wanted = np.where(
        before_gap,
        np.where(in_row, 0, np.where(gy > y, 1, 3)),
        np.where(past_gap, 1, 0),
    )
    # corners still to come after the present leg
    last_corner = 1.0 * (np.abs(GOAL_Y - np.where(before_gap, gy, y)) > 0.5) * (~past_gap)
    gap_corner = 1.0 * (before_gap & ~in_row)
    left = cells + _quarter_turns(d, wanted) + last_corner + gap_corner
    return np.where(cells < 0.5, 0.0, left)


def reward(agent_x, agent_y, direction, next_agent_x, next_agent_y, next_direction,
           gap_x, gap_y, next_in_lava, terminated, action):
    burnt = next_in_lava > 0
    arrived = (terminated > 0) & ~burnt

    # useful action +1, harmful action -1, by the number of actions left; sums to nothing in a circle
    before = _actions_left(agent_x, agent_y, direction, gap_x, gap_y)
    after = _actions_left(next_agent_x, next_agent_y, next_direction, gap_x, gap_y)
    way = np.where(burnt, 0.0, np.clip(before - after, -2.0, 2.0))

    # CHANGED from 10 to 3: it drowned the verdicts on the single actions and made walking
    # straight on, right in a third of the rooms, look best in all of them
    goal = 3.0 * arrived

    # CHANGED from -1 to -1.5: the first step into the lava must be clearly worse than a turn
    # there, yet it stays below what two useful actions bring, so that nobody stands still for it
    lava = -1.5 * burnt

    # CHANGED from -0.2 to -0.5: bumping on at (3, 1) was nearly free; now it is half as bad as
    # a wrong turn, and the turn that is right there pays +1
    stood = (np.abs(next_agent_x - agent_x) + np.abs(next_agent_y - agent_y)) < 0.5
    no_effect = -0.5 * ((action >= 3) | ((action == 2) & stood & ~burnt))

    # the time cost is left out: it was paid whatever the agent did
    return {
        "way": way,
        "goal": goal,
        "lava": lava,
        "no_effect": no_effect,
    }


# --- How it is applied to one environment -------------------------------------------------------------------

import gymnasium as _gym
import numpy as _np

def _module_of_fields_0():
    from typing import Any

    def agent_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the agent."""
        return int(env.agent_pos[0])

    def agent_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the agent."""
        return int(env.agent_pos[1])

    def direction(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Where the agent looks: 0 right, 1 down, 2 left, 3 up."""
        return int(env.agent_dir)

    def gap_x(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Column of the lava, and of the gap in it."""
        return int(env.gap_pos[0])

    def gap_y(env: Any, obs: Any, info: dict[str, Any]) -> int:
        """Row of the gap."""
        return int(env.gap_pos[1])

    def lava_ahead(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether a step forward would be into the lava."""
        return _is_lava(env, env.front_pos)

    def in_lava(env: Any, obs: Any, info: dict[str, Any]) -> bool:
        """Whether the agent has stepped into the lava."""
        return _is_lava(env, env.agent_pos)

    def _is_lava(env: Any, place: Any) -> bool:
        thing = env.grid.get(*place)
        return thing is not None and thing.type == 'lava'
    return locals()


_FIELD_FUNCTIONS = {"fields.py:agent_x": _module_of_fields_0()['agent_x'], "fields.py:agent_y": _module_of_fields_0()['agent_y'], "fields.py:direction": _module_of_fields_0()['direction'], "fields.py:gap_x": _module_of_fields_0()['gap_x'], "fields.py:gap_y": _module_of_fields_0()['gap_y'], "fields.py:in_lava": _module_of_fields_0()['in_lava']}


class RewardWrapper(_gym.Wrapper):
    """Replaces the reward of one environment; ``info`` gains ``native_reward`` and ``reward_terms``.
    """

    FIELDS = {
        "agent_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_x"](env.unwrapped, obs, info),
        "agent_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:agent_y"](env.unwrapped, obs, info),
        "direction": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:direction"](env.unwrapped, obs, info),
        "gap_x": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:gap_x"](env.unwrapped, obs, info),
        "gap_y": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:gap_y"](env.unwrapped, obs, info),
        "in_lava": lambda env, obs, info: _FIELD_FUNCTIONS["fields.py:in_lava"](env.unwrapped, obs, info),
    }
    ARGUMENTS = ["agent_x", "agent_y", "direction", "next_agent_x", "next_agent_y", "next_direction", "gap_x", "gap_y", "next_in_lava", "terminated", "action"]

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
        result = reward(asked["agent_x"], asked["agent_y"], asked["direction"], asked["next_agent_x"], asked["next_agent_y"], asked["next_direction"], asked["gap_x"], asked["gap_y"], asked["next_in_lava"], asked["terminated"], asked["action"])
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
