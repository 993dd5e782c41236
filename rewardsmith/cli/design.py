"""design, resume, demo: commands that carry out a run and show its progress."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.complete import run_names
from rewardsmith.cli.outcome import summarise
from rewardsmith.cli.values import Where, execution
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.api.planning import Plan
    from rewardsmith.api.settings import Settings
    from rewardsmith.task.loading import Task

_NO_MODEL = {
    "grammar": "the built-in grammar search composes the programs",
    "questions": "the program is composed from the task's text fields",
}
_OWN_REWARD = (
    "Success is measured by the environment's own reward, which is to be replaced. Continue?"
)
_A_MODEL = (
    "To use a model, set ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a model on your own server: "
    "--model ollama/NAME."
)
DEMO_TASK = "mountain-car-continuous"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    _add_design(app)
    _add_demo(app)
    _add_resume(app)


def _add_design(app: typer.Typer) -> None:
    @command(app, "design", settings=given.ALL_SETTINGS)
    def design(
        output: CommandOutput,
        settings: Settings,
        task: given.MaybeTask = None,
        goal: given.Goal = None,
        fitness: given.Fitness = None,
        replay: Annotated[
            str | None,
            typer.Option(
                metavar="RUN",
                help="Repeat RUN with its recorded replies and its settings.",
                autocompletion=run_names,
            ),
        ] = None,
        by_position: Annotated[
            bool,
            typer.Option(
                "--by-position",
                help="With --replay: use the reply of the same round and sample even if the "
                "request differs.",
            ),
        ] = False,
        rounds: Annotated[int | None, typer.Option(help="Same as -O rounds=N.")] = None,
        samples: Annotated[int | None, typer.Option(help="Same as -O samples=N.")] = None,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Try the environment, show the plan, and exit.")
        ] = False,
        watch: given.Watch = False,
        confirm_above: given.ConfirmAbove = 1.0,
        yes: Annotated[
            bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")
        ] = False,
    ) -> None:
        """Design a reward for TASK.

        Writes programs, checks them, trains agents with them, and compares the best program with
        the native reward.
        """
        shortened = {"rounds": rounds, "samples": samples}
        shortcuts = {name: value for name, value in shortened.items() if value is not None}
        settings = settings.model_copy(update={"options": {**settings.options, **shortcuts}})
        if replay is not None:
            _refuse_beside_replay(task, goal, settings)
            planned = _planned_replay(replay, by_position, settings.allow_weak_sandbox, runs)
        else:
            planned = _planned(task, goal, fitness, by_position, settings, runs)
        if dry_run:
            _emit_plan(output, planned, workers)
            return
        environment = task if fitness is None else None
        _confirm(output, planned, workers, None if yes else confirm_above, environment)
        _carry_out(output, planned, runs, execution(executor, workers, gpus), watch)


def _planned(
    task: str | None,
    goal: str | None,
    fitness: str | None,
    by_position: bool,
    settings: Settings,
    runs: Path,
) -> Plan:
    """The plan of a new run."""
    from rewardsmith.api.planning import resolved_plan

    if task is None:
        raise UsageError(
            "no task was given", "give a task or an environment id: rewardsmith tasks list"
        )
    if by_position:
        raise UsageError("--by-position needs --replay RUN", "leave it out")
    bank = [_place(str(name), runs) for name in settings.bank]
    return resolved_plan(
        _task(task, goal, fitness), goal, settings.model_copy(update={"bank": bank})
    )


def _place(name: str, runs: Path) -> Path:
    """A file as it is; else the folder of the run of that name."""
    from rewardsmith.run.names import open_run

    return Path(name) if Path(name).is_file() else open_run(name, runs).path


def _refuse_beside_replay(task: str | None, goal: str | None, settings: Settings) -> None:
    defaults = type(settings)()
    changed = [
        name
        for name in type(settings).model_fields
        if getattr(settings, name) != getattr(defaults, name)
    ]
    given_too = [name for name, value in (("task", task), ("goal", goal)) if value is not None]
    for name in [*given_too, *changed]:
        if name != "allow_weak_sandbox":
            raise UsageError(
                f"--replay takes its settings from the recorded run, but {name} was given",
                "leave it out",
            )


def _planned_replay(name: str, by_position: bool, allow_weak_sandbox: bool, runs: Path) -> Plan:
    """The plan of a run that repeats a recorded one."""
    from rewardsmith.api.planning import plan_replay
    from rewardsmith.run.names import open_run

    return plan_replay(
        open_run(name, runs), by_position=by_position, allow_weak_sandbox=allow_weak_sandbox
    )


def _add_demo(app: typer.Typer) -> None:
    @command(app, "demo")
    def demo(
        output: CommandOutput,
        recorded: Annotated[
            bool,
            typer.Option(
                "--recorded", help="Use recorded replies of a model in place of the grammar search."
            ),
        ] = False,
        seed: Annotated[int, typer.Option(min=0, help="Seed of the grammar search.")] = 0,
        watch: given.Watch = False,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Run a complete search without an API key.

        A built-in grammar search writes the programs; they are checked and trained as in any run.
        """
        planned = _recorded_demo(output) if recorded else _grammar_demo(seed)
        _confirm(output, planned, workers)
        _carry_out(output, planned, runs, execution(executor, workers, gpus), watch)


def _grammar_demo(seed: int) -> Plan:
    """A run of the grammar; its programs come from this package and need no strong sandbox."""
    from rewardsmith.api.planning import plan

    return plan(
        DEMO_TASK,
        model="grammar",
        options={"seed": seed},
        allow_weak_sandbox=True,
    )


def _recorded_demo(output: CommandOutput) -> Plan:
    """A run that uses recorded replies; prints which model wrote them."""
    from rewardsmith.api.planning import plan
    from rewardsmith.assets import asset_folder
    from rewardsmith.writers.recorded import load_replies

    replies = load_replies(asset_folder("tasks") / DEMO_TASK / "recorded_replies.json")
    when = f" on {replies.recorded}" if replies.recorded else ""
    said = (
        f"This demo replays recorded replies that {replies.model} wrote{when}; no model is called."
    )
    output.notes.print(said, style="cyan")
    rounds = 1 + max(reply.round for reply in replies.replies)
    samples = 1 + max(reply.sample for reply in replies.replies)
    options = {"rounds": rounds, "samples": samples, "seeds": 1}
    return plan(
        DEMO_TASK,
        replies=replies,
        options=options,
        allow_weak_sandbox=True,
    )


def _add_resume(app: typer.Typer) -> None:
    @command(app, "resume", settings=("budget",))
    def resume(
        output: CommandOutput,
        settings: Settings,
        run: given.RunName,
        rounds: Annotated[int, typer.Option(min=0, help="Further rounds of the search.")] = 0,
        report_seeds: Annotated[
            int | None,
            typer.Option(min=1, help="Seeds of the final comparison, more than before."),
        ] = None,
        watch: given.Watch = False,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Continue RUN where it stopped, with a higher budget or with more to do."""
        from rewardsmith.api.runs import load_run
        from rewardsmith.cli.live import watching

        budget = settings.budget.model_dump(exclude_none=True)
        with watching(output, watch) as view:
            where = execution(executor, workers, gpus)
            finished = load_run(run, runs).resume(
                budget=budget, rounds=rounds, report_seeds=report_seeds, **where, observer=view
            )
        summarise(output, finished)


def _task(task: str, goal: str | None, fitness: str | None) -> Task | str:
    """The task; drafted here from an environment id where the user names its fitness."""
    if fitness is None:
        return task
    from rewardsmith.task.drafting import task_from_env

    return task_from_env(task, goal, fitness=fitness)


def _confirm(
    output: CommandOutput,
    planned: Plan,
    workers: int | None,
    above_usd: float | None = None,
    environment: str | None = None,
) -> None:
    """Show the plan, and on a terminal ask for confirmation where there is reason to.

    Args:
        above_usd: the cost from which a run is confirmed; None asks nothing.
        environment: what the run is for, where the user named no fitness; it may be a task.
    """
    from rewardsmith.api.estimate import estimate
    from rewardsmith.cli.plans import plan_table
    from rewardsmith.task.resolving import is_task

    expected = estimate(planned, workers)
    output.notes.print(plan_table(planned, expected))
    if planned.config.asks and planned.config.writer in _NO_MODEL:
        output.notes.print(
            f"No model is used: {_NO_MODEL[planned.config.writer]}. {_A_MODEL}", style="cyan"
        )
    if above_usd is None or output.quiet or output.json or not sys.stdin.isatty():
        return
    own_reward = planned.task.spec.fitness.source == "native_return"
    if own_reward and not is_task(environment):
        typer.confirm(_OWN_REWARD, default=True, abort=True, err=True)
    elif planned.config.writer == "model" and (
        expected.usd is None or expected.usd.high > above_usd
    ):
        typer.confirm("Continue?", default=True, abort=True, err=True)


def _carry_out(output: CommandOutput, planned: Plan, runs: Path, where: Where, watch: bool) -> None:
    from rewardsmith.api import runs as api
    from rewardsmith.cli.live import watching

    with watching(output, watch) as view:
        finished = api.design(planned, **where, runs=runs, observer=view)
    summarise(output, finished)


def _emit_plan(output: CommandOutput, planned: Plan, workers: int | None) -> None:
    from rewardsmith.api.estimate import estimate
    from rewardsmith.api.opening import open_environment
    from rewardsmith.cli.plans import plan_record, plan_table

    expected = estimate(planned, workers, open_environment(planned))
    if output.json:
        output.emit(plan_record(planned, expected))
    else:
        output.result.print(plan_table(planned, expected))
