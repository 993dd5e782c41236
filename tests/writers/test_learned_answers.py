"""EAGER's learned answers: a small network on demonstrations, and the program that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.api.programs import check_program
from rewardsmith.episodes.recording import controller_in, play, record
from rewardsmith.errors import UsageError
from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.text import text_of
from rewardsmith.types import Episode
from rewardsmith.writers.questions.demonstrations import check_demonstrations
from rewardsmith.writers.questions.learned import AnswerNetwork, learned_program
from rewardsmith.writers.questions.program import texts_of
from tests.support.talkworld import write_task

SEEKER = "def seek(obs):\n    return 2 if obs[1] == 0 else int(obs[1] > 0)\n"


def recorded(task: Task, controller: str, count: int) -> Any:
    env = record(task)
    play(env, controller_in(controller), count, seed=0)
    env.close()
    return env


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return load_task(write_task(tmp_path_factory.mktemp("talk") / "talk"))


@pytest.fixture(scope="module")
def seeker(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("seek") / "seek.py"
    path.write_text(SEEKER)
    return f"{path}:seek"


@pytest.fixture(scope="module")
def shown(task: Task, seeker: str) -> list[Episode]:
    return list(recorded(task, seeker, 200).episodes)


@pytest.fixture(scope="module")
def learned(task: Task, shown: list[Episode]) -> tuple[str, AnswerNetwork]:
    return learned_program(texts_of(task.spec), shown)


def test_it_answers_what_was_shown_and_keeps_silent_on_what_was_not(
    learned: tuple[str, AnswerNetwork],
) -> None:
    _, answerer = learned
    assert sum(answerer.demonstrations) == 200 and answerer.demonstrations[1] == 40
    assert answerer.answered >= 0.95 and answerer.kept_silent >= 0.95


@pytest.mark.slow
def test_it_learns_from_demonstrations_of_a_real_task(tmp_path: Path) -> None:
    """BabyAI's missions by colour and kind, by kind, and by colour; what is faced on the way tells wrong things too."""
    task = load_task("pick-up")
    env = recorded(task, f"{task.folder}/expert.py:policy", 1000)
    demonstrations = env.episodes
    texts = texts_of(task.spec)
    won = [episode for episode in demonstrations if episode.native_rewards[-1] > 0]
    assert len(won) > 900
    source, answerer = learned_program(texts, won)
    assert answerer.answered >= 0.95 and answerer.kept_silent >= 0.95
    assert check_program(source, task).accepted
    wanted: dict[str, Any] = {"strategy": "eager", "options": {"answers": "learned"}}
    known = rs.plan(task, bank=[str(env.save(tmp_path / "demos.npz"))], **wanted).bank
    assert known is not None and len(known) > 900, (
        "all that was given, not the choice of them that a bank is"
    )
    again, _ = learned_program(texts, won)
    assert again == source, (
        "equal demonstrations, equal programs: a run that goes on writes the same"
    )


def test_the_program_says_what_the_network_says(
    task: Task, shown: Sequence[Episode], learned: tuple[str, AnswerNetwork]
) -> None:
    """Every question at every step, against the arrays it was trained with, in floats that are not rounded."""
    source, answerer = learned
    texts, some = texts_of(task.spec), shown[:30]
    rows = {
        "first_instruction": np.concatenate(
            [np.repeat(e.fields["instruction"][:1], len(e), axis=0) for e in some]
        ),
        "action": np.concatenate([e.actions for e in some]),
        "next_below": np.concatenate([e.fields["below"][1:] for e in some]),
    }
    shapes: dict[str, Any] = {
        name: (values.shape[1:], values.dtype) for name, values in rows.items()
    }
    entry = check_on_transitions(source, shapes, rows).entries["subgoals"]
    with ProgramHost(source, entry, shapes, capacity=1024) as host:
        terms = host(rows).terms
    at = 0
    for episode in some:
        own = text_of(episode.fields["instruction"][0], texts.instruction.words).split()[
            2:
        ]  # after "take the"
        for k, hidden in enumerate(own):
            for t in range(len(episode)):
                said = text_of(episode.fields["below"][t + 1], texts.answering[0].words).split()
                values = [
                    by_hand(answerer, word, own, k, said, int(episode.actions[t]))
                    for word in texts.question_words
                ]
                expected = (
                    max(values) > 0 and texts.question_words[int(np.argmax(values))] == hidden
                )
                assert bool(terms[f"question_{k + 1}"][at + t]) == expected
        at += len(episode)


def by_hand(
    answerer: AnswerNetwork, word: str, own: list[str], k: int, said: list[str], action: int
) -> float:
    """The value of a word as the answer to the question in which the k-th of two words is hidden."""
    first, bias, second, last = (layer / 100 for layer in answerer.layers)
    left, right = (own[0] if k else None), (None if k else own[1])
    asked = ["red", "blue", "ball", "key"]
    read = [word in said, word == left, word == right, *(word == each for each in asked)]
    read += [
        left in said,
        right in said,
        left is not None,
        right is not None,
        k == 1,
        k == 0,
        k == 1,
    ]
    read += [action == each for each in range(3)]
    return float((np.maximum(np.array(read, float) @ first + bias, 0) @ second + last)[0])


def test_no_answer_is_learned_from_questions_that_the_episode_cannot_answer(
    task: Task, shown: list[Episode]
) -> None:
    instructions, learning, measuring = check_demonstrations(texts_of(task.spec), shown)
    words = instructions.words
    assert not set(learning.episode) & set(measuring.episode) and set(words.ravel()) == {1, 2, 3, 4}
    for asked in (learning, measuring):
        for episode, other, hidden, answer in zip(*asked, strict=True):
            beside = {instructions.left[other, hidden], instructions.right[other, hidden]} - {0}
            if answer:
                assert other == episode and answer == words[episode, hidden]
            else:
                assert beside and not beside <= set(words[episode]), (
                    "the <?> ball after a red ball has an answer"
                )
    assert (learning.answer == 0).sum() > 100 and (learning.answer > 0).sum() == 2 * 160


def test_one_word_names_nothing_else(task: Task, shown: list[Episode]) -> None:
    """Where every instruction has one word, every question is the same: nothing tells when to keep silent."""
    short = []
    for episode in shown:
        instruction = episode.fields["instruction"].copy()
        instruction[:, 3] = 0
        short.append(replace(episode, fields={**episode.fields, "instruction": instruction}))
    with pytest.raises(UsageError, match="keep silent"):
        learned_program(texts_of(task.spec), short)


def test_a_run_learns_its_answers_from_what_it_was_given(
    task: Task, seeker: str, tmp_path: Path
) -> None:
    recorded(task, seeker, 300).save(tmp_path / "demos.npz")
    wanted: dict[str, Any] = {
        "strategy": "eager",
        "bank": [str(tmp_path / "demos.npz")],
        "report_seeds": 0,
    }
    options = {"seeds": 1, "answers": "learned"}
    run = rs.design(task, options=options, steps=2048, runs=tmp_path / "runs", **wanted)
    assert "A small network that learned from 136 demonstrations" in run.best.source, (
        "equal episodes count once"
    )
    assert run.folder.config().options["answers"] == "learned"


def test_what_cannot_be_learned_from_is_told_before_anything_is_spent(
    task: Task, seeker: str, shown: list[Episode], tmp_path: Path
) -> None:
    learning: dict[str, Any] = {"strategy": "eager", "options": {"answers": "learned"}}
    with pytest.raises(
        UsageError, match="at least 40 successes with different instructions, found 0"
    ):
        rs.plan(task, **learning)
    recorded(task, seeker, 10).save(tmp_path / "few.npz")
    with pytest.raises(UsageError, match="found 10 with"):
        rs.plan(task, bank=[str(tmp_path / "few.npz")], **learning)
    with pytest.raises(UsageError, match="learned without a model"):
        rs.plan(task, model="openai/any", **learning)
    same = [
        e for e in shown if np.array_equal(e.fields["instruction"], shown[0].fields["instruction"])
    ] or [shown[0]]
    with pytest.raises(UsageError, match="with 1"):
        learned_program(texts_of(task.spec), [same[0]] * 50)
