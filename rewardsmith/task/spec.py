"""The schema of ``task.toml``. Unknown keys are refused with the most similar known name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from rewardsmith.task.algorithms import (
    Capabilities,
    capabilities,
    hyperparameters_of,
    proper_name,
)
from rewardsmith.task.field import FieldSpec, Model
from rewardsmith.task.hyperparameters import from_zoo
from rewardsmith.task.tables import PlainTable, Table

_OTHER_LEARNERS = {
    "RECURRENTPPO": "policies must act on the observation alone; show past observations by a "
    "wrapper of the environment, and use PPO",
    "ARS": "it learns from returns alone, in its own training loop; use PPO",
    "HER": "it computes rewards with the environment's own compute_reward; use SAC or TD3",
}
NanPolicy = Literal["refuse", "zero", "last"]


class EnvironmentSpec(Model):
    """The environment: a Gymnasium id, ``module:Class``, or ``file.py:Class`` of the task's folder.

    ``wrappers`` (``module:Class``) are applied above the recorder: they change what the policy
    sees, not the fields. ``writes`` names folders that the environment writes to; a training may
    otherwise write only to its own folder. ``exclusive`` says that only one can be open at a time:
    one training runs at a time, with one environment. ``needs`` names modules that must be
    installed, and ``install`` is the command that installs them. ``nan_policy`` decides what
    happens where an observation or a field is NaN or infinite: ``refuse`` ends with an error that
    names it, ``zero`` puts 0 in its place, and ``last`` the last finite value of the same episode
    (0 before the first). The policy and the programs see the same. ``vector`` names a class that
    steps many of these environments at once, see :mod:`rewardsmith.task.vector`.
    """

    id: str
    kwargs: PlainTable = Field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    exclusive: bool = False
    needs: tuple[str, ...] = ()
    install: str = ""
    max_episode_steps: Annotated[int, Field(gt=0)] | None = None
    nan_policy: NanPolicy = "refuse"
    vector: str = ""

    @model_validator(mode="after")
    def _vectors_are_whole(self) -> EnvironmentSpec:
        if self.vector and (self.wrappers or self.nan_policy != "refuse"):
            raise ValueError(
                "a vector environment has no wrappers, and its numbers are finite: leave out "
                "wrappers and nan_policy, or leave out vector"
            )
        return self


class ActionSpec(Model):
    """The meaning of the action; its shape comes from the environment."""

    doc: str = ""
    names: tuple[str, ...] = ()


class FitnessSpec(Model):
    """The task's own measure of an episode; programs never see how it is computed.

    Attributes:
        source: ``fitness.py:function``, ``info["key"]`` (a success flag), or ``native_return``.
        at: for an info key, whether it must be true at the ``end`` of the episode or at any step
            (``ever``).
        solved: mean fitness over evaluation episodes at which the task counts as solved.
        range: lowest and highest fitness that an episode can have; a success flag has 0 and 1.
        random, expert: measured mean fitness of the random policy and of the controller in
            ``expert.py``.
    """

    source: str
    at: Literal["end", "ever"] = "end"
    doc: str = ""
    unit: str = ""
    solved: float | None = None
    range: tuple[float, float] | None = None
    random: float | None = None
    expert: float | None = None

    @model_validator(mode="after")
    def _lower_first(self) -> FitnessSpec:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range: the lower end comes first, found {list(self.range)}")
        return self

    @property
    def possible(self) -> tuple[float, float] | None:
        """The range of fitness, also of a success flag."""
        return (0.0, 1.0) if self.source.startswith("info") else self.range


PriorPart = Literal["q", "actions", "states"]


class PriorSpec(Model):
    """How a prior on Q is used, see :mod:`rewardsmith.train.prior.shaping`.

    Attributes:
        mode: ``anneal`` takes small steps towards the prior, with a weight that falls to 0;
            ``prefill`` fits critic and actor to it once.
        part: what of it is used: ``actions`` only how it orders the actions of a state, ``states``
            only its mean over actions, ``q`` all of it; by default ``actions`` to anneal, else
            ``q``.
        weight: of a step towards the prior, in units of the learner's own steps; with 0 it only
            acts.
        prove: share of the training in which it is tested (longer, up to ``until``, where four
            episodes of each kind take longer); with 0 it is accepted untested. By default 0.2, and
            0 for a prior that orders no actions.
        until: share of the training after which the weight is 0.
        every: a step towards the prior beside every so many updates.
        follow: share of the steps of every second episode in which it acts once it is accepted,
            falling to 0 with the weight; by default 0.75 to anneal, else 0.
    """

    mode: Literal["anneal", "prefill"] = "anneal"
    part: PriorPart | None = None
    weight: Annotated[float, Field(ge=0)] = 1.0
    prove: Annotated[float, Field(ge=0, le=1)] | None = None
    until: Annotated[float, Field(gt=0, le=1)] = 0.5
    every: Annotated[int, Field(ge=1)] = 1
    follow: Annotated[float, Field(ge=0, le=1)] | None = None


class ShapingSpec(Model):
    """How the functions of a program besides its reward are used.

    Attributes:
        subgoals: the form in which they are rewarded, see :mod:`rewardsmith.terms.subgoals`.
        bonus: for one subgoal; None is 0.5 as a potential, else nine tenths of the safe bound.
        success: the native reward of a success, which bounds a bonus that is not a potential.
        relevant_to: a text field that states the goal; once a goal has succeeded, only subgoals
            that its successes share are rewarded, see :mod:`rewardsmith.maths.relevance`.
        prior: how a prior on Q is used.
    """

    subgoals: Literal["potential", "neutralised", "bonus"] = "potential"
    bonus: Annotated[float, Field(gt=0)] | None = None
    success: Annotated[float, Field(gt=0)] = 1.0
    relevant_to: str = ""
    prior: PriorSpec = PriorSpec()

    @model_validator(mode="after")
    def _potentials_do_not_learn(self) -> ShapingSpec:
        if self.relevant_to and self.subgoals == "potential":
            raise ValueError(
                "relevant_to changes during learning which subgoals are rewarded, and a potential "
                'must not change: set subgoals = "neutralised"'
            )
        return self


class AddedTerm(Model):
    """A term that is added to the reward of every training, e.g. an exploration bonus.

    Attributes:
        kind: name of the kind, see :mod:`rewardsmith.terms.specs`.
        weight: factor of its values.
        payload: settings of the kind.
    """

    kind: str
    weight: float = 1.0
    payload: Table = Field(default_factory=dict)


Policy = Literal["MlpPolicy", "MultiInputPolicy", "CnnPolicy"]


class TrainingSpec(Model):
    """Tested training defaults; ``hyperparameters`` use the names of Stable-Baselines3.

    Those of the RL Zoo are understood too, see :mod:`rewardsmith.task.hyperparameters`.

    Attributes:
        algorithm: one of Stable-Baselines3 or of another package, see
            :mod:`rewardsmith.task.algorithms`.
        trainer: what trains the agents, see :mod:`rewardsmith.train.trainers`.
        terms: terms that are added to the reward of every training of the task.
    """

    algorithm: Annotated[str, Field(min_length=1)] = "PPO"
    policy: Policy = "MlpPolicy"
    steps: Annotated[int, Field(gt=0)] = 100_000
    n_envs: Annotated[int, Field(gt=0, le=1024)] = 16
    normalise_observations: bool = True
    normalise_reward: bool = True
    hyperparameters: Table = Field(default_factory=dict)
    shaping: ShapingSpec = ShapingSpec()
    trainer: str = "auto"
    terms: tuple[AddedTerm, ...] = ()

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


class EvaluationSpec(Model):
    """How a trained policy is evaluated."""

    episodes: Annotated[int, Field(gt=0)] = 20
    deterministic: bool = True


class TaskSpec(Model):
    """All of ``task.toml``; ``labels`` names a function, see :mod:`rewardsmith.task.labels`."""

    goal: str
    naive: str = ""
    env: EnvironmentSpec
    fields: tuple[FieldSpec, ...] = ()
    action: ActionSpec = ActionSpec()
    fitness: FitnessSpec
    labels: str = ""
    training: TrainingSpec = TrainingSpec()
    evaluation: EvaluationSpec = EvaluationSpec()

    @field_validator("goal")
    @classmethod
    def _goal_is_given(cls, goal: str) -> str:
        if not goal.strip():
            raise ValueError(
                "the goal is empty; describe in one or two sentences what the agent must achieve"
            )
        return goal.strip()

    @model_validator(mode="after")
    def _field_names_differ(self) -> TaskSpec:
        names = [field.name for field in self.fields]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"field names must be unique, found {', '.join(twice)} twice")
        return self

    @model_validator(mode="after")
    def _one_if_exclusive(self) -> TaskSpec:
        if self.env.exclusive and self.training.n_envs > 1:
            raise ValueError(
                "an environment with exclusive = true can be open only once: "
                f"set [training] n_envs = 1, found {self.training.n_envs}"
            )
        return self

    @model_validator(mode="after")
    def _check_goals(self) -> TaskSpec:
        wanted, texts = (
            self.training.shaping.relevant_to,
            [field.name for field in self.fields if field.words],
        )
        if wanted and wanted not in texts:
            raise ValueError(
                f"relevant_to = {wanted!r} is not a text field; "
                f"text fields: {', '.join(texts) or 'none'}"
            )
        return self
