"""The settings of a run besides its task: one record, and functions that take it as keywords."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ParamSpec, Protocol, TypeVar

from pydantic import BaseModel, Field

from rewardsmith.errors import UsageError
from rewardsmith.run.settings import RunSettings, Setting, validated
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.making import strategy_class
from rewardsmith.writers.recorded import RecordedReplies

Arguments = ParamSpec("Arguments")
TaskT = TypeVar("TaskT", contravariant=True)
ResultT = TypeVar("ResultT", covariant=True)
SettingsT = TypeVar("SettingsT", bound=BaseModel)


class Settings(RunSettings):
    """The settings of a run: keywords of ``rewardsmith.plan`` and ``rewardsmith.design``."""

    model: Annotated[
        str | None,
        Field(
            description="Writer of the programs: a model as provider/name; grammar, a built-in "
            "search that uses no model; or questions, for the strategy eager. By default, a model "
            "of the provider whose API key is set, or grammar if no key is set."
        ),
        Setting("Model"),
    ] = None
    replies: Annotated[
        str | Path | RecordedReplies | None,
        Field(
            description="Recorded replies to use instead of a model: a text (.md, .txt, .py), a "
            "folder of texts, a JSON list of texts, or a JSON file with rounds and samples."
        ),
        Setting("Model"),
    ] = None
    start: Annotated[
        str | Path | None,
        Field(
            description="File of a reward of your own, which is the first program: it is checked "
            "and trained as any other, and the writer improves it."
        ),
        Setting("Model", option="from", metavar="FILE"),
    ] = None
    ask: Annotated[
        bool,
        Field(description="Write the programs yourself, with ask and tell."),
        Setting("Model"),
    ] = False
    strategy: Annotated[
        str | None,
        Field(
            description="Strategy that decides the next step of the run; by default eureka, or "
            "evolve if the grammar writes the programs."
        ),
        Setting("Search"),
    ] = None
    options: Annotated[
        Mapping[str, Any],
        Field(
            description="Options of the strategy, such as rounds=2; the command rewardsmith "
            "strategies lists them all."
        ),
        Setting("Search", option="option", short="-O", metavar="NAME=VALUE"),
    ] = {}
    produce: Annotated[
        str | Sequence[str] | None,
        Field(
            description="Functions that programs define: reward, potential, subgoals, q_prior, "
            "several of these (a,b), or all, which means all that the learner of the task can use. "
            "The default depends on the strategy. Without reward, agents keep the native reward."
        ),
        Setting("Search", metavar="PARTS"),
    ] = None
    prompts: Annotated[
        str | Path | None,
        Field(description="Folder of prompt templates that replace the built-in ones."),
        Setting("Search"),
    ] = None
    steps: Annotated[
        int | None,
        Field(
            gt=0, description="Environment steps of each training; by default those of the task."
        ),
        Setting("Training"),
    ] = None
    report_seeds: Annotated[
        int | None,
        Field(
            ge=0,
            description="Number of seeds of the final comparison: on each, one agent is trained "
            "with the best program and one with the native reward; 0 skips the comparison. The "
            "default is 10 for trainings of at most 100,000 steps, else 5. With fewer than 6 seeds "
            "no difference is significant.",
        ),
        Setting("Training"),
    ] = None
    training: Annotated[
        Mapping[str, Any],
        Field(
            description="Changes to the training defaults of the task, such as n_envs=8; "
            "hyper-parameters, such as learning_rate=1e-3, are given likewise on the command line, "
            "and in a table hyperparameters in Python. Another algorithm has its own defaults "
            "where those of the task do not suit it: algorithm=SAC keeps only gamma of a task for "
            "PPO."
        ),
        Setting("Training", option="set", metavar="NAME=VALUE"),
    ] = {}
    trainer: Annotated[
        str | None,
        Field(
            description="What trains the agents: fast (in NumPy, several times faster on a CPU), "
            "sb3 (Stable-Baselines3), or auto, which takes fast where it gives the results of "
            "Stable-Baselines3. By default, what the task names."
        ),
        Setting("Training"),
    ] = None
    bank: Annotated[
        Sequence[str | Path],
        Field(
            description="Recorded episodes to screen programs on: a run of the same task, or a "
            "file written by rewardsmith tasks record."
        ),
        Setting("Recorded episodes", metavar="RUN|FILE"),
    ] = ()

    @property
    def training_changes(self) -> dict[str, Any]:
        """Changes to the training defaults of the task."""
        chosen = {} if self.trainer is None else {"trainer": self.trainer}
        return {**self.training, **chosen}

    def recorded_as_given(self) -> dict[str, Any]:
        """The settings that a run records as they are, by name."""
        return {name: getattr(self, name) for name in RunSettings.model_fields}


class TakesSettings(Protocol[TaskT, Arguments, ResultT]):
    """A function of a task, a goal, and the fields of a settings record as keywords."""

    def __call__(
        self,
        task: TaskT,
        goal: str | None = None,
        *args: Arguments.args,
        **settings: Arguments.kwargs,
    ) -> ResultT:
        """Check the keywords, and call the function with the record."""


def takes_settings(
    record: Callable[Arguments, SettingsT],
) -> Callable[
    [Callable[[TaskT, str | None, SettingsT], ResultT]], TakesSettings[TaskT, Arguments, ResultT]
]:
    """Give a function the fields of a record as keywords, which are checked and typed.

    Args:
        record: the pydantic class of the function's third argument.
    """
    assert isinstance(record, type)
    cls: type[SettingsT] = record

    def wrap(
        function: Callable[[TaskT, str | None, SettingsT], ResultT],
    ) -> TakesSettings[TaskT, Arguments, ResultT]:
        @functools.wraps(function)
        def call(task: TaskT, goal: str | None = None, **settings: Any) -> ResultT:
            _refuse_options(settings.keys() - cls.model_fields.keys(), settings)
            return function(task, goal, validated(cls, settings))

        call.__signature__ = _signature(function, cls)  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return wrap


def _refuse_options(unknown: Iterable[str], settings: Mapping[str, Any]) -> None:
    """Say where options of a strategy are given; others that are unknown are reported later."""
    for name in sorted(unknown):
        if any(name in strategy_class(each).Options.model_fields for each in STRATEGIES.names()):
            value = settings[name]
            raise UsageError(
                f"{name} is an option of the strategy, not a setting of the run",
                f'give options={{"{name}": {value!r}}}',
            )


def _signature(function: Callable[..., Any], record: type[BaseModel]) -> inspect.Signature:
    """What ``help()`` shows: task and goal as in the function, then the fields as keywords."""
    task, goal, _ = inspect.signature(function).parameters.values()
    fields = inspect.signature(record).parameters.values()
    return inspect.Signature([task, goal.replace(default=None), *fields])
