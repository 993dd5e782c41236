"""The library: everything the command line does, as functions.

Every usage error is raised before anything is spent. Nothing here prints.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from rewardsmith.coder.scripted import RecordedReplies, load_replies
from rewardsmith.config import Budget, RunConfig
from rewardsmith.engine.loop import Engine
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.writing import ModelWriter, ScriptedWriter, Writer
from rewardsmith.errors import NoProgram, UsageError, did_you_mean
from rewardsmith.executor.local import LocalExecutor
from rewardsmith.llm.log import ReplyLog
from rewardsmith.program import NATIVE
from rewardsmith.prompts import Prompts
from rewardsmith.state import RunState, fold
from rewardsmith.store import RunFolder, create_run, open_run, write_whole
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.base import Strategy
from rewardsmith.task.loading import TASK_FILE, Task, load_task, shipped_tasks
from rewardsmith.types import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rewardsmith.program import Verdict

SANDBOX = {"level": "weak", "layers": ["static rules", "process", "rlimits"]}
RUNS = Path("runs")


@dataclass(frozen=True)
class Best:
    """The program that a run chose.

    Attributes:
        score: fitness over the report seeds where there are some, else over the selection seeds.
        native: fitness of the native reward under the same training, on the same seeds; None without a report.
        rung: which seeds the score comes from.
    """

    id: str
    source: str
    score: Interval
    native: Interval | None
    rung: str


class Run:
    """A run that exists on disk, for looking at and exporting."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder.path

    @property
    def state(self) -> RunState:
        """Folded from its events, now."""
        return fold(self.folder.events())

    @property
    def best(self) -> Best:
        """The program with the best selection score.

        Raises:
            NoProgram: no program was accepted and trained to the end.
        """
        state = self.state
        ranked = state.ranked()
        if not ranked:
            raise NoProgram(f"{self.folder.name} has no program with a score", _why_none(state))
        program = ranked[0]
        reported = state.score(program, "report")
        score = reported if reported is not None else state.score(program)
        assert score is not None
        native = state.score(NATIVE, "report")
        rung = "report" if reported is not None else "selection"
        return Best(program, self.folder.program_source(program), score, native, rung)

    def export(self, target: str | Path | None = None) -> Path:
        """Write ``reward.py``, ``reward.json`` and the policy; returns the folder.

        Args:
            target: a folder, or the path that ``reward.py`` shall have; the run's own ``export`` by default.

        Raises:
            NoProgram: nothing is good enough.
            RunError: the target cannot be written.
        """
        from rewardsmith.export import export_run

        best = self.best
        return export_run(self.folder, self.state, best.id, Path(target) if target is not None else None)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


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
        device: where networks live; ``auto`` takes a GPU only where it pays.
        prompts: a folder whose templates override ours.
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
    device: str
    prompts: str | Path | None


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
        return self.config.steps * (self.strategy.planned_trials() + 2 * self.config.report_seeds)


def plan(task: Task | str, goal: str | None = None, **settings: Unpack[Settings]) -> Plan:
    """Resolve a run without beginning it: every usage error comes out here.

    Args:
        task: a task, the name of a shipped one, a task folder, or an environment id (with ``goal``).
        settings: see :class:`Settings`.

    Raises:
        UsageError: something is missing, unknown or does not fit.
        BoundaryError: an environment id was given and the environment fails.
    """
    resolved = resolve_task(task, goal)
    if settings.get("training"):
        resolved = resolved.with_training(settings["training"])
    steps = settings.get("steps") or resolved.spec.training.steps
    replies = settings.get("replies")
    recorded = load_replies(Path(replies)) if isinstance(replies, str | Path) else replies
    name = settings.get("strategy", "eureka")
    strategy = make_strategy(name, dict(settings.get("options", {})), steps)
    config = RunConfig(
        task=resolved.name,
        strategy=name,
        options=strategy.options.model_dump(mode="json"),
        model=_chosen_model(settings.get("model"), recorded),
        base_url=settings.get("base_url"),
        replies=_provenance(recorded),
        steps=steps,
        report_seeds=settings.get("report_seeds", 5),
        device=settings.get("device", "auto"),
        budget=settings.get("budget", Budget()),
        temperature=settings.get("temperature"),
    )
    _check_budget(config)
    if recorded is not None:
        _check_replies(recorded, strategy)
    else:
        _provider(config.model, config.base_url)
    own = settings.get("prompts")
    prompts = Prompts() if own is None else Prompts(Path(own), Prompts().folder)
    return Plan(resolved, config, strategy, recorded, prompts)


def design(
    task: Task | str | Plan,
    goal: str | None = None,
    *,
    workers: int | None = None,
    runs: str | Path = RUNS,
    observer: Observer | None = None,
    **settings: Unpack[Settings],
) -> Run:
    """Design a reward: write, check, train, reflect, and compare the best with the native reward.

    Args:
        task: what :func:`plan` takes, or a plan.
        goal: what the agent must achieve, in words; a task may have its own.
        workers: trainings side by side; the number of cores by default.
        runs: where the run's folder is made.
        observer: told of everything that happens.
        settings: see :class:`Settings`.

    Raises:
        UsageError: before anything is spent.
        BoundaryError: environment, provider, sandbox or trainer failed; resume the run when it is mended.
        RunError: the run's folder cannot be written.
        NoProgram: the run ended and nothing usable came out.
    """
    planned = task if isinstance(task, Plan) else plan(task, goal, **settings)
    run = create_run(Path(runs), planned.config, planned.task, planned.prompts, SANDBOX)
    if planned.recorded is not None:
        write_whole(run.path / "replies.json", planned.recorded.model_dump_json(indent=1) + "\n")
    return _carry_on(run, workers, observer or Observer())


def resume(
    run: str | Path | Run,
    *,
    budget: Mapping[str, float] | None = None,
    workers: int | None = None,
    runs: str | Path = RUNS,
    observer: Observer | None = None,
) -> Run:
    """Go on with a run that was interrupted, or whose budget was raised.

    Args:
        budget: new limits, e.g. ``{"tokens": 200_000}``.

    Raises:
        RunError: there is no such run, or it is in use, or its folder was changed.
    """
    folder = run.folder if isinstance(run, Run) else open_run(run, Path(runs))
    if budget:
        unknown = sorted(set(budget) - set(Budget.model_fields))
        if unknown:
            raise UsageError(f"there is no budget of {unknown[0]!r}", did_you_mean(unknown[0], Budget.model_fields))
    return _carry_on(folder, workers, observer or Observer(), budget)


def load_run(run: str | Path, runs: str | Path = RUNS) -> Run:
    """A run by path, name, or the end of its name.

    Raises:
        RunError: there is no such run.
    """
    return Run(open_run(run, Path(runs)))


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
    from pydantic import ValidationError

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


def check_program(source: str, task: Task | str) -> Verdict:
    """Judge a program on random behaviour of a task.

    Raises:
        UsageError, BoundaryError: the task or its environment is at fault, not the program.
    """
    import gymnasium

    from rewardsmith.bank import random_behaviour, sample_transitions, shapes_in
    from rewardsmith.sandbox.behaviour import check_program as check
    from rewardsmith.task.environment import make_env

    resolved = resolve_task(task)
    behaviour = random_behaviour(resolved)
    transitions = sample_transitions(behaviour)
    space = make_env(resolved).action_space
    return check(
        source,
        shapes_in(transitions),
        transitions,
        hidden=tuple(name for name, view in behaviour.layout.fields.items() if view.hidden),
        n_actions=int(space.n) if isinstance(space, gymnasium.spaces.Discrete) else None,
    )


def _carry_on(
    folder: RunFolder, workers: int | None, observer: Observer, budget: Mapping[str, float] | None = None
) -> Run:
    """Run the engine on a folder until it ends, then export."""
    from rewardsmith.export import export_run

    with folder.lock():
        config = folder.config()
        log = ReplyLog(folder.llm_log)
        writer = _writer(folder, config, log)
        strategy = make_strategy(config.strategy, config.options, config.steps)
        with _executor(workers) as executor:
            engine = Engine(folder, strategy, writer, executor, log, observer)
            if budget:
                engine.record("budget", **dict(budget))
            state = engine.go()
            ranked = state.ranked()
            if not ranked:
                raise NoProgram(f"{folder.name} ended without a usable program", _why_none(state))
            if state.exported != ranked[0]:
                observer.doing("writing the export")
                export_run(folder, state, ranked[0], None, executor)
                engine.record("exported", program=ranked[0])
    return Run(folder)


@contextmanager
def _executor(workers: int | None) -> Iterator[LocalExecutor]:
    executor = LocalExecutor(
        workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        yield executor
    finally:
        executor.close()


def _writer(folder: RunFolder, config: RunConfig, log: ReplyLog) -> Writer:
    if config.replies is not None:
        return ScriptedWriter(load_replies(folder.path / "replies.json"), log)
    assert config.model is not None
    return ModelWriter(_provider(config.model, config.base_url), log, config.llm_timeout_s)


def _provider(model: str | None, base_url: str | None) -> Any:
    from rewardsmith.llm.providers import make_provider

    assert model is not None
    return make_provider(model, base_url)


def _chosen_model(model: str | None, recorded: RecordedReplies | None) -> str | None:
    from rewardsmith.llm.providers import default_model

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


def _check_budget(config: RunConfig) -> None:
    """Refuse a budget that cannot pay for one training and the closing comparison."""
    least = config.steps * (1 + 2 * config.report_seeds)
    if config.budget.steps is not None and config.budget.steps < least:
        raise UsageError(
            f"a budget of {config.budget.steps:,} steps cannot pay for one training of {config.steps:,} steps and a "
            f"report over {config.report_seeds} seeds ({least:,})",
            "raise --budget-steps, or lower --steps or --report-seeds",
        )


def _why_none(state: RunState) -> str:
    """What the user can do about a run without a result."""
    refused = [finding for slot in state.slots.values() for finding in slot.findings]
    failed = [trial.message for trial in state.trials.values() if trial.message]
    reasons = list(dict.fromkeys(failed + refused))
    if reasons:
        return f"first reason: {reasons[0]}"
    return f"it stopped because {state.stopped}" if state.stopped else "resume it"
