"""Texts as fields: what programs, writers and users see of an instruction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardsmith as rs
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.llm.prompts import Prompts
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.text import text_of, word_ids, words_in
from rewardsmith.types import Output
from rewardsmith.writers.conversation import compose
from rewardsmith.writers.feedback.moments import episode_table
from tests.support.command_line import call
from tests.support.talkworld import write_task

WORDS = ("take", "the", "red", "ball")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return load_task(write_task(tmp_path_factory.mktemp("talk") / "talk"))


@given(st.lists(st.sampled_from([*WORDS, "violet"]), max_size=6))
def test_a_text_comes_back_from_its_numbers(words: list[str]) -> None:
    ids = word_ids(" ".join(words), WORDS, 6)
    assert ids.shape == (6,) and (ids[len(words) :] == 0).all() and not ids.flags.writeable
    assert text_of(ids, WORDS) == " ".join(word if word in WORDS else "?" for word in words)


def test_words_are_found_in_plain_text() -> None:
    assert words_in("Don't take the RED ball, please: half-way!") == [
        "don't", "take", "the", "red", "ball", "please", "half-way",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="at most 2 words, found 3"):
        word_ids("one two three", WORDS, 2)


def test_programs_see_the_words_of_each_episode(task: Task) -> None:
    collected = collect_preflight(task)
    arguments = collected.report.arguments
    assert (
        arguments["first_instruction"].shape == (4,)
        and arguments["first_instruction"].dtype == "int64"
    )
    assert arguments["next_below"].words == ("key", "ball", "red", "blue")
    texts = {
        text_of(row, arguments["instruction"].words) for row in collected.transitions["instruction"]
    }
    assert texts <= {
        f"take the {colour} {kind}" for colour in ("red", "blue") for kind in ("ball", "key")
    }
    assert len(texts) > 1
    told = {text_of(row, arguments["below"].words) for row in collected.transitions["next_below"]}
    assert "" in told and told & {"red ball", "blue key"}


def test_what_an_environment_prints_is_no_part_of_what_a_command_gives(
    task: Task, tmp_path: Path
) -> None:
    (tmp_path / "any.py").write_text("def reward(place):\n    return {'far': place[:, 0]}\n")
    shown = call(tmp_path, "prompts", "show", str(task.folder), "--json")
    assert (
        list(json.loads(shown.stdout)) == ["system", "messages"]
        and "talks while it is made" in shown.stderr
    )
    checked = call(tmp_path, "check", "any.py", "--task", str(task.folder), "--json")
    assert json.loads(checked.stdout)["accepted"] and "talks while it is measured" in checked.stderr


def test_prompts_list_the_words(task: Task) -> None:
    seen = collect_preflight(task).report
    message = (
        compose(Prompts(), "eager", task.spec, seen, 100, (), produce=("subgoals",))
        .messages[0]
        .content
    )
    assert (
        "a text: as in: take the red ball. Each number is a word" in message
        and "3 red, 4 blue" in message
    )


def test_moments_show_texts_as_texts(task: Task) -> None:
    collected = collect_preflight(task)
    episode = collected.behaviour.episodes[0]
    seen = collected.report.arguments
    table = episode_table(episode, Output(np.arange(len(episode), dtype=float)), ["place"], seen)
    assert table.columns[:3] == ["instruction", "below", "place"]
    assert all(str(row.cells[0]).startswith("take the ") for row in table.rows)


def test_a_drafted_task_lists_the_words_that_it_saw(task: Task, tmp_path: Path) -> None:
    (tmp_path / "env.py").write_text((Path(str(task.folder)) / "env.py").read_text())
    env_id = f"{tmp_path / 'env.py'}:TalkWorld"
    drafted = rs.task_from_env(env_id, goal="take it", fitness="native_return")
    (text,) = [field for field in drafted.spec.fields if field.words]
    assert set(text.words) == {"take", "the", "red", "blue", "ball", "key"} and text.most_words == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("most_words = 4", "most_words = 3"), "at most 3 words, found 4"),
        (('words = ["take", "the",', 'words = ["Take", "the",'), "single words in lower case"),
        (('words = ["take", "the", "red"', 'words = ["take", "red", "red"'), "each once"),
        (('words = ["take", "the", "red", "blue", "ball", "key"]\n', ""), "or list words = [...]"),
        (
            ("source = 'obs[\"text\"]'", "source = 'obs[\"place\"]'"),
            "expected a text, found a ndarray",
        ),
    ],
)
def test_what_is_wrong_with_a_text_is_said(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    folder = write_task(tmp_path / "talk")
    text = (folder / "task.toml").read_text()
    assert change[0] in text
    (folder / "task.toml").write_text(text.replace(*change, 1))
    with pytest.raises((UsageError, BoundaryError)) as raised:
        collect_preflight(load_task(folder))
    assert message in f"{raised.value.message} {raised.value.hint}"


def test_the_export_reads_the_same_words(task: Task, tmp_path: Path) -> None:
    from tests.support.exports import exported

    source = (
        "import numpy as np\n\n\ndef reward(first_instruction, next_below, next_place):\n"
        "    red = np.any(first_instruction == 3, axis=1)\n"
        "    return {'red': 1.0 * red, 'ball': 2.0 * np.any(next_below == 2, axis=1)}\n"
    )
    wrapped: Any = exported(task, source, tmp_path)
    _, _ = wrapped.reset(seed=1)
    world = wrapped.unwrapped
    for action in (1, 1, 0, 1, 1, 1):
        _, reward, *_ = wrapped.step(action)
        expected = 1.0 * world.wanted.startswith("red") + 2.0 * world.things.get(
            world.place, ""
        ).endswith("ball")
        assert reward == expected
