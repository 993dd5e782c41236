"""The table that compares runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from rewardsmith.cli.tables import column_table
from rewardsmith.run.wording import duration, number
from rewardsmith.types import Interval

if TYPE_CHECKING:
    pass


def comparison_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows as a table."""
    table = column_table()
    names = (
        "run",
        "written by",
        "fitness",
        "native",
        "cost",
        "environment steps",
        "time",
        "difference to the first",
        "STARC distance",
        "EPIC distance",
    )
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = [
            _shown(row["fitness"]),
            _shown(row["native"]),
            row["cost"],
            f"{row['steps']:,}",
            duration(row["active_s"]),
        ]
        apart = number(row["apart"]), number(row["apart_epic"])
        table.add_row(row["run"], row["written_by"], *cells, row["proof"], *apart)
    return table


def _shown(score: dict[str, Any] | None) -> str:
    return (
        "-"
        if score is None
        else str(Interval(score["mean"], score["low"], score["high"], score["seeds"]))
    )
