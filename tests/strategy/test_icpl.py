"""ICPL: judges compare the agents of programs, and the next request says what they preferred."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rewardsmith as rs
from rewardsmith.run.judgements import comparisons
from tests.support.command_line import GOOD
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.judges import ends
from tests.support.line_runs import asked_of
from tests.support.lineworld import write_task

OPTIONS = {"rounds": 2, "samples": 3, "seeds": 1, "judge": "model", "repairs": 0}
SAID = "The left end is the nicer place."


def left_is_better(body: dict[str, Any]) -> str:
    a, b = ends(body)
    return f"{SAID}\n\nBetter: {'A' if a < b else 'B' if b < a else 'same'}"


def all_the_same(body: dict[str, Any]) -> str:
    return f"{SAID}\n\nBetter: same"


def judged_run(
    tmp_path: Path, judge: Callable[[dict[str, Any]], str], patch: pytest.MonkeyPatch
) -> tuple[rs.Run, list[str]]:
    """A run whose model writes programs and judges; and the requests for programs, as text."""
    patch.setenv("OPENAI_API_KEY", "not-a-key-at-all")
    numbers = itertools.count(2)
    asked: list[str] = []

    def answer(body: dict[str, Any]) -> str:
        text = "\n".join(str(message["content"]) for message in body["messages"])
        if "## Episode A:" in text:
            return judge(body)
        asked.append(text)
        return GOOD.replace("5.0", f"{next(numbers)}.0")

    task = write_task(tmp_path / "line")
    with FakeLLM(answer) as fake:
        run = asked_of(
            fake, str(task), tmp_path, strategy="icpl", options=OPTIONS, report_seeds=0,
            executor=FakeExecutor(varied=True),
        )  # fmt: skip
    return run, asked


def test_programs_rank_as_judged_although_the_fitness_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = judged_run(tmp_path, left_is_better, monkeypatch)
    state = run.state
    by_fitness = sorted(state.programs, key=lambda name: sum(state.fitness(name)))
    compared = [name for name in by_fitness if name in comparisons(state.known_judgements())]
    assert state.compared == {0: 3, 1: 6}, "the best one so far and the three of the round"
    assert run.best.id == compared[0] == state.best, "the lowest fitness"
    first = [name for name, slot in state.programs.items() if slot.round == 0]
    assert state.ranked(first) == [name for name in compared if name in first]

    request = asked[-1]
    shown = re.findall(r'"progress": (\d+\.0)', request)
    weights = {name: re.findall(r"\d+\.0", run.folder.program(name).source)[0] for name in first}
    best, second, worst = (weights[name] for name in state.ranked(first))
    assert shown == [worst, second, best], "the best one at the end"
    assert request.count(f"where it was better: {SAID}") == 2
    assert request.count(f"where it was worse: {SAID}") == 2
    assert "better 2 times, worse 0 times" in request and "better 0 times, worse 2" in request
    assert request.count("judges prefer it to every other program") == 1
    assert "of 2 other programs, judges prefer 2 to it, and it to 0" in request
    _, feedback = request.split("An agent was trained under this program", 1)
    assert "fitness" not in feedback and "solved" not in feedback


def test_where_no_agent_is_better_no_program_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = judged_run(tmp_path, all_the_same, monkeypatch)
    assert "every other program" not in asked[-1]
    assert asked[-1].count("judges prefer 0 to it, and it to 0") == 3
    standing = run.state.judged_standing(run.best.id)
    assert standing is not None and standing[:2] == (0, 0)
