"""tasks, strategies, prompts: commands that show what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rewardsmith.cli.command import Output, command
from rewardsmith.cli.complete import strategy_names, task_names

TaskName = Annotated[str, typer.Argument(help="A task, or an environment id.", autocompletion=task_names)]
Goal = Annotated[str | None, typer.Option(help="What the agent must achieve, in words.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    tasks = typer.Typer(help="Tasks: list, show, draft a new one.", no_args_is_help=True)
    prompts = typer.Typer(help="What a model is told.", no_args_is_help=True)
    app.add_typer(tasks, name="tasks")
    app.add_typer(prompts, name="prompts")
    _add_tasks(tasks)
    _add_prompts(prompts)

    @command(app, "strategies")
    def strategies(output: Output) -> None:
        """Who can decide what a run does next, with options and defaults."""
        from rewardsmith.strategy import STRATEGIES

        found = {name: STRATEGIES.get(name) for name in STRATEGIES.names()}
        if output.json:
            output.emit({name: cls.Options().model_dump() for name, cls in found.items()})
            return
        for name, cls in found.items():
            output.result.print(f"[bold]{name}[/]  {(cls.__doc__ or '').splitlines()[0]}")
            for option, default in cls.Options().model_dump().items():
                output.result.print(f"  -O {option}={default}")


def _add_tasks(app: typer.Typer) -> None:
    @command(app, "list")
    def list_(output: Output) -> None:
        """The tasks that come with rewardsmith."""
        from rewardsmith.task.loading import load_task, shipped_tasks

        found = [load_task(name) for name in shipped_tasks()]
        if output.json:
            output.emit([{"name": task.name, "goal": task.goal, "environment": task.env_id} for task in found])
            return
        for task in found:
            output.result.print(f"[bold]{task.name}[/]  {task.env_id}\n  {task.goal}")

    @command(app, "show")
    def show(output: Output, task: TaskName, goal: Goal = None) -> None:
        """Everything that a task says."""
        import tomli_w
        from rich.syntax import Syntax

        from rewardsmith.planning import resolve_task

        spec = resolve_task(task, goal).spec
        if output.json:
            output.emit(spec.model_dump(mode="json"))
            return
        text = tomli_w.dumps(spec.model_dump(mode="json", exclude_none=True, exclude_defaults=True))
        output.result.print(Syntax(text, "toml", theme="ansi_dark", background_color="default"))

    @command(app, "new")
    def new(
        output: Output,
        env_id: Annotated[str, typer.Argument(help="A Gymnasium id, or module:Class.")],
        goal: Goal = None,
        target: Annotated[Path | None, typer.Option("-o", "--output", help="The folder to write.")] = None,
        fitness: Annotated[str | None, typer.Option(help='native_return, or info["key"].')] = None,
    ) -> None:
        """Look at an environment and draft a task folder for it."""
        from rewardsmith.task.drafting import task_from_env, write_task

        drafted = task_from_env(env_id, goal or "Say here what the agent must achieve.", fitness=fitness)
        folder = write_task(drafted, target or Path("tasks") / drafted.name)
        if output.json:
            output.emit({"folder": str(folder), "fields": [field.name for field in drafted.spec.fields]})
            return
        output.result.print(str(folder), soft_wrap=True)
        output.notes.print(f"mend {folder / 'task.toml'}, then: rewardsmith design {folder}", soft_wrap=True)


def _add_prompts(app: typer.Typer) -> None:
    @command(app, "show")
    def show(
        output: Output,
        task: TaskName,
        goal: Goal = None,
        strategy: Annotated[str, typer.Option(autocompletion=strategy_names)] = "eureka",
        prompts: Annotated[Path | None, typer.Option(help="A folder whose templates override ours.")] = None,
    ) -> None:
        """Exactly what the first request of a run would send."""
        talk = _first_request(task, goal, strategy, prompts)
        if output.json:
            output.emit({"system": talk.system, "messages": [said._asdict() for said in talk.messages]})
            return
        for role, text in (("system", talk.system), *talk.messages):
            output.notes.print(f"--- {role} ---", style="bold cyan")
            output.result.print(text, markup=False, soft_wrap=True)


def _first_request(task: str, goal: str | None, strategy: str, prompts: Path | None) -> Any:
    from rewardsmith.bank import look_at
    from rewardsmith.coder.compose import compose
    from rewardsmith.planning import resolve_task
    from rewardsmith.prompts import Prompts

    resolved = resolve_task(task, goal)
    folders = () if prompts is None else (prompts, Prompts().folder)
    seen = look_at(resolved).report.model_dump(mode="json")
    return compose(Prompts(*folders), strategy, resolved.spec, seen, resolved.spec.training.steps, ())
