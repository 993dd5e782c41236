"""show, list, export, report, compare: commands that read runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command, until_interrupted
from rewardsmith.cli.complete import result_names
from rewardsmith.cli.tables import column_table
from rewardsmith.errors import RewardsmithError

if TYPE_CHECKING:
    from rewardsmith.api.runs import Run
    from rewardsmith.run.folder import RunFolder
    from rewardsmith.run.state import RunState


@dataclass(frozen=True)
class RunRow:
    """A run or a train result in the list; a damaged one has only a name, a path and a status."""

    run: str
    kind: str
    created: str = ""
    written_by: str = ""
    status: str = ""
    fitness: str = ""
    path: str = ""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""

    @command(app, "show")
    def show(
        output: CommandOutput, run: given.ResultName, runs: given.RunsFolder = Path("runs")
    ) -> None:
        """Show the state of a run: its programs, trainings, cost and best program.

        Of the result of train: the fitness of each seed, the failures, the policy and the program.
        """
        from rewardsmith.run.names import open_result

        folder = open_result(run, runs)
        if output.json:
            output.emit(_record(folder))
        elif folder.kind == "train":
            _show_training(output, folder)
        else:
            from rewardsmith.api.runs import Run

            _show(output, Run(folder))

    @command(app, "list")
    def list_(output: CommandOutput, runs: given.RunsFolder = Path("runs")) -> None:
        """List the runs and the results of train in a folder, the newest last."""
        from rewardsmith.run.names import list_results

        rows = [_row(folder) for folder in list_results(runs)]
        if output.json:
            output.emit(rows)
            return
        if not rows:
            output.notes.print(f"no runs in {runs}; start one with: rewardsmith demo", markup=False)
            return
        table = column_table()
        for name in ("run", "kind", "created", "written by", "status", "fitness"):
            table.add_column(
                name,
                no_wrap=name in ("run", "kind", "fitness"),
                overflow="ellipsis" if name != "run" else "fold",
            )
        for row in rows:
            table.add_row(row.run, row.kind, row.created, row.written_by, row.status, row.fitness)
        output.result.print(table)

    _add_export(app)
    _add_report(app)
    _add_watch(app)
    _add_compare(app)


def _add_export(app: typer.Typer) -> None:
    @command(app, "export")
    def export(
        output: CommandOutput,
        run: given.RunName,
        target: Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                help="Folder, or path of the reward file; by default export/ in the run.",
            ),
        ] = None,
        program: Annotated[
            str | None,
            typer.Option(help="Id of a program, or the beginning of it; by default the best one."),
        ] = None,
        seed: Annotated[
            int | None,
            typer.Option(
                help="Training seed of the policy; by default that of the highest validation "
                "fitness."
            ),
        ] = None,
        onnx: Annotated[bool, typer.Option("--onnx", help="Write the policy as ONNX too.")] = False,
        hub: Annotated[
            str | None,
            typer.Option(
                metavar="USER/NAME",
                help="Upload the export to this repository of the Hugging Face Hub.",
            ),
        ] = None,
        private: Annotated[
            bool, typer.Option("--private", help="Make a private repository if there is none.")
        ] = False,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Export a program: its reward file, its results and a trained policy."""
        from rewardsmith.api.runs import load_run

        folder = load_run(run, runs).export(
            target, program=program, seed=seed, onnx=onnx, hub=hub, private=private
        )
        reward = folder / (
            target.name if target is not None and target.suffix == ".py" else "reward.py"
        )
        if output.json:
            output.emit({"folder": str(folder), "reward": str(reward)})
        else:
            output.result.print(str(reward), markup=False, soft_wrap=True)
            from rewardsmith.api.export.bundle import policy_prefix

            beside = ", ".join(
                f"{policy_prefix(reward.name)}{name}" for name in ("policy.zip", "vecnormalize.pkl")
            )
            output.notes.print(
                f"in the same folder: {reward.stem}.json, {beside} (if there is one)", markup=False
            )


def _add_report(app: typer.Typer) -> None:
    @command(app, "report")
    def report(
        output: CommandOutput,
        run: given.RunName,
        target: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="File to write; by default report.html in the run."
            ),
        ] = None,
        open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Write the report of a run as one HTML file: result, curves, programs, changes, cost."""
        from rewardsmith.api.runs import load_run

        path = load_run(run, runs).report(target)
        if output.json:
            output.emit({"report": str(path)})
        else:
            output.result.print(str(path), markup=False, soft_wrap=True)
        if open_:
            typer.launch(str(path))


def _add_watch(app: typer.Typer) -> None:
    @command(app, "watch")
    def watch(
        output: CommandOutput,
        run: given.RunName,
        port: given.Port = 0,
        open_: given.OpenPage = False,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Serve a page on this machine that follows RUN; comments for the writer go there too."""
        from rewardsmith.api.report.live import live_page
        from rewardsmith.api.runs import load_run

        page = live_page(load_run(run, runs), port)
        with page.serving():
            if output.json:
                output.emit({"url": page.url})
            else:
                output.result.print(page.url, markup=False, soft_wrap=True)
                output.notes.print("Ctrl-C ends the page, not the run", markup=False)
            output.stream.flush()
            if open_:
                typer.launch(page.url)
            until_interrupted()


def _add_compare(app: typer.Typer) -> None:
    @command(app, "compare")
    def compare(
        output: CommandOutput,
        names: Annotated[
            list[str],
            typer.Argument(
                metavar="RUN RUN...",
                help="Runs and results of train of one task; the others are compared with the "
                "first. Each is named as in: rewardsmith show.",
                autocompletion=result_names,
            ),
        ],
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Compare runs of one task: fitness, cost, and whether the differences are significant.

        Their step budgets may differ; a sentence below the table says so.
        """
        from rewardsmith.api.comparison import compared, program_difference
        from rewardsmith.cli.comparison import comparison_lines, comparison_table
        from rewardsmith.run.names import open_result

        found = [open_result(name, runs) for name in names]
        rows = compared(found)
        if output.json:
            output.emit(rows)
            return
        output.result.print(comparison_table(rows), "")
        for line in comparison_lines(rows):
            output.result.print(line, markup=False, soft_wrap=True)
        output.result.print()
        output.code(program_difference(*found[:2]), "diff")


def status(folder: RunFolder, state: RunState) -> str:
    """The status of a run in a word or two."""
    if folder.in_use:
        return "running"
    if folder.kind == "train":
        owed = state.admitted.keys() - state.trials.keys()
        return "interrupted" if owed else "done" if state.best else "failed"
    if state.exported:
        return "done"
    if state.stopped is not None and not state.ranked():
        return "no program"
    from rewardsmith.api.runs import Run
    from rewardsmith.api.search import waits_for_reply

    return "waiting" if waits_for_reply(Run(folder)) else "interrupted"


def _record(folder: RunFolder) -> dict[str, Any]:
    """What show prints, for ``--json``."""
    from rewardsmith.api.runs import Run
    from rewardsmith.api.training import train_result
    from rewardsmith.cli.results import run_result
    from rewardsmith.cli.trainings import training_record
    from rewardsmith.run.events import fold

    state = fold(folder.events())
    shown, program = {"kind": folder.kind, "status": status(folder, state)}, state.best
    if folder.kind == "train":
        result = train_result(folder)
        shown, program = {**training_record(result), **shown}, result.program
    else:
        shown = {**vars(run_result(Run(folder))), **shown}
    return {**shown, "source": folder.program(program).source if program else None}


def _show_training(output: CommandOutput, folder: RunFolder) -> None:
    from rewardsmith.api.training import train_result
    from rewardsmith.cli.trainings import print_training
    from rewardsmith.run.events import fold

    result = train_result(folder)
    standing = status(folder, fold(folder.events()))
    output.result.print(Text(folder.name, "bold").append(f"  {standing}", "not bold cyan"))
    output.result.print(Text(folder.task().goal), "")
    print_training(output, result)
    output.result.print()
    output.code(folder.program(result.program).source, "python")


def _show(output: CommandOutput, run: Run) -> None:
    from rewardsmith.cli.checks import show_appraisal
    from rewardsmith.cli.live import command_name
    from rewardsmith.cli.summary import summary
    from rewardsmith.cli.view import bars, program_table, trial_table
    from rewardsmith.evidence.appraisal import appraise_in_run
    from rewardsmith.run.wording import screening_counts, spent

    console = output.result
    folder, state, task = run.folder, run.state, run.folder.task()
    standing = status(folder, state)
    running = folder.unfinished_trials() if standing == "running" else []
    console.print(Text(folder.name, "bold").append(f"  {standing}", "not bold cyan"))
    console.print(Text(task.goal), "")
    for warning in state.preflight.warnings if state.preflight is not None else ():
        console.print(Text(f"warning: {warning}", "yellow"), "")
    if state.slots:
        console.print(program_table(state, running), "")
    for slot, entry in sorted(state.slots.items()) if output.verbose else ():
        for finding in entry.findings:
            console.print(f"{slot}: {finding}", markup=False, soft_wrap=True)
    if running:
        console.print(bars(running, len(running), console.options.ascii_only), "")
    if state.trials:
        console.print(trial_table(state), "")
    if state.stopped is not None:
        console.print(f"search ended: {state.stopped}", markup=False)
    if standing in ("interrupted", "waiting"):
        command = "resume" if standing == "interrupted" else "ask"
        console.print(
            f"continue with: rewardsmith {command} {command_name(run.path)}",
            markup=False,
            soft_wrap=True,
        )
    if not state.ranked():
        if screening_counts(state):
            console.print(f"screened on recorded episodes: {screening_counts(state)}")
        console.print(f"no program has a score so far; spent {spent(state)}")
        return
    console.print(summary(run), "")
    known = appraise_in_run(folder, state, run.best.id) if output.verbose else None
    if known is not None:
        show_appraisal(output, known)
        console.print()
    output.code(run.best.source, "python")


def _row(folder: RunFolder) -> RunRow:
    from rewardsmith.run.events import fold
    from rewardsmith.run.scores import final_score

    row = RunRow(folder.name, folder.kind, path=str(folder.path))
    try:
        manifest, asked, state = folder.manifest(), folder.asked(), fold(folder.events())
    except RewardsmithError as error:
        return replace(row, status=f"damaged: {error.message}")
    score = final_score(state, state.best)[1] if state.best else None
    return replace(
        row,
        created=manifest["created"][:16].replace("T", " "),
        written_by=asked.written_by,
        status=status(folder, state),
        fitness=str(score) if score is not None and state.has_fitness else "",
    )
