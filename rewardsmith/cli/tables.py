"""The table that commands print."""

from __future__ import annotations

from rich.table import Table


def column_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table with a bold header and no lines.

    Args:
        columns: the headers.
        right: the headers of columns that are aligned to the right.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table
