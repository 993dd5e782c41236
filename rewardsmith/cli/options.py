"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli.complete import run_names, strategy_names, task_names

MaybeTask = Annotated[
    str | None,
    typer.Argument(help="A task, its folder, or an environment id.", autocompletion=task_names),
]
TaskArgument = Annotated[
    str, typer.Argument(help="A task, its folder, or an environment id.", autocompletion=task_names)
]
TaskOption = Annotated[
    str, typer.Option(help="A task, its folder, or an environment id.", autocompletion=task_names)
]
Goal = Annotated[
    str | None, typer.Option(help="What the agent must achieve, in words; a task has its own.")
]
Fitness = Annotated[
    str | None, typer.Option(help='For an environment id: native_return, or info["key"].')
]
RunName = Annotated[str, typer.Argument(help="Name or path of a run.", autocompletion=run_names)]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")]
Strategy = Annotated[
    str, typer.Option(help="Who decides what is done next.", autocompletion=strategy_names)
]
MaybeStrategy = Annotated[
    str | None,
    typer.Option(
        help="Who decides what is done next; eureka, and evolve without a model.",
        autocompletion=strategy_names,
    ),
]
Prompts = Annotated[Path | None, typer.Option(help="A folder whose templates override ours.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Trainings side by side; by default the number of cores.")
]
Executor = Annotated[str, typer.Option(help="Where trainings run; local, or of a plugin.")]
Gpus = Annotated[
    float | None,
    typer.Option(min=0.0, help="GPUs of each training: 0.25 lets four share one, 0 uses none."),
]
TrainingSteps = Annotated[
    int | None, typer.Option(min=1, help="Environment steps of each training; the task's own.")
]
StrategyOption = Annotated[
    list[str] | None,
    typer.Option("--option", "-O", metavar="NAME=VALUE", help="Of the strategy: rounds=2."),
]
Change = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Of the training: n_envs=8, learning_rate=1e-3.", metavar="NAME=VALUE"
    ),
]

Produce = Annotated[
    str | None,
    typer.Option(
        metavar="PARTS",
        help="What is written: reward, potential, subgoals, q_prior, several (a,b), or all.",
    ),
]
_KNOWN = "What is known before"
Bank = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RUN|FILE",
        help="Behaviour to judge programs on: of a run of this task, or recorded by tasks record.",
        autocompletion=run_names,
        rich_help_panel=_KNOWN,
    ),
]
UseExpert = Annotated[
    bool,
    typer.Option(
        "--use-expert", help="The task's own controller plays for it.", rich_help_panel=_KNOWN
    ),
]

_WRITER = "Who writes"
Model = Annotated[
    str | None,
    typer.Option(
        help="provider/name, or grammar; follows from the key that is set.", rich_help_panel=_WRITER
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="A server that speaks the provider's form.", rich_help_panel=_WRITER),
]
Replies = Annotated[
    Path | None, typer.Option(help="Recorded replies in place of a model.", rich_help_panel=_WRITER)
]
Ask = Annotated[
    bool, typer.Option("--ask", help="You write: with ask and tell.", rich_help_panel=_WRITER)
]
Replay = Annotated[
    str | None,
    typer.Option(
        metavar="RUN",
        help="Do again what RUN did, with its replies and its settings.",
        autocompletion=run_names,
        rich_help_panel=_WRITER,
    ),
]
ByPosition = Annotated[
    bool,
    typer.Option(
        "--by-position",
        help="With --replay: take replies whatever is asked.",
        rich_help_panel=_WRITER,
    ),
]
Temperature = Annotated[float | None, typer.Option(help="Of the model.", rich_help_panel=_WRITER)]
Effort = Annotated[
    str | None,
    typer.Option(
        help="How long the model may think: low, medium, high, ...", rich_help_panel=_WRITER
    ),
]
MaxOutput = Annotated[
    int,
    typer.Option(
        min=1, help="Tokens of an answer, hidden reasoning included.", rich_help_panel=_WRITER
    ),
]
Price = Annotated[
    str | None,
    typer.Option(
        metavar="IN,OUT",
        help="USD per million tokens, where no table has them.",
        rich_help_panel=_WRITER,
    ),
]
LlmTimeout = Annotated[
    float,
    typer.Option(help="Seconds that a request may go without an answer.", rich_help_panel=_WRITER),
]
LlmAtOnce = Annotated[
    int, typer.Option(min=1, help="Requests open at a time.", rich_help_panel=_WRITER)
]
LlmPerMinute = Annotated[
    float | None, typer.Option(help="Requests begun in a minute.", rich_help_panel=_WRITER)
]

_BUDGET = "Budget"
Usd = Annotated[
    float | None,
    typer.Option("--budget-usd", help="What the model may cost.", rich_help_panel=_BUDGET),
]
Calls = Annotated[
    int | None,
    typer.Option("--budget-calls", min=1, help="Requests to the model.", rich_help_panel=_BUDGET),
]
Tokens = Annotated[
    int | None,
    typer.Option(
        "--budget-tokens", min=1, help="Tokens, sent and received.", rich_help_panel=_BUDGET
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--budget-steps",
        min=1,
        help="Environment steps, evaluation included.",
        rich_help_panel=_BUDGET,
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option("--budget-minutes", help="Minutes; ends between rounds.", rich_help_panel=_BUDGET),
]
ConfirmAbove = Annotated[
    float,
    typer.Option(
        metavar="USD",
        help="Ask on a terminal before a run that may cost more.",
        rich_help_panel=_BUDGET,
    ),
]
AllowWeakSandbox = Annotated[
    bool,
    typer.Option(
        "--allow-weak-sandbox", help="Go on where code cannot be confined strongly; see doctor."
    ),
]
