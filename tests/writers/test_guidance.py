"""What a request asks for besides a better program: a form of reward, and what was tried before."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, get_args

import pytest

from rewardsmith.llm.prompts import Prompts
from rewardsmith.run.orders import Approach
from rewardsmith.writers.feedback.records import TriedProgram
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import asked_of
from tests.support.lineworld import write_task


@pytest.mark.parametrize("approach", get_args(Approach))
def test_each_form_is_asked_for_in_other_words(approach: Approach) -> None:
    words = {
        form: Prompts().render("shared/guidance", approach=form, tried=[])
        for form in get_args(Approach)
    }
    assert words[approach].strip()
    assert list(words.values()).count(words[approach]) == 1


def test_programs_are_named_with_their_terms_fitness_and_faults() -> None:
    tried = [
        TriedProgram(["progress", "goal"], 0.52, False, ["has an exploit"]),
        TriedProgram(["near"], 0.1, True, []),
        TriedProgram([], None, False, ["orders recorded episodes wrongly", "and more"]),
    ]
    text = Prompts().render("shared/guidance", approach=None, tried=tried)
    assert [
        line for line in text.splitlines() if line.startswith("| ") and "terms" not in line
    ] == [
        "| progress, goal | 0.52 | has an exploit |",
        "| near | 0.1 (short training) | - |",
        "| - | not trained | orders recorded episodes wrongly; and more |",
    ]


class Numbered:
    """Answers with a program that no other answer has."""

    def __init__(self) -> None:
        self._count, self._lock = 0, threading.Lock()

    def __call__(self, body: dict[str, Any]) -> str:
        with self._lock:
            self._count += 1
            count = self._count
        change = "next_position - position" if count % 2 else "next_position**2 - position**2"
        return (
            "```python\ndef reward(position, next_position):\n"
            f"    return {{'gain_{count}': {change}, 'place_{count}': {count} * next_position}}\n```"
        )


def test_later_requests_of_smith_name_what_was_tried(tmp_path: Path) -> None:
    options = {"rounds": 2, "samples": 4, "screen": "off", "repairs": 0}
    with FakeLLM(Numbered()) as fake:
        asked_of(
            fake, str(write_task(tmp_path / "line")), tmp_path,
            strategy="smith", options=options, executor=FakeExecutor(),
        )  # fmt: skip
        last = [request["body"]["messages"][-1]["content"] for request in fake.requests]
    assert len(last) == 8
    assert len(set(last[:4])) == 4, "each request of the first round asks for another form"
    assert not any("Other programs" in text for text in last[:4])
    for text in last[4:]:
        rows = [line for line in text.splitlines() if line.startswith("| gain_")]
        shown = text.count("```python")
        assert rows and len(rows) <= 4 and not shown
        assert any("(short training)" in row for row in rows)
