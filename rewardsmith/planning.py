"""A run thought through before it is begun: everything resolved and checked, nothing spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from pydantic import ValidationError

from rewardsmith.coder.scripted import RecordedReplies, load_replies
from rewardsmith.config import Budget, RunConfig
from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.llm.protocol import Provider
from rewardsmith.llm.providers import default_model, make_provider, provider_name
from rewardsmith.llm.retrying import RetryingProvider
from rewardsmith.prompts import Prompts
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.base import Strategy
from rewardsmith.task.loading import TASK_FILE, Task, load_task, shipped_tasks


class Settings(TypedDict, total=False):
    """What a run may be told besides its task.

    Attributes:
        model: ``provider/name``; by default it follows from the key that is set.
        base_url: of a server that speaks the provider's form.
        replies: recorded replies in place of a model.
        strategy, options: who decides, and its options, e.g. ``{"rounds": 2, "samples": 3}``.
        budget: limits of the whole run.
        steps: environment steps of each training; the task's by default.
        report_seeds: trainings per side of the final comparison; 0 leaves it out.
        training: changes to the task's training defaults.
        temperature: of the model; None leaves it to the provider.
        llm_timeout_s: how long a request may go without an answer.
        device: where networks live; ``auto`` takes a GPU only where it pays.
        prompts: a folder whose templates override ours.
        allow_weak_sandbox: go on where generated code cannot be confined strongly, see ``rewardsmith doctor``.
    """

    model: str | None
    base_url: str | None
    replies: str | Path | RecordedReplies | None
    strategy: str
    options: Mapping[str, Any]
    budget: Budget
    steps: int | None
    report_seeds: int
    training: Mapping[str, Any]
    temperature: float | None
    llm_timeout_s: float
    device: str
    prompts: str | Path | None
    allow_weak_sandbox: bool


@dataclass(frozen=True)
class Plan:
    """A run that was thought through and not begun: everything resolved, nothing spent."""

    task: Task
    config: RunConfig
    strategy: Strategy
    recorded: RecordedReplies | None
    prompts: Prompts

    @property
    def most_steps(self) -> int:
        """Training steps of the whole run at most; evaluation adds to them."""
        steps = self.task.spec.training.steps_taken(self.config.steps)
        return steps * (self.strategy.planned_trials() + 2 * self.config.report_seeds)


def plan(task: Task | str, goal: str | None = None, **settings: Unpack[Settings]) -> Plan:
    """Resolve a run without beginning it: every usage error comes out here, but for a missing key.

    Args:
        task: a task, the name of a shipped one, a task folder, or an environment id (with ``goal``).
        settings: see :class:`Settings`.

    Raises:
        UsageError: something is missing, unknown or does not fit.
        BoundaryError: an environment id was given and the environment fails.
    """
    unknown = sorted(set(settings) - Settings.__optional_keys__)
    if unknown:
        raise UsageError(f"there is no setting {unknown[0]!r}", did_you_mean(unknown[0], Settings.__optional_keys__))
    resolved = resolve_task(task, goal)
    if settings.get("training"):
        resolved = resolved.with_training(settings["training"])
    asked = settings.get("steps")
    steps = resolved.spec.training.steps if asked is None else asked
    replies = settings.get("replies")
    recorded = load_replies(Path(replies)) if isinstance(replies, str | Path) else replies
    name = settings.get("strategy", "eureka")
    strategy = make_strategy(name, dict(settings.get("options", {})), steps)
    config = _config(
        task=resolved.name,
        strategy=name,
        options=strategy.options.model_dump(mode="json"),
        model=_chosen_model(settings.get("model"), recorded),
        base_url=settings.get("base_url"),
        replies=_provenance(recorded),
        steps=steps,
        report_seeds=settings.get("report_seeds", 5),
        device=settings.get("device", "auto"),
        allow_weak_sandbox=settings.get("allow_weak_sandbox", False),
        budget=settings.get("budget", Budget()),
        temperature=settings.get("temperature"),
        llm_timeout_s=settings.get("llm_timeout_s", 300.0),
    )
    _check_budget(config, resolved.spec.training.steps_taken(steps))
    if recorded is not None:
        _check_replies(recorded, strategy)
    elif config.model is not None:
        provider_name(config.model)
    own = settings.get("prompts")
    prompts = Prompts() if own is None else Prompts(Path(own), Prompts().folder)
    return Plan(resolved, config, strategy, recorded, prompts)


def resolve_task(task: Task | str, goal: str | None = None) -> Task:
    """A task, the name of a shipped one, a task folder, or an environment id.

    Raises:
        UsageError: it is none of these, or an environment id without a goal.
    """
    if isinstance(task, Task):
        return task
    if (Path(task) / TASK_FILE).is_file() or task in shipped_tasks():
        loaded = load_task(task)
        if goal is None:
            return loaded
        return Task(loaded.name, loaded.spec.model_copy(update={"goal": goal}), loaded.folder)
    from rewardsmith.task.drafting import task_from_env

    try:
        return task_from_env(task, goal)
    except UsageError as error:
        near = did_you_mean(task, shipped_tasks())
        if near.startswith("did you mean") and ":" not in task and not task[-1:].isdigit():
            raise UsageError(f"there is no task or environment {task!r}", near) from error
        raise


def make_strategy(name: str, options: dict[str, Any], steps: int) -> Strategy:
    """A strategy with its options.

    Raises:
        UsageError: there is no such strategy, or an option that it does not have or cannot take.
    """
    cls = STRATEGIES.get(name)
    try:
        resolved = cls.Options.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{name} has no option {option!r}", did_you_mean(option, cls.Options.model_fields)
            ) from None
        raise UsageError(f"{name}: {option}: {first['msg']}", f"found {first['input']!r}") from None
    made: Strategy = cls(resolved, steps)
    return made


def provider_of(config: RunConfig) -> Provider:
    """The provider that answers a run's requests, and tries again where that may help.

    Raises:
        UsageError: there is no such provider, or it has no key.
    """
    assert config.model is not None
    return RetryingProvider(make_provider(config.model, config.base_url))


def _chosen_model(model: str | None, recorded: RecordedReplies | None) -> str | None:
    if recorded is not None:
        if model is not None:
            raise UsageError("both a model and recorded replies were given", "give one of --model and --replies")
        return None
    return model or default_model()


def _check_replies(recorded: RecordedReplies, plan: Strategy) -> None:
    options = plan.options.model_dump()
    recorded.check(options.get("rounds", 1), options.get("samples", 1))


def _provenance(recorded: RecordedReplies | None) -> str | None:
    if recorded is None:
        return None
    return f"recorded replies of {recorded.model}" + (f", {recorded.recorded}" if recorded.recorded else "")


def _config(**values: Any) -> RunConfig:
    """The config of a run.

    Raises:
        UsageError: a value is out of its range.
    """
    try:
        return RunConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{first['loc'][0]}: {first['msg']}", f"found {first['input']!r}") from None


def _check_budget(config: RunConfig, steps: int) -> None:
    """Refuse a budget that cannot pay for one training and the closing comparison."""
    least = steps * (1 + 2 * config.report_seeds)
    if config.budget.steps is not None and config.budget.steps < least:
        raise UsageError(
            f"a budget of {config.budget.steps:,} steps cannot pay for one training of {steps:,} steps and a "
            f"report over {config.report_seeds} seeds ({least:,})",
            "raise --budget-steps, or lower --steps or --report-seeds",
        )
