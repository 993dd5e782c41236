"""One summand of a reward: what terms offer, and how a kind starts one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from rewardsmith.program import EntryPoint, Style
from rewardsmith.types import Array, Columns, Evaluator, Output

if TYPE_CHECKING:  # a process that only reads specs loads no Gymnasium
    import gymnasium as gym

    from rewardsmith.episodes.recorder import Buffers
    from rewardsmith.task.loading import Task


class Term(Protocol):
    """One summand of a reward.

    A term whose values depend on the learner's discount also has an attribute ``gamma``.
    """

    @property
    def name(self) -> str:
        """The name under which it is logged."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""

    @property
    def ranks(self) -> bool:
        """Whether it counts when checkpoints are ranked.

        False for potentials, subgoals and intrinsic rewards, whose plain sum says nothing about a
        policy. A term that ranks must be able to value any columns, not only the latest step.
        """

    def __call__(self, columns: Columns) -> Output:
        """Value transitions; columns have shape (n, ...).

        Raises:
            ProgramError: generated code broke on them.
            BoundaryError: the environment or the sandbox failed.
        """


@runtime_checkable
class ObservingTerm(Term, Protocol):
    """A term that learns, or keeps track of the episode, from every vector step."""

    def observe(self, columns: Columns, dones: Array) -> None:
        """Take in one vector step; called once per step, before the term values that step.

        Args:
            columns: of the term's arguments, shape (n_envs, ...).
            dones: which episodes the step ended, shape (n_envs,), bool.
        """


@runtime_checkable
class ShownTerm(ObservingTerm, Protocol):
    """A term that depends on the past of an episode, and shows that past to the policy."""

    @property
    def shows(self) -> tuple[str, ...]:
        """Names of the flags that the policy sees."""

    @property
    def shown(self) -> Array:
        """The flags of the episodes under way, shape (n_envs, k), bool."""

    @property
    def shown_at_end(self) -> Array:
        """The same after the latest step, without the reset of the episodes that it ended."""

    def restart(self, n_envs: int) -> None:
        """Begin a new episode in every environment."""

    def holds(self, columns: Columns) -> Mapping[str, Array]:
        """Whether each flag's condition is true after transitions: name -> shape (n,), bool."""


class ProgramFunction(BaseModel):
    """One function of a program: what a program host needs to run it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    entry: EntryPoint
    style: Style = "batched"


class NoPayload(BaseModel):
    """The payload of a kind without settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Opening:
    """What a kind may use to start a term for one trial.

    Attributes:
        task: the task that is trained.
        buffers: the latest step of the environments that the term will value.
        env: the first of these environments.
        host: starts a function of a program in a separate process.
    """

    task: Task
    buffers: Buffers
    env: gym.Env[Any, Any]
    host: Callable[[ProgramFunction], Evaluator]


class TermKind(Protocol):
    """A kind of term: a class of terms, as the registry gives it.

    Attributes:
        Payload: model of what a spec of this kind holds.
    """

    Payload: type[BaseModel]

    def open(self, payload: Any, opening: Opening) -> Term:
        """Start a term.

        Args:
            payload: an instance of ``Payload``.

        Raises:
            ProgramError: generated code failed when it was loaded.
            UsageError: the task's settings do not allow the term.
        """
