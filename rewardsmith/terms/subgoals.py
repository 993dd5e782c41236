"""Subgoals as a term: a bonus for each, once per episode.

A bonus that is given once depends on the past of the episode, which the state does not contain:
without flags of the subgoals that are done, the value of a state would mix two futures, and an
agent would wait where it once got the bonus. So the flags of the term are part of the observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.maths.relevance import Relevance
from rewardsmith.maths.shaping import check_bonus, largest_bonus
from rewardsmith.terms.term import Opening, ProgramFunction
from rewardsmith.types import NATIVE_REWARD, Array, Columns, Evaluator, FloatArray, Output

if TYPE_CHECKING:
    import gymnasium as gym

    from rewardsmith.episodes.recorder import Buffers
    from rewardsmith.task.loading import Task

Form = Literal["potential", "neutralised", "bonus"]
AS_POTENTIAL = 0.5  # the bonus of a subgoal where the task gives none and no bound must be kept
SAFE = 0.9  # ... as a share of the bound where there is one


class Subgoals:
    """Keeps track of subgoals in the episodes under way, and gives a bonus for each.

    Args:
        program: gives one boolean term per subgoal: whether it holds after a transition.
        names: of the subgoals.
        form: ``potential`` gives the change of bonus * (number done), which leaves the optimal
            policy unchanged; ``neutralised`` gives each bonus once and takes all back from a
            success (ELLA, EAGER); ``bonus`` gives each once.
        bonus: for one subgoal.
        gamma: the learner's discount.
        goal: a text field; only the subgoals that its successes had count, at most one in a step.

    Attributes:
        bonuses: the reward of the latest vector step, shape (n_envs,).
    """

    Payload: ClassVar = ProgramFunction
    name = "subgoals"
    ranks = False

    def __init__(
        self,
        program: Evaluator,
        names: Sequence[str],
        form: Form,
        bonus: float,
        gamma: float,
        goal: str = "",
    ) -> None:
        self.gamma = gamma
        self._program, self._form, self._bonus = program, form, bonus
        self._shows = tuple(names)
        self._goal, self._relevance = f"first_{goal}" if goal else "", Relevance(len(names))
        reads = [*program.arguments, "terminated", NATIVE_REWARD]
        self.arguments = tuple(dict.fromkeys([*reads, *([self._goal] if goal else [])]))
        self.restart(0)

    @classmethod
    def open(cls, payload: ProgramFunction, opening: Opening) -> Self:
        """Start the function in a host.

        Raises:
            ProgramError: the program broke.
            UsageError: a bonus that could be worth more than a success.
        """
        return cls.for_task(opening.host(payload), opening.task, opening.buffers, opening.env)

    @classmethod
    def for_task(
        cls, program: Evaluator, task: Task, buffers: Buffers, env: gym.Env[Any, Any]
    ) -> Self:
        """The subgoals of a running program, in the form and with the bonus of a task.

        Args:
            buffers: of environments of the task; the program is called on them once, for the
                names of its subgoals.
            env: one of these.

        Raises:
            ProgramError: the program broke.
            UsageError: a bonus that could be worth more than a success.
        """
        training = task.spec.training
        names = subgoal_names(buffers, program)
        bonus, shaping = bonus_for(task, env, len(names)), training.shaping
        return cls(program, names, shaping.subgoals, bonus, training.gamma, shaping.relevant_to)

    @property
    def shows(self) -> tuple[str, ...]:
        """Names of the subgoals."""
        return self._shows

    @property
    def shown(self) -> Array:
        """Which subgoals are done in the episodes under way, shape (n_envs, k), bool."""
        return self._done

    @property
    def shown_at_end(self) -> Array:
        """The same after the latest step, without the reset of the episodes that it ended."""
        return self._done_at_end

    def restart(self, n_envs: int) -> None:
        """Begin a new episode in every environment: nothing is done yet."""
        self._done = self._done_at_end = np.zeros((n_envs, len(self._shows)), bool)
        self.bonuses, self._owed = np.zeros(n_envs), np.zeros(n_envs)

    def holds(self, columns: Columns) -> Mapping[str, Array]:
        """Whether each subgoal holds after transitions: name -> shape (n,), bool.

        Raises:
            ProgramError: the program broke on them.
        """
        return {name: values > 0.5 for name, values in self._program(columns).terms.items()}

    def observe(self, columns: Columns, dones: Array) -> None:
        """See which subgoals hold after a vector step, and compute its bonuses."""
        truth = self.holds(columns)
        holds = np.stack([truth[name] for name in self._shows], axis=1)
        new = self._counted(columns, holds & ~self._done)
        self.bonuses = self._worth(columns, self._done.sum(axis=1), new)
        self._done_at_end = self._done | holds
        self._done = self._done_at_end & ~dones[:, None]
        self._owed[dones] = 0.0

    def __call__(self, columns: Columns) -> Output:
        """The bonuses of the step that was observed last."""
        return Output(self.bonuses)

    def _counted(self, columns: Columns, new: Array) -> Array:
        """How many new subgoals count, shape (n_envs,); successes teach which are relevant."""
        if not self._goal:
            return np.asarray(new.sum(axis=1))
        goals = [row.tobytes() for row in columns[self._goal]]
        counted = (new & self._relevance.of(goals)).any(axis=1)
        for row in np.flatnonzero(_succeeds(columns)):
            self._relevance.learn(goals[row], self._done[row] | new[row])
        return np.asarray(counted.astype(int))

    def _worth(self, columns: Columns, before: Array, new: Array) -> FloatArray:
        """The reward of a step for its subgoals; see :mod:`rewardsmith.maths.shaping`."""
        bonus = self._bonus
        if self._form == "potential":
            after = np.where(columns["terminated"], 0.0, bonus * (before + new))
            return self.gamma * after - bonus * before
        self._owed = bonus * new + self._owed / self.gamma
        success = _succeeds(columns) if self._form == "neutralised" else False
        return bonus * new - np.where(success, self._owed, 0.0)


def _succeeds(columns: Columns) -> Array:
    """Where an episode ended by itself with a native reward above 0."""
    return np.asarray(columns["terminated"] & (columns[NATIVE_REWARD] > 0))


def subgoal_names(buffers: Buffers, program: Evaluator) -> list[str]:
    """Names of a program's subgoals, read from one call; the values of its rows do not matter."""
    return list(program(buffers.columns(program.arguments)).terms)


def bonus_for(task: Task, env: gym.Env[Any, Any], count: int) -> float:
    """The bonus for one of ``count`` subgoals.

    Raises:
        UsageError: it could be worth more than a success, or the length of the longest episode is
            not known.
    """
    from rewardsmith.task.environment import longest_episode

    shaping, gamma = task.spec.training.shaping, task.spec.training.gamma
    if shaping.subgoals == "potential":
        return shaping.bonus or AS_POTENTIAL
    horizon = longest_episode(task, env)
    if horizon is None:
        raise UsageError(
            "the largest safe bonus depends on the longest episode, which is not known",
            "set [env] max_episode_steps, or use subgoals as a potential, which needs no bound",
        )
    if shaping.bonus is None:
        return SAFE * largest_bonus(gamma, horizon, shaping.success, count)
    try:
        check_bonus(shaping.bonus, gamma, horizon, shaping.success, count)
    except ValueError as error:
        hint = "lower [training.shaping] bonus or leave it out, or set success to its reward"
        raise UsageError(str(error), hint) from None
    return shaping.bonus
