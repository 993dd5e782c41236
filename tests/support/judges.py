"""Models that compare two episodes of the line world, for tests of ``label --judge``."""

from __future__ import annotations

import re
from typing import Any


def ends(body: dict[str, Any]) -> list[float]:
    """The last position of the two episodes of a request."""
    text = body["messages"][-1]["content"]
    parts = re.split(r"## Episode [AB]:", text)[1:]
    rows = [[line for line in part.splitlines() if re.match(r"\| \d", line)] for part in parts]
    return [float(lines[-1].split("|")[2]) for lines in rows]


def fair(body: dict[str, Any]) -> str:
    """The answer that the episode is better that ends further right."""
    a, b = ends(body)
    better = "A" if a > b else "B" if b > a else "same"
    said = f"A ends at {a}, B at {b}.\nB or A stands further right."
    return f"{said}\n\n**Better: {better}**"
