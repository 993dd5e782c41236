"""Reward for lava-gap-pixels (minigrid:MiniGrid-LavaGapS5-v0), designed with rewardsmith.

Goal: Walk from the upper left corner of a small room through the one gap in a strip of lava to the
goal in the lower right corner, as soon as possible and without touching the lava, seeing only a
picture of the room.

Fitness of agents trained under it: 0.24 over 3 training seeds that selection never used
(the environment's own reward, trained the same way: 0.324).
Written by openai/capable; program de473dfaffb8 of run lava-gap-pixels-eureka-50d07f30; discount
0.95.
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

FAR = 12.0


def _sweep(table, open_cells, at_goal):
    # value of a move ahead for direction 0 right, 1 down, 2 left, 3 up
    # (axes: gap column, gap row, column, row, direction)
    ahead = np.stack([
        np.roll(table[..., 0], -1, axis=2),
        np.roll(table[..., 1], -1, axis=3),
        np.roll(table[..., 2], 1, axis=2),
        np.roll(table[..., 3], 1, axis=3),
    ], axis=-1)
    turned = np.minimum(np.roll(table, 1, axis=-1), np.roll(table, -1, axis=-1))
    better = np.minimum(table, 1.0 + np.minimum(ahead, turned))
    return np.where(at_goal, 0.0, np.where(open_cells, better, FAR))


def _build_table():
    # actions needed to the goal at (3, 3), for each gap, cell and direction; walls and lava stay FAR
    gx, gy, x, y, d = np.meshgrid(np.arange(5), np.arange(5), np.arange(5), np.arange(5),
                                  np.arange(4), indexing="ij")
    at_goal = (x == 3) & (y == 3)
    inside = (x >= 1) & (x <= 3) & (y >= 1) & (y <= 3)
    open_cells = inside & ~((x == gx) & (y != gy) & ~at_goal)
    table = np.where(at_goal, 0.0, FAR)
    for _ in range(15):
        table = _sweep(table, open_cells, at_goal)
    return table


ACTIONS_LEFT = _build_table()


def _index(v, low, high):
    return np.clip(np.round(v), low, high).astype(int)


def _actions_left(x, y, d, gx, gy):
    return ACTIONS_LEFT[_index(gx, 2, 3), _index(gy, 1, 3),
                        _index(x, 1, 3), _index(y, 1, 3), _index(d, 0, 3)]


def _stage(x, y, d, gx, gy):
    # value of where the agent is: actions saved, and stages on the way
    looks_through = (np.abs(y - gy) < 0.5) & (np.abs(d) < 0.5) & (x < gx)
    in_gap = (np.abs(x - gx) < 0.5) & (np.abs(y - gy) < 0.5)
    past = x > gx
    return (-0.7 * _actions_left(x, y, d, gx, gy)
            + 0.5 * looks_through + 2.0 * in_gap + 3.5 * past)


def reward(agent_x, agent_y, direction, next_agent_x, next_agent_y, next_direction,
           gap_x, gap_y, next_in_lava, terminated, action):
    burnt = next_in_lava > 0
    arrived = (terminated > 0) & ~burnt

    # change of the stage: forward is paid, backward takes it back; the lava pays nothing
    before = _stage(agent_x, agent_y, direction, gap_x, gap_y)
    after = _stage(next_agent_x, next_agent_y, next_direction, gap_x, gap_y)
    way = np.where(burnt, 0.0, after - before)

    # the goal
    goal_reached = 10.0 * arrived

    # the four actions without use, which only dilute the search
    useless = -0.15 * (action >= 3)

    return {
        "way": way,
        "goal_reached": goal_reached,
        "useless": useless,
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
