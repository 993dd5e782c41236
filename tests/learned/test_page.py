"""docs/preferences.md: its program runs, and the modules it names exist."""

from __future__ import annotations

import importlib
import re

import pytest

import rewardsmith as rs
from tests.support.places import ROOT

PAGE = (ROOT / "docs" / "preferences.md").read_text(encoding="utf-8")
RUN, LIBRARY = PAGE.split("## In the library")


def test_the_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(program, "preferences.md", "exec"), names)
    assert names["rewards"].shape == (25,)  # type: ignore[attr-defined]
    (shown,) = re.findall(r"in order: (\d+)%", capsys.readouterr().out)
    assert 75 <= int(shown) <= 100


def test_the_names_exist() -> None:
    named = re.findall(r"`(rewardsmith\.learned\.[\w.]+)`", PAGE)
    assert len(named) >= 5
    for name in named:
        module, _, last = name.rpartition(".")
        found = importlib.import_module(module)
        assert hasattr(found, last) or importlib.import_module(name)
    for name in re.findall(r"^\| `(\w+)[(`]", LIBRARY, re.MULTILINE):
        homes = [
            importlib.import_module(f"rewardsmith.learned.{room}") for room in ("pairs", "extras")
        ]
        assert any(hasattr(home, name) for home in homes), name


def test_the_options_of_the_strategy_exist() -> None:
    known = rs.strategies()
    (options,) = [one.options for one in known if one.name == "preference"]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", RUN, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(named) >= 8 and set(named) <= set(options)
