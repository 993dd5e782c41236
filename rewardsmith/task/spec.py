"""The schema of ``task.toml``. Unknown keys are refused with the most similar known name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from rewardsmith.task.field import FieldSpec, Model
from rewardsmith.task.tables import PlainTable
from rewardsmith.task.training import TrainingSpec

NanPolicy = Literal["refuse", "zero", "last"]


class EnvironmentSpec(Model):
    """The environment."""

    id: str = Field(
        description="A Gymnasium id, `module:Id-v0`, `module:Class`, or `file.py:Class` of the "
        "task's folder. A function that makes the environment can stand in the place of a class.",
        examples=["CartPole-v1"],
    )
    kwargs: PlainTable = Field(
        default_factory=dict,
        description="Arguments that the environment is made with: numbers, texts, lists, tables.",
        examples=[{"continuous": True}],
    )
    wrappers: tuple[str, ...] = Field(
        (),
        description="Wrappers (`module:Class` or `file.py:Class`) that are applied above the "
        "recorder, the first one innermost: they change what the policy sees, not the fields.",
        examples=[["gymnasium.wrappers:FlattenObservation"]],
    )
    writes: tuple[str, ...] = Field(
        (),
        description="Folders that the environment writes to; a training may otherwise write only "
        "to its own folder.",
        examples=[["~/.cache/my-simulator"]],
    )
    exclusive: bool = Field(
        False,
        description="Only one environment can be open at a time: one training runs at a time, "
        "with one environment. It needs `n_envs = 1` under `[training]`.",
        examples=[True],
    )
    needs: tuple[str, ...] = Field(
        (), description="Modules that must be installed.", examples=[["my_simulator"]]
    )
    install: str = Field(
        "",
        description="The command that installs them, shown to users who lack them.",
        examples=["pip install my-simulator"],
    )
    max_episode_steps: Annotated[int, Field(gt=0)] | None = Field(
        None,
        description="Time limit: an episode is truncated after so many steps. By default that of "
        "the environment.",
        examples=[500],
    )
    nan_policy: NanPolicy = Field(
        "refuse",
        description="What happens where an observation or a field is NaN or infinite: `refuse` "
        "ends with an error that names it, `zero` puts 0 in its place, and `last` the last finite "
        "value of the same episode (0 before the first). The policy and the programs see the same.",
        examples=["last"],
    )
    vector: str = Field(
        "",
        description="A class that steps many of these environments at once, see [Your own "
        "environment](environments.md#5-many-environments-at-once).",
        examples=["vector.py:Cars"],
    )

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

    doc: str = Field(
        "",
        description="What the action does, in words, for the writer.",
        examples=["engine force in [-1, 1], positive to the right"],
    )
    names: tuple[str, ...] = Field(
        (),
        description="Names of the discrete actions, from the lowest one, or of the numbers of a "
        "continuous action.",
        examples=[["left", "right"]],
    )


NO_FITNESS = "none"


class FitnessSpec(Model):
    """The task's own measure of an episode; programs never see how it is computed."""

    source: str = Field(
        description='`fitness.py:function`; `info["key"]`, a success flag; `native_return`, the '
        "return of the environment's own reward; or `none`, for a goal that only a judge can "
        "recognise, see the strategy `icpl`.",
        examples=['info["is_success"]'],
    )
    at: Literal["end", "ever"] = Field(
        "end",
        description="When a success flag of `info` counts: with `end` an episode succeeds if the "
        "flag is true in its last step, with `ever` if it is true in any step. Other sources "
        "ignore it.",
        examples=["ever"],
    )
    doc: str = Field(
        "",
        description="What the fitness weighs, in words, for the writer.",
        examples=["share of the way to the mark"],
    )
    unit: str = Field("", description="Its unit, for readers of the file.", examples=["m"])
    solved: float | None = Field(
        None,
        description="Mean fitness over evaluation episodes at which the task counts as solved.",
        examples=[0.9],
    )
    range: tuple[float, float] | None = Field(
        None,
        description="Lowest and highest fitness that an episode can have; a success flag has 0 "
        "and 1.",
        examples=[[0.0, 1.0]],
    )
    random: float | None = Field(
        None, description="Measured mean fitness of the random policy.", examples=[0.14]
    )
    expert: float | None = Field(
        None,
        description="Measured mean fitness of the controller in `expert.py`.",
        examples=[0.989],
    )

    @model_validator(mode="after")
    def _lower_first(self) -> FitnessSpec:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range: the lower end comes first, found {list(self.range)}")
        return self

    @property
    def exists(self) -> bool:
        """Whether anything measures an episode."""
        return self.source != NO_FITNESS

    @property
    def possible(self) -> tuple[float, float] | None:
        """The range of fitness, also of a success flag."""
        return (0.0, 1.0) if self.source.startswith("info") else self.range


class EvaluationSpec(Model):
    """How a trained policy is evaluated."""

    episodes: Annotated[int, Field(gt=0)] = Field(
        20, description="Episodes of each evaluation.", examples=[50]
    )
    deterministic: bool = Field(
        True,
        description="In an evaluation the policy takes its most probable action. With `false` it "
        "samples its actions as in training: for tasks that need chance, such as games with "
        "hidden moves.",
        examples=[False],
    )


class TaskSpec(Model):
    """All of ``task.toml``."""

    goal: str = Field(
        description="What the agent must achieve, in words; the writer reads it.",
        examples=["Set the load down on the mark, without swinging."],
    )
    naive: str = Field(
        "",
        description="A known mistake that a naive reward makes; the writer is warned of it.",
        examples=["Rewarding speed alone makes the load swing."],
    )
    env: EnvironmentSpec = Field(description="The environment.")
    fields: tuple[FieldSpec, ...] = Field((), description="Arrays that programs may read.")
    action: ActionSpec = Field(ActionSpec(), description="The meaning of the action.")
    fitness: FitnessSpec = Field(description="The measure of success.")
    labels: str = Field(
        "",
        description="A function `file.py:function` that says of an episode which subgoals hold "
        "after each step. Only audits use it; programs never see it.",
        examples=["labels.py:labels"],
    )
    training: TrainingSpec = Field(TrainingSpec(), description="Training defaults.")
    evaluation: EvaluationSpec = Field(EvaluationSpec(), description="How policies are evaluated.")

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
