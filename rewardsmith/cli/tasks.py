"""tasks, strategies, prompts: commands about tasks, strategies and prompts."""

from __future__ import annotations

import re
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.new_task import add_new
from rewardsmith.cli.tables import column_table
from rewardsmith.run.wording import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardsmith.api.sampling import EpisodeSample
    from rewardsmith.api.settings import Settings
    from rewardsmith.writers.conversation import Conversation

_RECORDED_ROWS = 20  # episodes that are listed one by one


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    tasks = typer.Typer(
        help="List and show tasks, draft a new task, record episodes.", no_args_is_help=True
    )
    prompts = typer.Typer(help="Show the prompts that a model receives.", no_args_is_help=True)
    app.add_typer(tasks, name="tasks")
    app.add_typer(prompts, name="prompts")
    _add_list(tasks)
    _add_show(tasks)
    add_new(tasks)
    _add_check(tasks)
    _add_record(tasks)
    _add_prompts(prompts)
    _add_strategies(app)


def _add_list(app: typer.Typer) -> None:
    @command(app, "list")
    def list_(output: CommandOutput) -> None:
        """List the tasks of rewardsmith and of installed plugins."""
        from rewardsmith.task.environment import missing_modules
        from rewardsmith.task.loading import known_tasks, load_task

        found = [load_task(name) for name in known_tasks()]
        missing = {task.name: missing_modules(task.spec.env) for task in found}
        if output.json:
            facts = [
                {"name": task.name, "goal": task.goal, "environment": task.env_id} for task in found
            ]
            output.emit([{**fact, "missing": missing[fact["name"]]} for fact in facts])
            return
        table = column_table()
        table.add_column("task", no_wrap=True, style="bold")
        table.add_column("environment", no_wrap=True)
        table.add_column("goal")
        for task in found:
            # only the first sentence: tasks show prints the whole goal
            goal = Text(task.goal.partition(". ")[0].rstrip("."))
            if missing[task.name]:
                absent = f"not installed: {', '.join(missing[task.name])}"
                goal.append(f"\n{task.spec.env.install or absent}", "yellow")
            table.add_row(task.name, task.env_id, goal)
        output.result.print(table)


def _add_show(app: typer.Typer) -> None:
    @command(app, "show")
    def show(output: CommandOutput, task: given.TaskArgument, goal: given.Goal = None) -> None:
        """Show the complete specification of a task."""
        import tomli_w

        from rewardsmith.task.resolving import resolve_task

        resolved = resolve_task(task, goal)
        if output.json:
            output.emit({"name": resolved.name, **resolved.spec.model_dump(mode="json")})
            return
        text = tomli_w.dumps(
            resolved.spec.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        )
        output.code(text, "toml")


def _add_check(app: typer.Typer) -> None:
    @command(app, "check", settings=("bank", "use_expert"))
    def check(
        output: CommandOutput,
        settings: Settings,
        task: given.TaskArgument,
        goal: given.Goal = None,
        fitness: given.Fitness = None,
        target: Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                help="HTML file to write: the worst and the best episode of each kind in pictures.",
            ),
        ] = None,
    ) -> None:
        """Score sample episodes with the fitness of a task, before anything is trained."""
        from rewardsmith.api.checking import resolve_without_goal
        from rewardsmith.api.report.samples import sample_page
        from rewardsmith.api.sampling import sample_episodes

        resolved = resolve_without_goal(task, goal, fitness)
        score = sample_episodes if target is None else partial(sample_page, target=target)
        samples = score(
            resolved,
            bank=settings.bank,
            use_expert=settings.use_expert,
            tell=output.notes.print,
        )
        if output.json:
            output.emit([asdict(sample) for sample in samples])
            return
        measured = resolved.spec.fitness.doc or resolved.spec.fitness.source
        output.result.print(f"fitness: {measured}", markup=False, soft_wrap=True)
        output.result.print("", _sample_table(samples))
        if target is not None:
            output.result.print(str(target), markup=False, soft_wrap=True)
        if len({sample.fitness for sample in samples}) == 1:
            output.notes.print(
                "all these episodes have the same fitness: a search could not tell programs "
                "apart until an agent succeeds; let the fitness say how near an episode came",
                style="yellow",
            )


def _sample_table(samples: Sequence[EpisodeSample]) -> Table:
    numbers = ("episodes", "steps", "lowest", "mean", "highest", "solved", "native return")
    table = column_table("actions", *numbers, right=numbers)
    for one in samples:
        solved = "-" if one.solved is None else f"{one.solved:.0%}"
        fitness = [number(value) for value in one.fitness]
        counts = str(one.episodes), f"{one.steps:,.0f}"
        table.add_row(one.kind, *counts, *fitness, solved, number(one.native))
    return table


def _add_record(app: typer.Typer) -> None:
    @command(app, "record")
    def record(
        output: CommandOutput,
        task: given.TaskArgument,
        by: Annotated[
            str,
            typer.Option(
                metavar="FILE:FUNCTION",
                help="Controller: a function that maps an observation to an action.",
            ),
        ],
        episodes: Annotated[int, typer.Option(min=1, help="Number of episodes.")] = 5,
        seed: Annotated[int, typer.Option(min=0, help="Seed of the first reset.")] = 0,
        target: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path(
            "episodes.npz"
        ),
    ) -> None:
        """Record episodes of your own controller; in Python use rs.record(task)."""
        from rewardsmith.episodes.recording import controller_in, play
        from rewardsmith.episodes.recording import record as recorded

        controller = controller_in(by)
        with recorded(task) as env:
            play(env, controller, episodes, seed)
            path = env.save(target)
            rows = [
                (len(episode), *measured)
                for episode, measured in zip(env.episodes, env.fitness(), strict=True)
            ]
        if output.json:
            found = [
                {"steps": steps, "fitness": value, "success": success}
                for steps, value, success in rows
            ]
            output.emit({"file": str(path), "episodes": found})
            return
        table = column_table()
        for name in ("episode", "steps", "fitness", "solved"):
            table.add_column(name, justify="right")
        for place, (steps, value, success) in enumerate(rows[:_RECORDED_ROWS], 1):
            table.add_row(
                str(place),
                str(steps),
                f"{value:.3g}",
                {True: "yes", False: "no", None: "-"}[success],
            )
        output.notes.print(table)
        if len(rows) > _RECORDED_ROWS:
            mean = sum(value for _, value, _ in rows) / len(rows)
            won = [success for _, _, success in rows if success is not None]
            solved = f", {sum(won)} solved" if won else ""
            output.notes.print(f"{len(rows)} episodes: mean fitness {mean:.3g}{solved}")
        output.result.print(str(path), markup=False, soft_wrap=True)


def _add_strategies(app: typer.Typer) -> None:
    @command(app, "strategies")
    def strategies(output: CommandOutput) -> None:
        """List the strategies with their options and defaults."""
        from rewardsmith.api.strategies import strategies
        from rewardsmith.strategy.making import strategy_class

        found = strategies()
        if output.json:
            output.emit([asdict(one) for one in found])
            return
        for one in found:
            output.result.print(Text(one.name, "bold").append(f"  {one.about}", "not bold"))
            table = Table.grid(padding=(0, 2, 0, 0))
            about_options = _attributes(strategy_class(one.name).Options)
            for option, default in one.options.items():
                table.add_row(f"  -O {option}={default}", about_options.get(option, ""))
            output.result.print(table)


def _attributes(cls: type) -> dict[str, str]:
    """Name -> description, from the ``Attributes:`` of a class and of its base classes."""
    sections = [
        (above.__doc__ or "").partition("Attributes:")[2] for above in reversed(cls.__mro__)
    ]
    entries = [
        re.findall(r"^ {8}([\w, ]+): (.*(?:\n {12}.*)*)", section, re.MULTILINE)
        for section in sections
    ]
    plain = [
        (names, re.sub(r":\w+:`~?([^`]+)`", r"\1", text))
        for found in entries
        for names, text in found
    ]
    return {name: " ".join(text.split()) for names, text in plain for name in names.split(", ")}


def _add_prompts(app: typer.Typer) -> None:
    @command(app, "show", settings=("strategy", "produce", "prompts", "steps"))
    def show(
        output: CommandOutput, settings: Settings, task: given.TaskArgument, goal: given.Goal = None
    ) -> None:
        """Show the exact text of the first request of a run."""
        talk = _first_request(task, goal, settings)
        if output.json:
            messages = [{"role": one.role, "text": one.content} for one in talk.messages]
            output.emit({"system": talk.system, "messages": messages})
            return
        turns = [(one.role, one.content) for one in talk.messages]
        for role, text in (("system", talk.system), *turns):
            output.notes.print(f"--- {role} ---", style="bold cyan")
            output.result.print(text, markup=False, soft_wrap=True)


def _first_request(task: str, goal: str | None, settings: Settings) -> Conversation:
    from rewardsmith.api.choices import produced
    from rewardsmith.episodes.random_policy import collect_preflight
    from rewardsmith.llm.prompts import Prompts
    from rewardsmith.task.resolving import resolve_task
    from rewardsmith.writers.conversation import compose

    strategy = settings.strategy or "eureka"
    resolved = resolve_task(task, goal)
    folders = () if settings.prompts is None else (Path(settings.prompts), Prompts().folder)
    seen = collect_preflight(resolved).report
    wanted = produced(settings.produce, strategy, resolved)
    steps = settings.steps or resolved.spec.training.steps
    return compose(Prompts(*folders), strategy, resolved.spec, seen, steps, (), produce=wanted)
