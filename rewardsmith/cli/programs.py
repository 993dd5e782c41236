"""check, train: commands for a program in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardsmith.cli.command import Output, command
from rewardsmith.cli.complete import task_names
from rewardsmith.errors import NoProgram, RewardsmithError, UsageError

if TYPE_CHECKING:
    from rewardsmith.program import Verdict
    from rewardsmith.task.loading import Task
    from rewardsmith.types import Columns

File = Annotated[Path, typer.Argument(help="A Python file that defines reward(...).")]
TaskName = Annotated[str, typer.Option(help="A task, or an environment id.", autocompletion=task_names)]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""

    @command(app, "check")
    def check(
        output: Output,
        file: File,
        task: TaskName,
        goal: Annotated[str | None, typer.Option(help="For an environment id.")] = None,
        run: Annotated[str | None, typer.Option(help="Whose trained behaviour to look at; the latest.")] = None,
        runs: RunsFolder = Path("runs"),
    ) -> None:
        """What is wrong with a program, how its terms range, and how fast it is."""
        from rewardsmith.api import check_program
        from rewardsmith.planning import resolve_task

        resolved = resolve_task(task, goal)
        source = _read(file)
        verdict = check_program(source, resolved)
        trained = _on_trained(source, verdict, resolved, run, runs) if verdict.accepted else None
        if output.json:
            output.emit(_verdict_json(verdict, trained))
        else:
            _show_verdict(output, verdict, trained)
        if not verdict.accepted:
            raise typer.Exit(NoProgram.exit_code)

    @command(app, "train")
    def train(
        output: Output,
        file: File,
        task: TaskName,
        seeds: Annotated[int, typer.Option(help="Trainings.", min=1)] = 5,
        steps: Annotated[int | None, typer.Option(help="Environment steps of each; the task's.")] = None,
        native: Annotated[bool, typer.Option("--native", help="Train the native reward too.")] = False,
        change: Annotated[list[str] | None, typer.Option("--set", help="Of [training]: n_envs=8, gamma=0.98.")] = None,
        device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
        workers: Annotated[int | None, typer.Option(help="Trainings side by side.")] = None,
        runs: RunsFolder = Path("runs"),
    ) -> None:
        """Train agents under a program, and measure their fitness."""
        from rewardsmith.cli.design import training_changes
        from rewardsmith.cli.live import watching
        from rewardsmith.planning import resolve_task
        from rewardsmith.training_runs import train as train_file

        resolved = resolve_task(task).with_training(training_changes(change))
        with watching(output) as view:
            result = train_file(
                file,
                resolved,
                seeds=seeds,
                steps=steps,
                native=native,
                device=device,
                workers=workers,
                runs=runs,
                observer=view,
            )
        if output.json:
            scores = {"fitness": result.score, "native": result.native}
            plain = {name: None if score is None else score.__dict__ for name, score in scores.items()}
            output.emit({"program": result.program, "folder": str(result.folder), **plain, "failures": result.failures})
            return
        for failure in result.failures:
            output.notes.print(f"a training ended early: {failure}", style="yellow", markup=False)
        output.result.print(f"program {result.program}  fitness {result.score if result.score is not None else '-'}")
        if result.native is not None:
            output.result.print(f"native reward         fitness {result.native}")
        output.result.print(f"{result.folder}", soft_wrap=True)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}", "give the path of a Python file") from None


def _on_trained(source: str, verdict: Verdict, task: Task, run: str | None, runs: Path) -> dict[str, Any] | None:
    """Term ranges on what agents did that were trained in a run of the same task; None where there is none."""
    from rewardsmith.bank import shapes_in
    from rewardsmith.sandbox.host import ProgramHost

    found = _trained_columns(task, run, runs)
    if found is None or "reward" not in verdict.entries:
        return None
    name, columns = found
    rows = len(next(iter(columns.values())))
    host = ProgramHost(
        source, verdict.entries["reward"], shapes_in(columns), capacity=512, style=verdict.style or "batched"
    )
    try:
        output = host({argument: columns[argument] for argument in host.arguments})
    finally:
        host.close()
    terms = dict(output.terms) or {"total": output.total}
    ranges = {term: (float(v.min()), float(v.mean()), float(v.max())) for term, v in terms.items()}
    return {"run": name, "transitions": rows, "terms": ranges}


def _trained_columns(task: Task, run: str | None, runs: Path) -> tuple[str, Columns] | None:
    from rewardsmith.episodes import joined_columns, load_episodes
    from rewardsmith.export.bundle import shipped_trial
    from rewardsmith.recorder import recorded_env
    from rewardsmith.state import fold
    from rewardsmith.store import list_runs, open_run

    for folder in [open_run(run, runs)] if run is not None else reversed(list_runs(runs)):
        try:
            state = fold(folder.events())
            if folder.manifest()["task_digest"] != task.digest or not state.ranked():
                continue
        except RewardsmithError:
            continue  # a damaged run is no reason not to check a file
        trial = shipped_trial(state, state.ranked()[0])
        episodes = load_episodes(folder.trial_folder(trial.program, trial.rung, trial.seed) / "episodes.npz")
        _, buffers = recorded_env(task)
        return folder.name, joined_columns(episodes, buffers.layout.arguments)
    return None


def _show_verdict(output: Output, verdict: Verdict, trained: dict[str, Any] | None) -> None:
    from rich.table import Table

    from rewardsmith.cli.summary import number

    word = "[bold green]accepted[/]" if verdict.accepted else f"[bold red]refused[/] at the {verdict.stage} checks"
    output.result.print(word)
    for finding in verdict.findings:
        output.result.print(f"  {finding}", markup=False, soft_wrap=True)
    for entry in verdict.entries.values():
        output.result.print(f"{entry.name}({', '.join(entry.arguments)})", markup=False, style="cyan")
    if verdict.style is not None and verdict.us_per_transition is not None:
        output.result.print(f"{verdict.style}, {number(verdict.us_per_transition)} us per transition")
    if not verdict.terms:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("term", "random: low", "mean", "high", *(("trained: low", "mean", "high") if trained else ())):
        table.add_column(name, justify="left" if name == "term" else "right")
    for term, ranges in verdict.terms.items():
        more = trained["terms"].get(term, (None, None, None)) if trained else ()
        table.add_row(term, *map(number, ranges), *map(number, more))
    output.result.print(table)
    if trained:
        output.result.print(f"trained: {trained['transitions']:,} transitions of the best agent of {trained['run']}")


def _verdict_json(verdict: Verdict, trained: dict[str, Any] | None) -> dict[str, Any]:
    import dataclasses

    return {"accepted": verdict.accepted, **dataclasses.asdict(verdict), "trained": trained}
