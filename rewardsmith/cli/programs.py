"""check, audit, train: commands that take a program in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.complete import task_names
from rewardsmith.cli.values import execution
from rewardsmith.errors import NoProgram, UsageError

if TYPE_CHECKING:
    from rewardsmith.api.auditing import ExploitReport
    from rewardsmith.api.native import NativeAudit
    from rewardsmith.api.settings import Settings

File = Annotated[
    Path, typer.Argument(help="Python file of a program, or a reply of a model (.md, .txt).")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    _add_check(app)
    _add_audit(app)
    _add_train(app)


def _add_check(app: typer.Typer) -> None:
    @command(app, "check")
    def check(
        output: CommandOutput,
        file: File,
        task: given.TaskOption,
        goal: given.Goal = None,
        run: Annotated[
            str | None,
            typer.Option(
                help="Run whose episodes are used; by default the latest run of the task."
            ),
        ] = None,
        episodes: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE",
                help="File of recorded episodes to use instead of a run; see tasks record.",
            ),
        ] = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Check a program: report errors, term ranges, speed, and how it ranks recorded episodes.

        The exit code is 5 if the program is refused.
        """
        from rewardsmith.api.checking import check
        from rewardsmith.cli.checks import emit_check, show_check
        from rewardsmith.cli.live import watching

        with watching(output) as view:
            found = check(
                file, task, goal=goal, run=run, episodes=episodes, runs=runs, observer=view
            )
        if output.json:
            emit_check(output, found)
        else:
            show_check(output, found)
        if not found.verdict.accepted:
            raise typer.Exit(NoProgram.exit_code)


def _add_audit(app: typer.Typer) -> None:
    @command(app, "audit", settings=("steps", "bank", "device"))
    def audit(
        output: CommandOutput,
        settings: Settings,
        audited: Annotated[
            str,
            typer.Argument(
                metavar="FILE|TASK",
                help="Python file of a program; or a task, whose native reward is then audited.",
            ),
        ],
        task: Annotated[
            str | None,
            typer.Option(
                help="Task of the program: its name, its folder, or an environment id.",
                autocompletion=task_names,
            ),
        ] = None,
        goal: given.Goal = None,
        fitness: given.Fitness = None,
        seeds: Annotated[
            int, typer.Option(min=1, help="Number of trainings, each with its own seed.")
        ] = 5,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Search a reward for exploits: failures that it prefers to success.

        The reward is that of a program, or the native reward of a task. Agents are trained with it,
        and agents that look for reward without success. The exit code is 5 if an exploit is found.
        """
        from rewardsmith.api.auditing import audit
        from rewardsmith.api.checking import resolve_without_goal
        from rewardsmith.api.native import audit_native
        from rewardsmith.cli.live import watching

        if task is None and Path(audited).is_file():
            raise UsageError(f"{audited} is a program, so its task is needed", "add --task TASK")
        resolved = resolve_without_goal(task or audited, goal, fitness)
        common: dict[str, Any] = {
            "seeds": seeds,
            "steps": settings.steps,
            "device": settings.device,
            "runs": runs,
            **execution(executor, workers, gpus),
        }
        with watching(output) as view:
            result: ExploitReport | NativeAudit = (
                audit_native(resolved, **common, observer=view)
                if task is None
                else audit(Path(audited), resolved, **common, bank=settings.bank, observer=view)
            )
        _show_audit(output, result)
        if result.exploits.verdict == "exploited":
            raise typer.Exit(NoProgram.exit_code)


def _show_audit(output: CommandOutput, result: ExploitReport | NativeAudit) -> None:
    from rewardsmith.api.auditing import ExploitReport
    from rewardsmith.run.wording import exploit_line, number

    if isinstance(result, ExploitReport):
        audited, folder, rows = result.program, result.run.path, list[tuple[str, str]]()
    else:
        audited, folder = "native reward", result.folder
        share = "-" if result.in_order is None else f"{result.in_order:.0%}"
        rows = [
            ("in order", f"{share} of pairs; rank agreement (TAC) {number(result.agreement)}"),
            ("farmed", result.farmed),
            ("constant", ", ".join(result.constant)),
        ]
    if output.json:
        known = {} if isinstance(result, ExploitReport) else _native_record(result)
        found = result.exploits.model_dump()
        output.emit({"fitness": result.fitness, **found, **known, "run": str(folder)})
        return
    console = output.result
    console.print(Text("audited ", "bold").append(f"{audited}  fitness {result.fitness}"))
    console.print(Text("exploits ", "bold").append(exploit_line(result.exploits)))
    for label, text in rows:
        if text:
            console.print(Text(f"{label} ", "bold").append(text))
    console.print(str(folder), markup=False, soft_wrap=True)


def _native_record(result: NativeAudit) -> dict[str, Any]:
    names = ("in_order", "agreement", "farmed", "constant")
    return {name: getattr(result, name) for name in names}


def _add_train(app: typer.Typer) -> None:
    @command(app, "train", settings=("steps", "training", "trainer", "device"))
    def train(
        output: CommandOutput,
        settings: Settings,
        file: File,
        task: given.TaskOption,
        goal: given.Goal = None,
        seeds: Annotated[
            int, typer.Option(min=1, help="Number of trainings, each with its own seed.")
        ] = 5,
        native: Annotated[
            bool, typer.Option("--native", help="Also train with the native reward, and compare.")
        ] = False,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Train agents with the reward of a program, and measure their fitness."""
        from rewardsmith.api.checking import resolve_without_goal
        from rewardsmith.api.training import train_program
        from rewardsmith.cli.live import watching
        from rewardsmith.cli.trainings import print_training, training_record

        resolved = resolve_without_goal(task, goal).with_training(settings.training_changes)
        with watching(output) as view:
            result = train_program(
                file,
                resolved,
                seeds=seeds,
                steps=settings.steps,
                native=native,
                device=settings.device,
                **execution(executor, workers, gpus),
                runs=runs,
                observer=view,
            )
        if output.json:
            output.emit(training_record(result))
        else:
            print_training(output, result)
        if result.score is None:
            raise typer.Exit(NoProgram.exit_code)
