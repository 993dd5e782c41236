"""design, resume, demo: commands that carry a run on, with a live view of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from rewardsmith.cli import options as given
from rewardsmith.cli.command import Output, command
from rewardsmith.cli.settings import pairs, training_changes

if TYPE_CHECKING:
    from rewardsmith.api import Run
    from rewardsmith.planning import Plan
    from rewardsmith.task.loading import Task

DEMO_TASK = "mountain-car-continuous"
_WRITER = "Who writes"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    _add_design(app)
    _add_demo(app)
    _add_resume(app)


def _writer_option(*names: str, text: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=_WRITER)


def _add_design(app: typer.Typer) -> None:
    @command(app, "design")
    def design(
        output: Output,
        task: given.TaskArgument,
        goal: given.Goal = None,
        fitness: given.Fitness = None,
        model: Annotated[str | None, _writer_option(text="provider/name; follows from the key that is set.")] = None,
        base_url: Annotated[str | None, _writer_option(text="A server that speaks the provider's form.")] = None,
        replies: Annotated[Path | None, _writer_option(text="Recorded replies in place of a model.")] = None,
        temperature: Annotated[float | None, _writer_option(text="Of the model.")] = None,
        llm_timeout: Annotated[float, _writer_option(text="Seconds that a request may go without an answer.")] = 300.0,
        prompts: given.Prompts = None,
        strategy: given.Strategy = "eureka",
        option: given.StrategyOption = None,
        rounds: Annotated[int | None, typer.Option(help="Short for -O rounds=N.")] = None,
        samples: Annotated[int | None, typer.Option(help="Short for -O samples=N.")] = None,
        steps: given.TrainingSteps = None,
        report_seeds: Annotated[int, typer.Option(min=0, help="Trainings per side of the final comparison.")] = 5,
        change: given.Change = None,
        budget_tokens: given.Tokens = None,
        budget_steps: given.Steps = None,
        budget_minutes: given.Minutes = None,
        device: given.Device = "auto",
        workers: given.Workers = None,
        allow_weak_sandbox: given.AllowWeakSandbox = False,
        runs: given.RunsFolder = Path("runs"),
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a model is asked.")] = False,
    ) -> None:
        """Design a reward for TASK: write, check, train, reflect, compare with the native reward."""
        from rewardsmith.config import Budget
        from rewardsmith.planning import plan

        shortcuts = {name: value for name, value in (("rounds", rounds), ("samples", samples)) if value is not None}
        planned = plan(
            _task(task, goal, fitness),
            goal,
            model=model,
            base_url=base_url,
            replies=replies,
            temperature=temperature,
            llm_timeout_s=llm_timeout,
            prompts=prompts,
            strategy=strategy,
            options=pairs(option) | shortcuts,
            steps=steps,
            report_seeds=report_seeds,
            training=training_changes(change),
            budget=Budget(tokens=budget_tokens, steps=budget_steps, minutes=budget_minutes),
            device=device,
            allow_weak_sandbox=allow_weak_sandbox,
        )
        if dry_run:
            _emit_plan(output, planned)
            return
        output.notes.print(_plan_table(planned))
        if planned.recorded is None and not (yes or output.quiet or output.json) and sys.stdin.isatty():
            typer.confirm("Go on?", default=True, abort=True, err=True)
        _carry_out(output, planned, runs, workers)


def _add_demo(app: typer.Typer) -> None:
    @command(app, "demo")
    def demo(output: Output, workers: given.Workers = None, runs: given.RunsFolder = Path("runs")) -> None:
        """A whole run without a key: recorded replies of a model, real checks and real training."""
        from rewardsmith.assets import asset_folder
        from rewardsmith.coder.scripted import load_replies
        from rewardsmith.planning import plan

        recorded = load_replies(asset_folder("tasks") / DEMO_TASK / "recorded_replies.json")
        when = f" on {recorded.recorded}" if recorded.recorded else ""
        output.notes.print(
            f"The replies of this demo were written by {recorded.model}{when} and recorded; no model is asked.",
            style="cyan",
        )
        rounds = 1 + max(reply.round for reply in recorded.replies)
        samples = 1 + max(reply.sample for reply in recorded.replies)
        shape = {"rounds": rounds, "samples": samples, "seeds": 1}
        # Its programs are part of this package, so it may also run where others could not be confined.
        planned = plan(DEMO_TASK, replies=recorded, options=shape, report_seeds=5, allow_weak_sandbox=True)
        output.notes.print(_plan_table(planned))
        _carry_out(output, planned, runs, workers)


def _add_resume(app: typer.Typer) -> None:
    @command(app, "resume")
    def resume(
        output: Output,
        run: given.RunName,
        budget_tokens: given.Tokens = None,
        budget_steps: given.Steps = None,
        budget_minutes: given.Minutes = None,
        workers: given.Workers = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Go on with RUN where it stopped; a raised budget lets it go on further."""
        from rewardsmith import api
        from rewardsmith.cli.live import watching

        raised = {"tokens": budget_tokens, "steps": budget_steps, "minutes": budget_minutes}
        budget = {key: value for key, value in raised.items() if value is not None}
        with watching(output) as view:
            finished = api.resume(run, budget=budget, workers=workers, runs=runs, observer=view)
        _summarise(output, finished)


def _task(task: str, goal: str | None, fitness: str | None) -> Task | str:
    """What to design for; an environment id with a fitness of its own is drafted here."""
    if fitness is None:
        return task
    from rewardsmith.task.drafting import task_from_env

    return task_from_env(task, goal, fitness=fitness)


def _carry_out(output: Output, planned: Plan, runs: Path, workers: int | None) -> None:
    from rewardsmith import api
    from rewardsmith.cli.live import watching

    with watching(output) as view:
        finished = api.design(planned, workers=workers, runs=runs, observer=view)
    _summarise(output, finished)


def _plan_table(planned: Plan) -> Table:
    from rewardsmith.sandbox.report import sandbox_report

    config, training = planned.config, planned.task.spec.training
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("task", f"{config.task} ({planned.task.env_id}): {planned.task.goal}")
    table.add_row(
        "written by", f"{config.model or config.replies}, strategy {config.strategy} {_shown(config.options)}"
    )
    trainings = planned.strategy.planned_trials()
    report = f", then {2 * config.report_seeds} for the report" if config.report_seeds else ", no report"
    table.add_row(
        "at most",
        f"{planned.strategy.planned_requests()} requests; {trainings} trainings{report}, each {config.steps:,} steps "
        f"of {training.algorithm}: {planned.most_steps:,} steps and what measuring takes",
    )
    limits = {name: value for name, value in config.budget.model_dump().items() if value is not None}
    table.add_row("budget", _shown(limits) or "no limit set")
    table.add_row("sandbox", sandbox_report().level)
    return table


def _shown(values: dict[str, Any]) -> str:
    return " ".join(
        f"{name}={value:,}" if isinstance(value, int) else f"{name}={value}" for name, value in values.items()
    )


def _emit_plan(output: Output, planned: Plan) -> None:
    if not output.json:
        output.result.print(_plan_table(planned))
        return
    output.emit(
        {
            "config": planned.config.model_dump(mode="json"),
            "requests_at_most": planned.strategy.planned_requests(),
            "trainings_at_most": planned.strategy.planned_trials() + 2 * planned.config.report_seeds,
            "training_steps_at_most": planned.most_steps,
        }
    )


def _summarise(output: Output, run: Run) -> None:
    from rewardsmith.cli.live import command_name
    from rewardsmith.cli.summary import summary, summary_json

    if output.json:
        output.emit(summary_json(run))
    else:
        output.result.print(summary(run, command_name(run.path)))
