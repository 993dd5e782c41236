"""schedule: how long a run would take on other numbers of cores."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.tables import column_table

_COLUMNS = ("cores", "time", "trainings", "replies", "rest", "cores busy")
_USUAL = (1, 2, 16, 64, 1000)


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "schedule")
    def schedule(
        output: CommandOutput,
        run: given.RunName,
        cores: Annotated[
            list[int] | None, typer.Option(min=1, help="Number of cores; can be repeated.")
        ] = None,
        measured_with: Annotated[
            int | None,
            typer.Option(min=1, help="Cores that the run had; by default those of this machine."),
        ] = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Simulate how long a run would take on other numbers of cores, from what it recorded."""
        from rewardsmith.api.schedule import schedules
        from rewardsmith.run.names import open_run
        from rewardsmith.run.wording import duration

        found = schedules(open_run(run, runs), cores or _USUAL, measured_with)
        if output.json:
            output.emit([asdict(one) for one in found])
            return
        table = column_table(*_COLUMNS, right=_COLUMNS)
        for one in found:
            seconds = (one.total_s, one.training_s, one.waiting_s, one.driver_s)
            table.add_row(str(one.cores), *map(duration, seconds), f"{one.busy:.0%}")
        output.result.print(table)
