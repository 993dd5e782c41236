"""Replies as people keep them: texts, lists, folders, and JSON with the program inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import rewardsmith as rs
from rewardsmith.errors import UsageError
from rewardsmith.run.folder import RunFolder
from rewardsmith.writers.extract import extract_code
from rewardsmith.writers.recorded import load_replies
from tests.support.line_runs import design
from tests.support.lineworld import write_task

SOURCE = "def reward(position, next_position):\n    return {{'right': {n}.0 * (next_position - position)}}\n"
TEXTS = [f"Here it is.\n```python\n{SOURCE.format(n=n)}```" for n in range(1, 5)]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def folder_of(path: Path, names: list[str]) -> Path:
    path.mkdir()
    for name, text in zip(names, TEXTS, strict=False):
        written(path / name, text)
    written(path / "notes.csv", "not a reply")
    return path


FORMS: dict[str, tuple[int, Callable[[Path], Path]]] = {
    "markdown": (1, lambda at: written(at / "reply.md", TEXTS[0])),
    "a Python file": (1, lambda at: written(at / "reply.py", SOURCE.format(n=1))),
    "a list of texts": (2, lambda at: written(at / "all.json", json.dumps(TEXTS[:2]))),
    "messages": (
        1,
        lambda at: written(
            at / "chat.json",
            json.dumps(
                [
                    {"role": "user", "content": "Write a reward."},
                    {"role": "assistant", "content": TEXTS[0]},
                ]
            ),
        ),
    ),
    "JSON lines": (
        2,
        lambda at: written(
            at / "all.jsonl", "".join(json.dumps({"response": text}) + "\n" for text in TEXTS[:2])
        ),
    ),
    "a folder": (3, lambda at: folder_of(at / "all", ["r2.txt", "r10.txt", "r1.md"])),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_and_designed_with(form: str, tmp_path: Path) -> None:
    number, write = FORMS[form]
    file = write(tmp_path)
    assert len(load_replies(file).replies) == number
    task = write_task(tmp_path / "line")
    run = design(str(task), tmp_path, replies=str(file), options={"seeds": 1})
    programs = RunFolder(run.path).config().options
    assert (programs["rounds"], programs["samples"]) == (1, number)
    assert len(run.state.programs) == number


def test_a_folder_is_read_in_natural_order_and_fills_rounds(tmp_path: Path) -> None:
    file = folder_of(tmp_path / "all", ["r1.md", "r2.md", "r10.md", "r11.md"])
    task = write_task(tmp_path / "line")
    planned = rs.plan(str(task), replies=file, options={"samples": 2})
    kept = json.loads(planned.files["replies.json"])["replies"]
    places = [(reply["round"], reply["sample"], reply["text"]) for reply in kept]
    assert places == [(n // 2, n % 2, text) for n, text in enumerate(TEXTS)]
    assert planned.config.options["rounds"] == 2
    with pytest.raises(UsageError, match="no reply for round 0, sample 4"):
        rs.plan(str(task), replies=file, options={"samples": 5})


@pytest.mark.parametrize(
    ("name", "text"),
    [("all.json", "[3]"), ("all.json", "{not json"), ("all.json", "[]"), ("all.bin", "\x00")],
)
def test_what_is_no_reply_names_the_forms(name: str, text: str, tmp_path: Path) -> None:
    for place in (written(tmp_path / name, text), tmp_path / "missing.md", empty(tmp_path)):
        with pytest.raises(UsageError) as caught:
            load_replies(place)
        assert "a folder of texts" in caught.value.hint


def empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


CODE = SOURCE.format(n=1)
JSON_REPLIES = {
    "a field": json.dumps({"thoughts": "Go right.", "code": CODE}),
    "a fence in a field": json.dumps({"reply": TEXTS[0]}),
    "a nested field": json.dumps({"programs": [{"language": "python", "source": CODE}]}),
    "a fenced object": "Sure:\n```json\n"
    + json.dumps({"reward_function": CODE}, indent=2)
    + "\n```",
    "line breaks in a string": '{"code": "' + CODE + '"}',
    "a list": json.dumps([CODE]),
}


@pytest.mark.parametrize("form", JSON_REPLIES)
def test_a_program_inside_json(form: str) -> None:
    found = extract_code(JSON_REPLIES[form])
    assert found.source == CODE, found.problem


@pytest.mark.parametrize(
    "reply", ['{"reward": 1.0}', '{"code": "x = 1"}', '{"code": "def reward(', "[1, 2]", "{}"]
)
def test_json_without_a_program_is_still_a_problem(reply: str) -> None:
    assert extract_code(reply).source is None and extract_code(reply).problem
