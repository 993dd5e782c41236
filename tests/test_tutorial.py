"""The tutorial page and the notebook work as they are written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.command_line import environment

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "tutorial.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
BINARIES = str(Path(sys.executable).parent)


class Step(NamedTuple):
    """A file to write, or a command to run and the output that the page shows."""

    file: str
    text: str
    shown: str


def steps() -> Iterator[Step]:
    """The blocks of the page; a block of text is the output of the command before it."""
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    for at, (kind, title, text) in enumerate(blocks):
        follows = blocks[at + 1] if at + 1 < len(blocks) else ("", "", "")
        if title or kind == "bash":
            yield Step(title, text, follows[2] if follows[0] == "text" else "")


def run(command: str, folder: Path) -> str:
    """What commands print on both streams, in a terminal as wide as the page."""
    path = os.pathsep.join([BINARIES, os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment(PATH=path, COLUMNS="120"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, f"{command}{done.stdout}"
    return done.stdout


def matches(shown: str, printed: str) -> bool:
    """Whether an output is as shown: words are equal, numbers and identifiers may differ.

    A line ``…`` stands for any number of lines, and ``…`` in a line for its rest.
    """
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else r"\s+".join(map(_word, line.split())) + r"\n"
        for line in shown.splitlines()
    )
    lines = (f"{line.strip()}\n" for line in printed.splitlines())
    return re.fullmatch(pattern, "".join(lines)) is not None


def _word(word: str) -> str:
    return r"\S*\d\S*" if re.search(r"\d", word) else re.escape(word).replace("…", ".*")


def test_words_are_compared_and_numbers_are_not() -> None:
    shown = "…\nsolved  yes, at 0.9\nrest…\n"
    assert matches(shown, "first\nsolved yes, at 0.8\nrest of it\n")
    assert not matches(shown, "first\nsolved no, at 0.9\nrest of it\n")
    assert not matches(shown, "first\nsolved yes, at 0.9\nrest of it\nmore\n")


@pytest.mark.slow
def test_the_commands_of_the_tutorial_print_what_the_page_shows(tmp_path: Path) -> None:
    compared = 0
    for step in steps():
        if step.file:
            (tmp_path / step.file).write_text(step.text, encoding="utf-8")
            continue
        printed = run(step.text, tmp_path)
        assert not step.shown or matches(step.shown, printed), f"{step.text}\n{printed}"
        compared += bool(step.shown)
    assert compared == 9
    assert (tmp_path / "report.html").stat().st_size > 10_000


NOTEBOOK = """
import ast, json, sys

def value(cell):
    *statements, last = ast.parse(cell).body
    exec(compile(ast.Module(statements, []), "<cell>", "exec"), globals())
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), globals())
    exec(compile(ast.Module([last], []), "<cell>", "exec"), globals())

for cell in json.loads(sys.stdin.read()):
    shown = value(cell)
    print(shown._repr_html_()[:2000] if hasattr(shown, "_repr_html_") else "")
"""


@pytest.mark.slow
def test_the_cells_of_the_notebook_run_in_order(tmp_path: Path) -> None:
    """In one process whose main module they are, as in a kernel; the last value of each is shown."""
    book = json.loads((DOCS / "tutorial.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells), "stored without outputs"
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK],
        cwd=tmp_path,
        env=environment(),
        input=json.dumps(["".join(cell["source"]) for cell in cells]),
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "parked: True" in done.stdout and "<iframe srcdoc=" in done.stdout
    fitness, native = re.findall(r"^(?:fitness|native reward) ([\d.]+) ", done.stdout, re.MULTILINE)
    assert float(fitness) > 0.9 > 0.3 > float(native)
    assert (tmp_path / "exported" / "reward.py").exists()
