"""The comparison of runs and train results as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from rewardsmith.api.comparison import ComparedRun
from rewardsmith.cli.tables import column_table
from rewardsmith.run.wording import duration, number


def comparison_table(rows: Sequence[ComparedRun]) -> Table:
    """The rows as a table."""
    table = column_table()
    names = (
        "run",
        "written by",
        "fitness",
        "native",
        "steps of a training",
        "cost",
        "environment steps",
        "time",
        "STARC distance",
        "EPIC distance",
    )
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name == "run")
    for row in rows:
        cells = [
            str(row.fitness),
            "-" if row.native is None else str(row.native),
            f"{row.training_steps:,}",
            row.cost,
            f"{row.steps:,}",
            duration(row.active_s),
        ]
        apart = number(row.apart), number(row.apart_epic)
        table.add_row(row.run, row.written_by, *cells, *apart)
    return table


def comparison_lines(rows: Sequence[ComparedRun]) -> list[str]:
    """The differences from the first in words, and how the trainings differ."""
    first, *others = rows
    lines = []
    for row in others:
        lines.append(f"{row.run} compared with {first.run}: {row.proof}")
        lines += [row.note] if row.note else []
    return lines
