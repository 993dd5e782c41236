"""The schema of ``[training]`` in ``task.toml``: learner, shaping, prior on Q, added terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rewardsmith.task.algorithms import (
    Capabilities,
    capabilities,
    hyperparameters_of,
    proper_name,
)
from rewardsmith.task.field import Model
from rewardsmith.task.hyperparameters import from_zoo
from rewardsmith.task.tables import Table

_OTHER_LEARNERS = {
    "RECURRENTPPO": "policies must act on the observation alone; show past observations by a "
    "wrapper of the environment, and use PPO",
    "ARS": "it learns from returns alone, in its own training loop; use PPO",
    "HER": "it computes rewards with the environment's own compute_reward; use SAC or TD3",
}
PriorPart = Literal["q", "actions", "states"]


class PriorSpec(Model):
    """How a prior on Q is used, see :mod:`rewardsmith.train.prior.shaper`."""

    mode: Literal["anneal", "prefill"] = Field(
        "anneal",
        description="`anneal` takes small steps towards the prior, with a weight that falls to 0; "
        "`prefill` fits critic and actor to it once.",
        examples=["prefill"],
    )
    part: PriorPart | None = Field(
        None,
        description="What of it is used: `actions` only how it orders the actions of a state, "
        "`states` only its mean over actions, `q` all of it. By default `actions` to anneal, else "
        "`q`.",
        examples=["q"],
    )
    weight: Annotated[float, Field(ge=0)] = Field(
        1.0,
        description="Weight of a step towards the prior, in units of the learner's own steps; "
        "with 0 it only acts.",
        examples=[0.5],
    )
    prove: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None,
        description="Share of the training in which it is tested (longer, up to `until`, where "
        "four episodes of each kind take longer); with 0 it is accepted untested. By default 0.2, "
        "and 0 for a prior that orders no actions.",
        examples=[0.1],
    )
    until: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="Share of the training after which the weight is 0.", examples=[0.3]
    )
    every: Annotated[int, Field(ge=1)] = Field(
        1, description="A step towards the prior beside every so many updates.", examples=[4]
    )
    follow: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None,
        description="Share of the steps of every second episode in which it acts once it is "
        "accepted, falling to 0 with the weight. By default 0.75 to anneal, else 0.",
        examples=[0.5],
    )


class ShapingSpec(Model):
    """How the functions of a program besides its reward are used."""

    subgoals: Literal["potential", "neutralised", "bonus"] = Field(
        "potential",
        description="The form in which subgoals are rewarded, see [Shaping](shaping.md).",
        examples=["bonus"],
    )
    bonus: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Bonus for one subgoal. By default 0.5 as a potential, else nine tenths of the "
        "safe bound.",
        examples=[0.2],
    )
    success: Annotated[float, Field(gt=0)] = Field(
        1.0,
        description="Native reward of a success, which bounds a bonus that is not a potential.",
        examples=[10.0],
    )
    relevant_to: str = Field(
        "",
        description="A text field that states the goal: once a goal has succeeded, only subgoals "
        "that its successes share are rewarded. It needs `neutralised` or `bonus`.",
        examples=["instruction"],
    )
    prior: PriorSpec = Field(PriorSpec(), description="How a prior on Q is used.")

    @model_validator(mode="after")
    def _potentials_do_not_learn(self) -> ShapingSpec:
        if self.relevant_to and self.subgoals == "potential":
            raise ValueError(
                "relevant_to changes during learning which subgoals are rewarded, and a potential "
                'must not change: set subgoals = "neutralised"'
            )
        return self


class AddedTerm(Model):
    """A term that is added to the reward of every training, e.g. an exploration bonus."""

    kind: str = Field(
        description="Name of the kind, which a plugin provides.", examples=["novelty"]
    )
    weight: float = Field(1.0, description="Factor of its values.", examples=[0.1])
    payload: Table = Field(
        {}, description="Settings of the kind.", examples=[{"field": "position"}]
    )


Policy = Literal["MlpPolicy", "MultiInputPolicy", "CnnPolicy"]


class TrainingSpec(Model):
    """Training defaults."""

    algorithm: Annotated[str, Field(min_length=1)] = Field(
        "PPO",
        description="A learning algorithm of Stable-Baselines3, of sb3-contrib or of a plugin.",
        examples=["SAC"],
    )
    policy: Policy = Field(
        "MlpPolicy",
        description="The policy network: `MlpPolicy` for vectors, `MultiInputPolicy` for a Dict, "
        "`CnnPolicy` for pictures.",
        examples=["MultiInputPolicy"],
    )
    steps: Annotated[int, Field(gt=0)] = Field(
        100_000,
        description="Environment steps of each training; the steps of evaluations are not among "
        "them.",
        examples=[30_000],
    )
    n_envs: Annotated[int, Field(gt=0, le=1024)] = Field(
        16, description="Environments that a training steps side by side.", examples=[8]
    )
    normalise_observations: bool = Field(
        True,
        description="Scale observations to mean 0 and variance 1 while learning (`VecNormalize`).",
        examples=[False],
    )
    normalise_reward: bool = Field(
        True,
        description="Divide rewards by the running standard deviation of the return.",
        examples=[False],
    )
    hyperparameters: Table = Field(
        default_factory=dict,
        description="Parameters of the algorithm with the names of Stable-Baselines3; those of "
        "the RL Zoo are understood too. What is left out has the default of Stable-Baselines3.",
        examples=[{"n_steps": 128, "learning_rate": "lin_3e-4"}],
    )
    shaping: ShapingSpec = Field(
        ShapingSpec(), description="How functions of a program besides its reward are used."
    )
    trainer: str = Field(
        "auto",
        description="What trains the agents: `fast`, `sb3`, a trainer of a plugin, or `auto`, see "
        "[Training](training.md).",
        examples=["sb3"],
    )
    terms: tuple[AddedTerm, ...] = Field(
        (), description="Terms that are added to the reward of every training of the task."
    )

    @model_validator(mode="before")
    @classmethod
    def _words_of_the_zoo(cls, values: Any) -> Any:
        takes = isinstance(values, Mapping) and isinstance(values.get("hyperparameters"), Mapping)
        return from_zoo(values) if takes else values

    @model_validator(mode="after")
    def _whole_episodes_need_one_environment(self) -> TrainingSpec:
        every = self.hyperparameters.get("train_freq")
        if isinstance(every, list | tuple) and every[1] == "episode" and self.n_envs > 1:
            raise ValueError(f"train_freq = {list(every)} needs n_envs = 1, found {self.n_envs}")
        return self

    @field_validator("algorithm", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        if isinstance(value, str) and value.upper() in _OTHER_LEARNERS:
            raise ValueError(f"{value}: {_OTHER_LEARNERS[value.upper()]}")
        return proper_name(value) if isinstance(value, str) else value

    def of_algorithm(self, name: str) -> TrainingSpec:
        """The same training with another algorithm and its defaults; only gamma is kept.

        Raises:
            UsageError: there is no such algorithm.
        """
        name = proper_name(name)
        can = capabilities(name)
        kept = {"gamma": self.gamma} if "gamma" in self.hyperparameters else {}
        n_envs = self.n_envs if can.on_policy else 1
        changes = {"algorithm": name, "hyperparameters": kept, "n_envs": n_envs}
        return self.model_copy(update=changes)

    def switched_to(self, name: str) -> TrainingSpec:
        """The same training with another algorithm.

        The hyper-parameters are kept if both algorithms learn on-policy, or both off-policy, and
        the new one has them all. Else it has its own defaults, see :meth:`of_algorithm`: they
        mean something else to it, as ``n_steps`` does to PPO and to SAC.

        Raises:
            UsageError: there is no such algorithm.
        """
        other = self.of_algorithm(name)
        alike = other.capabilities.on_policy == self.capabilities.on_policy
        if alike and set(self.hyperparameters) <= hyperparameters_of(other.algorithm):
            return self.model_copy(update={"algorithm": other.algorithm})
        return other

    def steps_taken(self, steps: int) -> int:
        """Environment steps that a training of ``steps`` takes; on-policy ones finish a rollout.

        Raises:
            UsageError: there is no such algorithm.
        """
        rollout = self.rollout_steps
        return steps if rollout is None else -(-steps // rollout) * rollout

    @property
    def rollout_steps(self) -> int | None:
        """Environment steps of one rollout of an on-policy learner; None off-policy.

        Raises:
            UsageError: there is no such algorithm.
        """
        can = self.capabilities
        if not can.on_policy or can.n_steps is None:
            return None
        return int(self.hyperparameters.get("n_steps", can.n_steps)) * self.n_envs

    @property
    def capabilities(self) -> Capabilities:
        """What the algorithm can do.

        Raises:
            UsageError: there is no such algorithm.
        """
        return capabilities(self.algorithm)

    @property
    def gamma(self) -> float:
        """The learner's discount; by default that of Stable-Baselines3."""
        return float(self.hyperparameters.get("gamma", 0.99))
