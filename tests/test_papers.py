"""docs/papers.md: what it names exists, its counts are right, and its numbers are in the benchmarks."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import rewardsmith as rs
from rewardsmith.sandbox.codes import CODES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
PAPER = re.compile(r"\]\((https://(?:arxiv\.org/abs|doi\.org)/[^)]+)\)$")
FULL, PART, NOT_YET = "**in full**: ", "**in part**: ", "not here yet"


class Row(NamedTuple):
    """A row of a table of papers."""

    paper: str
    here: str
    shown_by: str
    claim: str
    differs: str


@cache
def rows() -> list[Row]:
    tables = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)
    cells = (line.split(" | ") for line in tables)
    return [Row(*found) for found in cells if len(found) == 5 and found[0] != "paper"]


def resolves(name: str) -> bool:
    """Whether a dotted name is a module of the package, or something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            found = getattr(found, part, None)
        return found is not None
    return False


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def wrong_names(text: str) -> set[str]:
    """The names in code font that do not exist."""
    strategies = {info.name for info in rs.strategies()}
    commands = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    wrong = set()
    for code in re.findall(r"`([^`]+)`", text):
        if test := re.fullmatch(r"(tests/[\w/]+\.py)::(\w+)", code):
            good = test[2] in functions(ROOT / test[1])
        elif code.startswith(("tests/", "benchmarks/")):
            good = (ROOT / code).exists()
        elif code.startswith("rs."):
            good = code.removeprefix("rs.") in rs.__all__
        elif code.startswith("--strategy "):
            good = code.removeprefix("--strategy ") in strategies
        elif code.startswith("rewardsmith "):
            good = f"rewardsmith {code.split()[1]}" in commands
        else:
            good = not code.startswith("rewardsmith.") or resolves(code)
        if not good:
            wrong.add(code)
    return wrong | (set(re.findall(r"\bRS\d{3}\b", text)) - set(CODES))


def test_everything_that_the_page_names_exists() -> None:
    assert wrong_names(PAGE) == set()


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_papers.py::test_nothing",
        "tests/test_nothing.py::test_nothing",
        "benchmarks/results/nothing.json",
        "rs.nothing",
        "--strategy nothing",
        "rewardsmith nothing",
        "rewardsmith.maths.nothing",
        "rewardsmith.maths.relevance.Nothing",
    ],
)
def test_a_name_that_does_not_exist_is_found(name: str) -> None:
    assert wrong_names(f"see `{name}`, and `rs.design`") == {name}


def test_there_is_one_row_for_each_paper_and_the_counts_are_right() -> None:
    links = [PAPER.search(row.paper) for row in rows()]
    assert all(links) and len({link[1] for link in links if link}) == len(links) == 119
    kinds = [
        next((kind for kind in (FULL, PART, NOT_YET) if row.here.startswith(kind)), row.paper)
        for row in rows()
    ]
    counts = [119, *map(kinds.count, (FULL, PART, NOT_YET))]
    assert sum(counts[1:]) == 119
    assert f"| {' | '.join(map(str, counts))} |" in PAGE


def test_a_row_that_claims_something_names_what_shows_it() -> None:
    for row in rows():
        if row.here.startswith(NOT_YET):
            assert row.shown_by == row.claim == "-", row.paper
        else:
            assert "::test_" in row.shown_by, row.paper
        assert len(row.differs) > 5, row.paper


def test_numbers_with_an_interval_are_those_of_the_benchmarks() -> None:
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").replace("*", "")
    found = {
        number for row in rows() for number in re.findall(r"[\d.]+(?: %)? \[[^\]]+\]", row.claim)
    }
    assert found and {number for number in found if number not in measured} == set()
