"""show, list, export: commands that look at runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rewardsmith.cli.command import Output, command
from rewardsmith.cli.complete import run_names

RunName = Annotated[str, typer.Argument(help="Name or path of a run.", autocompletion=run_names)]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder that holds the runs.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""

    @command(app, "show")
    def show(output: Output, run: RunName, runs: RunsFolder = Path("runs")) -> None:
        """What a run did so far, and its best program."""
        from rewardsmith.api import load_run
        from rewardsmith.cli.summary import program_table, source_of_best, summary, summary_json

        found = load_run(run, runs)
        if output.json:
            output.emit(summary_json(found))
            return
        state = found.state
        output.result.print(f"[bold]{found.folder.name}[/]  {found.folder.task().goal}", soft_wrap=True)
        output.result.print(program_table(state, one_line=not output.verbose))
        if state.ranked():
            output.result.print(summary(found))
            output.result.print(source_of_best(found))
        else:
            output.result.print(f"no program has a score yet; {state.stopped or 'the run is not finished'}")

    @command(app, "list")
    def list_(output: Output, runs: RunsFolder = Path("runs")) -> None:
        """The runs in a folder."""
        from rich.table import Table

        rows = [_row(folder) for folder in _folders(runs)]
        if output.json:
            output.emit(rows)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("run", "created", "written by", "state", "best fitness"):
            table.add_column(name, overflow="fold", no_wrap=name == "run")
        for row in rows:
            table.add_row(row["run"], row["created"], row["written_by"], row["state"], row["fitness"])
        output.result.print(table if rows else f"no runs in {runs}")

    @command(app, "export")
    def export(
        output: Output,
        run: RunName,
        target: Annotated[
            Path | None, typer.Option("-o", "--output", help="A folder, or a name for reward.py.")
        ] = None,
        runs: RunsFolder = Path("runs"),
    ) -> None:
        """Write the best program's reward file, its proof and the policy."""
        from rewardsmith.api import load_run

        folder = load_run(run, runs).export(target)
        if output.json:
            output.emit({"folder": str(folder), "files": sorted(file.name for file in folder.iterdir())})
        else:
            output.result.print(str(folder), soft_wrap=True)


def _folders(runs: Path) -> list[Any]:
    from rewardsmith.store import list_runs

    return list_runs(runs)


def _row(folder: Any) -> dict[str, Any]:
    from rewardsmith.errors import RewardsmithError
    from rewardsmith.state import fold

    try:
        manifest, state = folder.manifest(), fold(folder.events())
    except RewardsmithError as error:
        return {"run": folder.name, "created": "", "written_by": "", "state": error.message, "fitness": ""}
    ranked = state.ranked()
    score = (state.score(ranked[0], "report") or state.score(ranked[0])) if ranked else None
    return {
        "run": folder.name,
        "created": manifest["created"],
        "written_by": manifest["config"]["model"] or manifest["config"]["replies"],
        "state": "exported" if state.exported else state.stopped or "not finished",
        "fitness": str(score) if score is not None else "",
    }
