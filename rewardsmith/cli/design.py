"""design, resume, demo: commands that carry a run on, with a live view of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import Output, command
from rewardsmith.cli.outcome import summarise
from rewardsmith.cli.settings import execution, pairs, prices, training_changes
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.api.planning import Plan
    from rewardsmith.task.loading import Task

_NO_MODEL = {
    "grammar": "the built-in grammar search composes the programs",
    "questions": "the program is composed from the task's text fields",
}
_A_MODEL = "For a model, set ANTHROPIC_API_KEY or OPENAI_API_KEY, or name one of your own server's: --model ollama/NAME."
DEMO_TASK = "mountain-car-continuous"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    _add_design(app)
    _add_demo(app)
    _add_resume(app)


def _add_design(app: typer.Typer) -> None:
    @command(app, "design")
    def design(
        output: Output,
        task: given.MaybeTask = None,
        goal: given.Goal = None,
        fitness: given.Fitness = None,
        model: given.Model = None,
        base_url: given.BaseUrl = None,
        replies: given.Replies = None,
        ask: given.Ask = False,
        replay: given.Replay = None,
        by_position: given.ByPosition = False,
        temperature: given.Temperature = None,
        effort: given.Effort = None,
        max_output_tokens: given.MaxOutput = 16_000,
        price: given.Price = None,
        llm_timeout: given.LlmTimeout = 300.0,
        llm_at_once: given.LlmAtOnce = 8,
        llm_per_minute: given.LlmPerMinute = None,
        prompts: given.Prompts = None,
        produce: given.Produce = None,
        bank: given.Bank = None,
        use_expert: given.UseExpert = False,
        strategy: given.MaybeStrategy = None,
        option: given.StrategyOption = None,
        rounds: Annotated[int | None, typer.Option(help="Short for -O rounds=N.")] = None,
        samples: Annotated[int | None, typer.Option(help="Short for -O samples=N.")] = None,
        steps: given.TrainingSteps = None,
        report_seeds: Annotated[
            int, typer.Option(min=0, help="Trainings per side of the final comparison.")
        ] = 5,
        change: given.Change = None,
        budget_usd: given.Usd = None,
        budget_tokens: given.Tokens = None,
        budget_calls: given.Calls = None,
        budget_steps: given.Steps = None,
        budget_minutes: given.Minutes = None,
        device: given.Device = "auto",
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        allow_weak_sandbox: given.AllowWeakSandbox = False,
        runs: given.RunsFolder = Path("runs"),
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only say what would be done.")
        ] = False,
        confirm_above: given.ConfirmAbove = 1.0,
        yes: Annotated[
            bool, typer.Option("--yes", "-y", help="Ask nothing before a model is asked.")
        ] = False,
    ) -> None:
        """Design a reward for TASK: write, check, train, reflect, compare with the native reward."""
        values = {name: value for name, value in locals().items() if name != "output"}
        planned = _planned_replay(values) if replay is not None else _planned(values)
        if dry_run:
            _emit_plan(output, planned, workers)
            return
        _confirm(output, planned, workers, None if yes else confirm_above)
        _carry_out(output, planned, runs, execution(executor, workers, gpus))


def _planned(values: dict[str, Any]) -> Plan:
    """What the options ask for."""
    from rewardsmith.api.planning import plan
    from rewardsmith.run.config import Budget

    if values["task"] is None:
        raise UsageError(
            "no task was given", "give a task or an environment id: rewardsmith tasks list"
        )
    if values["by_position"]:
        raise UsageError("--by-position goes with --replay RUN", "leave it out")
    shortcuts = {name: values[name] for name in ("rounds", "samples") if values[name] is not None}
    as_given = (
        "model", "base_url", "replies", "ask", "temperature", "effort", "max_output_tokens", "llm_at_once",
        "llm_per_minute", "prompts", "strategy", "steps", "report_seeds", "device", "allow_weak_sandbox",
        "use_expert", "produce",
    )  # fmt: skip
    budget = {name: values[f"budget_{name}"] for name in Budget.model_fields}
    return plan(
        _task(values["task"], values["goal"], values["fitness"]),
        values["goal"],
        **{name: values[name] for name in as_given},
        price=prices(values["price"]),
        llm_timeout_s=values["llm_timeout"],
        options=pairs(values["option"]) | shortcuts,
        training=training_changes(values["change"]),
        budget=Budget(**budget),
        bank=[_place(name, values["runs"]) for name in values["bank"] or ()],
    )


def _place(name: str, runs: Path) -> Path:
    """A file as it is; else the folder of the run of that name."""
    from rewardsmith.run.folder import open_run

    return Path(name) if Path(name).is_file() else open_run(name, runs).path


def _planned_replay(values: dict[str, Any]) -> Plan:
    """What a recorded run did; it brings its own settings."""
    from rewardsmith.api.planning import plan_replay
    from rewardsmith.run.folder import open_run

    own = ("task", "goal", "model", "replies", "ask", "option", "rounds", "samples", "steps", "change", "prompts",
           "bank", "use_expert")  # fmt: skip
    also = next((name for name in own if values[name]), None)
    if also is not None:
        raise UsageError(
            f"--replay takes its settings from the recorded run, but {also} was given",
            "leave it out",
        )
    run = open_run(values["replay"], values["runs"])
    return plan_replay(
        run, by_position=values["by_position"], allow_weak_sandbox=values["allow_weak_sandbox"]
    )


def _add_demo(app: typer.Typer) -> None:
    @command(app, "demo")
    def demo(
        output: Output,
        recorded: Annotated[
            bool, typer.Option("--recorded", help="Recorded replies of a model write.")
        ] = False,
        seed: Annotated[int, typer.Option(min=0, help="Of the search.")] = 0,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """A whole run without a key: a grammar writes in place of a model; real checks and real training."""
        from rewardsmith.api.planning import plan

        # Its programs are made by this package or part of it, so it may run where others could not
        # be confined.
        settings = (
            _recorded_demo(output) if recorded else {"model": "grammar", "options": {"seed": seed}}
        )
        planned = plan(DEMO_TASK, report_seeds=5, allow_weak_sandbox=True, **settings)
        _confirm(output, planned, workers, None)
        _carry_out(output, planned, runs, execution(executor, workers, gpus))


def _recorded_demo(output: Output) -> dict[str, Any]:
    """Settings of a run that plays a model's replies; says whose they are."""
    from rewardsmith.assets import asset_folder
    from rewardsmith.writers.recorded import load_replies

    replies = load_replies(asset_folder("tasks") / DEMO_TASK / "recorded_replies.json")
    when = f" on {replies.recorded}" if replies.recorded else ""
    said = f"The replies of this demo were written by {replies.model}{when} and recorded; no model is asked."
    output.notes.print(said, style="cyan")
    rounds = 1 + max(reply.round for reply in replies.replies)
    samples = 1 + max(reply.sample for reply in replies.replies)
    return {"replies": replies, "options": {"rounds": rounds, "samples": samples, "seeds": 1}}


def _add_resume(app: typer.Typer) -> None:
    @command(app, "resume")
    def resume(
        output: Output,
        run: given.RunName,
        budget_usd: given.Usd = None,
        budget_tokens: given.Tokens = None,
        budget_calls: given.Calls = None,
        budget_steps: given.Steps = None,
        budget_minutes: given.Minutes = None,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Go on with RUN where it stopped; a raised budget lets it go on further."""
        from rewardsmith.api import runs as api
        from rewardsmith.cli.live import watching

        raised = {
            "usd": budget_usd,
            "tokens": budget_tokens,
            "calls": budget_calls,
            "steps": budget_steps,
            "minutes": budget_minutes,
        }
        budget = {key: value for key, value in raised.items() if value is not None}
        with watching(output) as view:
            where = execution(executor, workers, gpus)
            finished = api.resume(run, budget=budget, **where, runs=runs, observer=view)
        summarise(output, finished)


def _task(task: str, goal: str | None, fitness: str | None) -> Task | str:
    """What to design for; an environment id with a fitness of its own is drafted here."""
    if fitness is None:
        return task
    from rewardsmith.task.drafting import task_from_env

    return task_from_env(task, goal, fitness=fitness)


def _confirm(output: Output, planned: Plan, workers: int | None, above_usd: float | None) -> None:
    """Show what will be done, and ask where it may cost more than that."""
    from rewardsmith.api.estimate import estimate
    from rewardsmith.cli.plans import plan_table
    from rewardsmith.engine.workers.machine import available_cores

    expected = estimate(planned, workers or available_cores())
    output.notes.print(plan_table(planned, expected))
    if planned.config.writer in _NO_MODEL:
        output.notes.print(
            f"No model is asked: {_NO_MODEL[planned.config.writer]}. {_A_MODEL}", style="cyan"
        )
    if (
        planned.config.writer != "model"
        or above_usd is None
        or output.quiet
        or output.json
        or not sys.stdin.isatty()
    ):
        return
    if expected.usd is None or expected.usd.high > above_usd:
        typer.confirm("Go on?", default=True, abort=True, err=True)


def _carry_out(output: Output, planned: Plan, runs: Path, where: dict[str, Any]) -> None:
    from rewardsmith.api import runs as api
    from rewardsmith.cli.live import watching

    with watching(output) as view:
        finished = api.design(planned, **where, runs=runs, observer=view)
    summarise(output, finished)


def _emit_plan(output: Output, planned: Plan, workers: int | None) -> None:
    from rewardsmith.api.estimate import estimate
    from rewardsmith.cli.plans import plan_json, plan_table
    from rewardsmith.engine.workers.machine import available_cores

    expected = estimate(planned, workers or available_cores())
    if output.json:
        output.emit(plan_json(planned, expected))
    else:
        output.result.print(plan_table(planned, expected))
