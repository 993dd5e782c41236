"""The comparison of runs and train results as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from rewardsmith.api.comparison import ComparedRun
from rewardsmith.cli.tables import column_table
from rewardsmith.run.wording import duration, number


def comparison_table(rows: Sequence[ComparedRun]) -> Table:
    """The measures as a table with one column per run."""
    table = column_table("", *(row.run for row in rows))
    columns = [_measures(row) for row in rows]
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    return table


def _measures(row: ComparedRun) -> dict[str, str]:
    return {
        "written by": row.written_by,
        "fitness": str(row.fitness),
        "native reward": "-" if row.native is None else str(row.native),
        "steps of a training": f"{row.training_steps:,}",
        "cost": row.cost,
        "environment steps": f"{row.steps:,}",
        "time": duration(row.active_s),
        "STARC distance": number(row.apart),
        "EPIC distance": number(row.apart_epic),
    }


def comparison_lines(rows: Sequence[ComparedRun]) -> list[str]:
    """The differences from the first in words, and how the trainings differ."""
    first, *others = rows
    lines = []
    for row in others:
        lines.append(f"{row.run} compared with {first.run}: {row.proof}")
        lines += [row.note] if row.note else []
    return lines
