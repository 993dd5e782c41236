"""tasks new: a task folder drafted from data, or by a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardsmith.api.settings import Settings
    from rewardsmith.api.task_drafts import TaskDrafting
    from rewardsmith.task.loading import Task
    from rewardsmith.task.spec import TaskSpec

MODEL_SETTINGS = ("base_url", "price", "effort", "temperature", "max_output_tokens")
Environment = Annotated[
    str,
    typer.Argument(
        help="Environment: a Gymnasium id, module:Class, or FILE.py:Class; a function that makes "
        "one can be named in the place of the class."
    ),
]
Target = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder to write; by default tasks/<name>."),
]
Arguments = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Argument that the environment is made with; the value is JSON or a text.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Model, as provider/name, that names the numbers of the observation and drafts goal, "
        "fitness and training; what it says is checked on recorded steps."
    ),
]
SendSource = Annotated[
    bool,
    typer.Option("--send-source", help="Show the source of the environment to the model."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the request for the model and send nothing.")
]
Replies = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="File with a reply to the request that --dry-run prints, in place of a model; give "
        "the option again for each further reply.",
    ),
]


def add_new(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "new", settings=MODEL_SETTINGS)
    def new(
        output: CommandOutput,
        settings: Settings,
        env_id: Environment,
        goal: given.Goal = None,
        target: Target = None,
        fitness: given.Fitness = None,
        kwargs: Arguments = None,
        model: Model = None,
        send_source: SendSource = False,
        dry_run: DryRun = False,
        reply: Replies = None,
    ) -> None:
        """Draft a task folder for an environment."""
        from rewardsmith.cli.values import pairs
        from rewardsmith.task.drafting import draft_task

        given_kwargs, tell = pairs(kwargs), output.notes.print
        if model is None and not dry_run and not reply:
            _refuse_source(send_source)
            drafted, folder, notes = draft_task(
                env_id, goal, target, fitness=fitness, kwargs=given_kwargs, tell=tell
            )
            _show(output, drafted, folder, notes, by_model=False)
            return
        from rewardsmith.api.task_drafts import open_drafting

        drafting = open_drafting(
            env_id, goal, fitness=fitness, kwargs=given_kwargs, send_source=send_source, tell=tell
        )
        for file in reply or ():
            drafting.read(_text_of(file))
        if dry_run:
            output.result.print(drafting.text, markup=False, soft_wrap=True)
        elif model is None:
            task, folder = drafting.write(target), target or drafting.folder
            _show(output, task, folder, _open_problems(drafting))
        else:
            _by_model(output, drafting, model, target, settings)


def _refuse_source(send_source: bool) -> None:
    if send_source:
        raise UsageError(
            "--send-source shows the source to a model, but no model is named",
            "name one with --model",
        )


def _by_model(
    output: CommandOutput,
    drafting: TaskDrafting,
    model: str,
    target: Path | None,
    settings: Settings,
) -> None:
    """Let a model draft the task, and say what it cost."""
    from rewardsmith.api.task_drafts import draft_by_model

    made = draft_by_model(drafting, model, target, settings)
    if not output.json:
        cost = "unknown" if made.cost_usd is None else f"${made.cost_usd:.3f}"
        output.notes.print(f"{made.requests} requests to {model}, cost: {cost}")
    _show(output, made.task, made.folder, _open_problems(drafting))


def _open_problems(drafting: TaskDrafting) -> list[str]:
    return [f"not confirmed: {problem}" for problem in drafting.problems]


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}", "give a text file") from None


def _show(
    output: CommandOutput,
    task: Task,
    folder: Path,
    notes: Sequence[str],
    *,
    by_model: bool = True,
) -> None:
    """Print the folder and what is left to do."""
    if output.json:
        fields = [field.name for field in task.spec.fields]
        output.emit({"folder": str(folder), "fields": fields, "notes": list(notes)})
        return
    for note in notes:
        output.notes.print(f"note: {note}", style="yellow", markup=False, soft_wrap=True)
    output.result.print(str(folder), markup=False, soft_wrap=True)
    output.notes.print(_next_steps(task.spec, folder, by_model), markup=False, soft_wrap=True)


def _next_steps(spec: TaskSpec, folder: Path, by_model: bool) -> str:
    """What a draft leaves to its user, in words."""
    file = folder / "task.toml"
    if by_model:
        step = f"read {file}, its fitness above all"
    else:
        own = spec.fitness.source.startswith("fitness.py")
        parts = [*([] if spec.goal else ["goal"]), "fields", *([] if own else ["fitness"])]
        step = f"edit {', '.join(parts)} in {file}"
        step += f", define success in {folder / 'fitness.py'}" if own else ""
    return f"{step}; then: rewardsmith tasks check {folder}"
