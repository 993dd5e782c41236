"""design, resume, demo: commands that carry a run on, with a live view of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardsmith.cli.command import Output, command
from rewardsmith.cli.complete import run_names, strategy_names, task_names
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.planning import Plan

DEMO_TASK = "mountain-car-continuous"

RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")]
Workers = Annotated[int | None, typer.Option("--workers", help="Trainings side by side; the number of cores.")]
Tokens = Annotated[int | None, typer.Option("--budget-tokens", help="Tokens, sent and received.")]
Steps = Annotated[int | None, typer.Option("--budget-steps", help="Environment steps of everything.")]
Minutes = Annotated[float | None, typer.Option("--budget-minutes", help="Minutes; stops between rounds.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""

    @command(app, "design")
    def design(
        output: Output,
        task: Annotated[str, typer.Argument(help="A task, or an environment id.", autocompletion=task_names)],
        goal: Annotated[str | None, typer.Option(help="What the agent must achieve, in words.")] = None,
        model: Annotated[str | None, typer.Option(help="provider/name; follows from the key that is set.")] = None,
        base_url: Annotated[str | None, typer.Option(help="A server that speaks the provider's form.")] = None,
        replies: Annotated[Path | None, typer.Option(help="Recorded replies in place of a model.")] = None,
        strategy: Annotated[str, typer.Option(help="Who decides.", autocompletion=strategy_names)] = "eureka",
        option: Annotated[list[str] | None, typer.Option("-O", help="Of the strategy: NAME=VALUE.")] = None,
        rounds: Annotated[int | None, typer.Option(help="Short for -O rounds=N.")] = None,
        samples: Annotated[int | None, typer.Option(help="Short for -O samples=N.")] = None,
        steps: Annotated[int | None, typer.Option(help="Environment steps of each training.")] = None,
        report_seeds: Annotated[int, typer.Option(help="Trainings per side of the final comparison.")] = 5,
        change: Annotated[list[str] | None, typer.Option("--set", help="Of [training]: n_envs=8, gamma=0.98.")] = None,
        temperature: Annotated[float | None, typer.Option(help="Of the model.")] = None,
        llm_timeout: Annotated[float, typer.Option(help="Seconds that a request may go without an answer.")] = 300.0,
        budget_tokens: Tokens = None,
        budget_steps: Steps = None,
        budget_minutes: Minutes = None,
        device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
        workers: Workers = None,
        prompts: Annotated[Path | None, typer.Option(help="A folder whose templates override ours.")] = None,
        runs: RunsFolder = Path("runs"),
        dry_run: Annotated[bool, typer.Option(help="Only say what would be done.")] = False,
    ) -> None:
        """Design a reward for TASK: write, check, train, reflect, compare with the native reward."""
        from rewardsmith.config import Budget
        from rewardsmith.planning import plan

        given = {"rounds": rounds, "samples": samples}
        planned = plan(
            task,
            goal,
            model=model,
            base_url=base_url,
            replies=replies,
            strategy=strategy,
            options=_pairs(option) | {key: value for key, value in given.items() if value is not None},
            steps=steps,
            report_seeds=report_seeds,
            training=training_changes(change),
            temperature=temperature,
            llm_timeout_s=llm_timeout,
            budget=Budget(tokens=budget_tokens, steps=budget_steps, minutes=budget_minutes),
            device=device,
            prompts=prompts,
        )
        if dry_run:
            _tell_plan(output, planned)
        else:
            _carry_out(output, planned, runs, workers)

    @command(app, "demo")
    def demo(output: Output, workers: Workers = None, runs: RunsFolder = Path("runs")) -> None:
        """A whole run without a key: recorded replies of a model, real checks and real training."""
        from rewardsmith.assets import asset_folder
        from rewardsmith.coder.scripted import load_replies
        from rewardsmith.planning import plan

        recorded = load_replies(asset_folder("tasks") / DEMO_TASK / "recorded_replies.json")
        output.notes.print(
            f"The replies of this demo are recorded (from {recorded.model}, {recorded.recorded}); no model is asked. "
            "Checks, trainings and measurements are real.",
            style="cyan",
        )
        rounds = 1 + max(reply.round for reply in recorded.replies)
        samples = 1 + max(reply.sample for reply in recorded.replies)
        options = {"rounds": rounds, "samples": samples, "seeds": 1}
        _carry_out(output, plan(DEMO_TASK, replies=recorded, options=options), runs, workers)

    @command(app, "resume")
    def resume(
        output: Output,
        run: Annotated[str, typer.Argument(help="Name or path of a run.", autocompletion=run_names)],
        budget_tokens: Tokens = None,
        budget_steps: Steps = None,
        budget_minutes: Minutes = None,
        workers: Workers = None,
        runs: RunsFolder = Path("runs"),
    ) -> None:
        """Go on with RUN where it stopped; a raised budget lets it go on further."""
        from rewardsmith import api
        from rewardsmith.cli.live import watching

        raised = {"tokens": budget_tokens, "steps": budget_steps, "minutes": budget_minutes}
        budget = {key: value for key, value in raised.items() if value is not None}
        with watching(output) as view:
            finished = api.resume(run, budget=budget, workers=workers, runs=runs, observer=view)
        _summarise(output, finished)


def training_changes(pairs: list[str] | None) -> dict[str, Any]:
    """``--set`` pairs -> changes of [training]; what it does not know itself is a hyper-parameter."""
    from rewardsmith.task.spec import TrainingSpec

    changes: dict[str, Any] = {}
    for name, value in _pairs(pairs).items():
        name = name.removeprefix("training.")
        if name in TrainingSpec.model_fields:
            changes[name] = value
        else:
            changes.setdefault("hyperparameters", {})[name.removeprefix("hyperparameters.")] = value
    return changes


def _carry_out(output: Output, planned: Plan, runs: Path, workers: int | None) -> None:
    from rewardsmith import api
    from rewardsmith.cli.live import watching

    output.notes.print(_plan_line(planned))
    with watching(output, planned) as view:
        finished = api.design(planned, workers=workers, runs=runs, observer=view)
    _summarise(output, finished)


def _pairs(pairs: list[str] | None) -> dict[str, Any]:
    """NAME=VALUE texts; values are JSON where they can be, else text."""
    found: dict[str, Any] = {}
    for pair in pairs or []:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise UsageError(f"expected NAME=VALUE, found {pair!r}", "for example: -O rounds=2")
        try:
            found[name.strip()] = json.loads(text)
        except json.JSONDecodeError:
            found[name.strip()] = text.strip()
    return found


def _plan_line(planned: Plan) -> str:
    config = planned.config
    writer = config.model or config.replies
    return (
        f"[bold]{config.task}[/] with {config.strategy}, written by {writer}: at most "
        f"{planned.strategy.planned_requests()} requests and {planned.strategy.planned_trials()} trainings of "
        f"{config.steps:,} steps, then 2 x {config.report_seeds} for the report; at most {planned.most_steps:,} "
        "training steps"
    )


def _tell_plan(output: Output, planned: Plan) -> None:
    if output.json:
        output.emit(
            {
                "config": planned.config.model_dump(mode="json"),
                "requests_at_most": planned.strategy.planned_requests(),
                "trainings_at_most": planned.strategy.planned_trials() + 2 * planned.config.report_seeds,
                "training_steps_at_most": planned.most_steps,
            }
        )
    else:
        output.result.print(_plan_line(planned))


def _summarise(output: Output, run: Any) -> None:
    from rewardsmith.cli.summary import summary, summary_json

    if output.json:
        output.emit(summary_json(run))
    else:
        output.result.print(summary(run))
