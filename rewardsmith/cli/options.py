"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli.complete import run_names, strategy_names, task_names

TaskArgument = Annotated[
    str, typer.Argument(help="A task, its folder, or an environment id.", autocompletion=task_names)
]
TaskOption = Annotated[str, typer.Option(help="A task, its folder, or an environment id.", autocompletion=task_names)]
Goal = Annotated[str | None, typer.Option(help="What the agent must achieve, in words; a task has its own.")]
Fitness = Annotated[str | None, typer.Option(help='For an environment id: native_return, or info["key"].')]
RunName = Annotated[str, typer.Argument(help="Name or path of a run.", autocompletion=run_names)]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")]
Strategy = Annotated[str, typer.Option(help="Who decides what is done next.", autocompletion=strategy_names)]
Prompts = Annotated[Path | None, typer.Option(help="A folder whose templates override ours.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Trainings side by side; by default the number of cores.")]
TrainingSteps = Annotated[int | None, typer.Option(min=1, help="Environment steps of each training; the task's own.")]
StrategyOption = Annotated[
    list[str] | None, typer.Option("--option", "-O", metavar="NAME=VALUE", help="Of the strategy: rounds=2.")
]
Change = Annotated[
    list[str] | None,
    typer.Option("--set", help="Of the training: n_envs=8, learning_rate=1e-3.", metavar="NAME=VALUE"),
]

_BUDGET = "Budget"
Tokens = Annotated[
    int | None, typer.Option("--budget-tokens", min=1, help="Tokens, sent and received.", rich_help_panel=_BUDGET)
]
Steps = Annotated[
    int | None,
    typer.Option("--budget-steps", min=1, help="Environment steps, evaluation included.", rich_help_panel=_BUDGET),
]
Minutes = Annotated[
    float | None, typer.Option("--budget-minutes", help="Minutes; ends between rounds.", rich_help_panel=_BUDGET)
]
AllowWeakSandbox = Annotated[
    bool, typer.Option("--allow-weak-sandbox", help="Go on where code cannot be confined strongly; see doctor.")
]
