"""Subgoals paid once per episode, and shown to the learner as done or not.

What is paid once depends on the past, which a state does not tell: without the mask of what is
done, values of states would mix two futures, and an agent would wait where the bonus once was. So
the mask is part of the observation, in
training, at evaluation and in the export: appended to a Box, which is made flat for it, as the key
``subgoals`` of a Dict; a number, and an image that convolutions shall see, become a Dict of both.

The wrapper stands directly above the recorded environments, below the one that puts rewards in
place.
"""

from __future__ import annotations

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecEnvWrapper

from rewardsmith.errors import UsageError
from rewardsmith.maths.relevance import Relevance
from rewardsmith.maths.shaping import check_bonus, largest_bonus
from rewardsmith.task.environment import longest_episode
from rewardsmith.task.loading import Task
from rewardsmith.train.vectors import RecordedVecEnv
from rewardsmith.types import Array, Evaluator, FloatArray

Form = Literal["potential", "neutralised", "bonus"]
AS_POTENTIAL = 0.5  # what a subgoal is worth where nobody says it and no bound is to be kept
SAFE = 0.9  # ... of the bound where there is one
KEY, WHOLE = "subgoals", "observation"  # of a Dict observation: the mask; what was no Dict before
WHOLE_AND_MASK = {WHOLE, KEY}


class Subgoals(VecEnvWrapper):
    """Watches subgoals, shows which are done, and says what they are worth in each step.

    Args:
        venv: recorded environments.
        program: gives one boolean term per subgoal: whether it holds after a transition.
        form: ``potential`` pays the change of bonus * (number done), which leaves what is optimal
            alone; ``neutralised`` pays each once and takes all back from a success (ELLA, EAGER);
            ``bonus`` pays each once.
        bonus: for one subgoal.
        gamma: the learner's discount.
        goal: a text field; only the subgoals that its successes had are paid, at most one in a
            step.
        policy: the kind of policy: one with convolutions must see an image as it is.

    Attributes:
        paid: what the last vector step is paid for subgoals, shape (n,).
        done: which are done in the episodes under way, shape (n, k).

    Raises:
        UsageError: the observation has a key of the mask's name.
    """

    def __init__(
        self,
        venv: RecordedVecEnv,
        program: Evaluator,
        form: Form,
        bonus: float,
        gamma: float,
        goal: str = "",
        policy: str = "MlpPolicy",
    ) -> None:
        self._base, self._program = venv, program
        self._form, self._bonus, self._gamma = form, bonus, gamma
        self.names = subgoal_names(venv, program)
        self._goal, self._relevance = goal, Relevance(len(self.names))
        space = venv.observation_space
        self._appends = isinstance(space, spaces.Box) and policy != "CnnPolicy"
        self._scale = (
            255.0 if is_image_space(space) else 1.0
        )  # by which policies divide what they see as an image
        mask = spaces.Box(0.0, 1.0, (len(self.names),), np.float32)
        shown = _appended(space, mask, self._scale) if self._appends else _beside(space, mask)
        super().__init__(venv, observation_space=shown)
        self._clear()

    def reset(self) -> Any:
        """Reset all environments; nothing is done yet."""
        obs = self.venv.reset()
        self._clear()
        return self._shown(obs, self.done)

    def step_wait(self) -> Any:
        """Step, see what holds now, and settle what it is worth."""
        obs, rewards, dones, infos = self.venv.step_wait()
        holds = self._holds()
        before, new = self.done.sum(axis=1), self._counted(holds & ~self.done)
        self.done |= holds
        self.paid = self._worth(before, new)
        for row in np.flatnonzero(dones):
            infos[row]["terminal_observation"] = self._shown(
                infos[row]["terminal_observation"], self.done[row]
            )
            infos[row]["subgoals"] = dict(zip(self.names, self.done[row].tolist(), strict=True))
        self.done[dones] = False
        self._owed[dones] = 0.0
        return self._shown(obs, self.done), rewards, dones, infos

    def _clear(self) -> None:
        n = self._base.num_envs
        self.done = np.zeros((n, len(self.names)), bool)
        self.paid, self._owed = np.zeros(n), np.zeros(n)

    def _holds(self) -> Array:
        terms = self._program(self._base.buffers.columns(self._program.arguments)).terms
        return np.stack([terms[name] > 0.5 for name in self.names], axis=1)

    def _counted(self, new: Array) -> Array:
        """How many of the subgoals that came true count, shape (n,); what is relevant is learnt from successes."""
        if not self._goal:
            return np.asarray(new.sum(axis=1))
        goals = [row.tobytes() for row in self._base.buffers.column(f"first_{self._goal}")]
        counted = (new & self._relevance.of(goals)).any(axis=1)
        for row in np.flatnonzero(self._succeeds()):
            self._relevance.learn(goals[row], self.done[row] | new[row])
        return np.asarray(counted.astype(int))

    def _succeeds(self) -> Array:
        buffers = self._base.buffers
        return buffers.terminated & (buffers.native_reward > 0)

    def _worth(self, before: Array, new: Array) -> FloatArray:
        """What a step is paid for subgoals; see :mod:`rewardsmith.maths.shaping` for the forms."""
        buffers, bonus = self._base.buffers, self._bonus
        if self._form == "potential":
            after = np.where(buffers.terminated, 0.0, bonus * (before + new))
            return self._gamma * after - bonus * before
        self._owed = bonus * new + self._owed / self._gamma
        success = self._succeeds() if self._form == "neutralised" else False
        return bonus * new - np.where(success, self._owed, 0.0)

    def _shown(self, obs: Any, done: Array) -> Any:
        """An observation, or one of each environment, with what is done."""
        mask = done.astype(np.float32)
        if self._appends:
            return np.concatenate(
                [obs.reshape(*done.shape[:-1], -1) / self._scale, mask], axis=-1, dtype=np.float32
            )
        return {**(obs if isinstance(obs, dict) else {WHOLE: obs}), KEY: mask}


def subgoal_names(venv: RecordedVecEnv, program: Evaluator) -> list[str]:
    """Their names, which are known when the program was called once; the values of rows of zeros do not matter."""
    return list(program(venv.buffers.columns(program.arguments)).terms)


def bonus_for(task: Task, env: gym.Env[Any, Any], count: int) -> float:
    """What one of ``count`` subgoals is paid.

    Raises:
        UsageError: it could be worth more than a success, or how long an episode can last is not
            known.
    """
    shaping, gamma = task.spec.training.shaping, task.spec.training.gamma
    if shaping.subgoals == "potential":
        return shaping.bonus or AS_POTENTIAL
    horizon = longest_episode(task, env)
    if horizon is None:
        hint = "set [env] max_episode_steps, or pay subgoals as a potential, which has no limit"
        raise UsageError(
            "how much subgoals may be paid depends on the longest episode, which is not known", hint
        )
    if shaping.bonus is None:
        return SAFE * largest_bonus(gamma, horizon, shaping.success, count)
    try:
        check_bonus(shaping.bonus, gamma, horizon, shaping.success, count)
    except ValueError as error:
        hint = "lower [training.shaping] bonus or leave it out, or say what a success is paid"
        raise UsageError(str(error), hint) from None
    return shaping.bonus


def _appended(space: Any, mask: spaces.Box, scale: float) -> spaces.Box:
    ends = ((space.low, mask.low), (space.high, mask.high))
    low, high = (
        np.concatenate([of.ravel() / scale, of_mask]).astype(np.float32) for of, of_mask in ends
    )
    return spaces.Box(low, high, dtype=np.float32)


def _beside(space: spaces.Space[Any], mask: spaces.Box) -> spaces.Dict:
    parts = space.spaces if isinstance(space, spaces.Dict) else {WHOLE: space}
    if KEY in parts:
        raise UsageError(
            f"subgoals are shown in the observation as {KEY!r}, a key that it has already",
            "rename it by a wrapper of the environment, or use a program without subgoals",
        )
    return spaces.Dict({**parts, KEY: mask})
