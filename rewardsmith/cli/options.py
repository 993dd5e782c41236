"""Arguments and options that several commands share and that are not settings of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli.complete import result_names, run_names, task_names

ALL_SETTINGS = ("*",)  # in place of names of settings
_TASK = "Name of a task, path of a task folder, or environment id."
MaybeTask = Annotated[str | None, typer.Argument(help=_TASK, autocompletion=task_names)]
TaskArgument = Annotated[str, typer.Argument(help=_TASK, autocompletion=task_names)]
TaskOption = Annotated[str, typer.Option(help=_TASK, autocompletion=task_names)]
Goal = Annotated[
    str | None,
    typer.Option(help="What the agent must achieve, in words; by default the task's own goal."),
]
Fitness = Annotated[
    str | None,
    typer.Option(help='Fitness of the task, for an environment id: native_return, or info["key"].'),
]
_NAMED = "its name or path, a part of the name (the beginning, the end, the digits), or: last."
RunName = Annotated[str, typer.Argument(help=f"A run: {_NAMED}", autocompletion=run_names)]
ResultName = Annotated[
    str,
    typer.Argument(help=f"A run or a result of train: {_NAMED}", autocompletion=result_names),
]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Number of concurrent trainings; by default the number of cores."),
]
Executor = Annotated[
    str,
    typer.Option(
        metavar="NAME[:ADDRESS]",
        help="Executor that runs the trainings: local, ray, or one from a plugin.",
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        min=0.0, help="GPUs for each training: 0.25 lets four trainings share one, 0 uses none."
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Serve a page on this machine that follows the run.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")]
OpenPage = Annotated[bool, typer.Option("--open", help="Open the page in a browser.")]
ConfirmAbove = Annotated[
    float,
    typer.Option(
        metavar="USD",
        help="On a terminal, ask for confirmation before a run that may cost more than this.",
    ),
]
