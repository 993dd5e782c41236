"""EAGER's learned answers: a small network on demonstrations, and the program that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkworld import write_task

import rewardsmith as rs
from rewardsmith.coder.answering import (
    Answerer,
    asked_words,
    learned_program,
    questions_about,
    told_by,
)
from rewardsmith.coder.questions import texts_of
from rewardsmith.errors import UsageError
from rewardsmith.recording import controller_in, play, record
from rewardsmith.sandbox.behaviour import check_program
from rewardsmith.sandbox.host import ProgramHost
from rewardsmith.task.loading import Task, load_task
from rewardsmith.types import Episode

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
def learned(task: Task, shown: list[Episode]) -> tuple[str, Answerer]:
    return learned_program(texts_of(task.spec), shown)


def test_it_answers_what_was_shown_and_keeps_silent_on_what_was_not(learned: tuple[str, Answerer]) -> None:
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
    assert answerer.answered >= 0.8 and answerer.kept_silent >= 0.95
    assert rs.check_program(source, task).accepted
    wanted: dict[str, Any] = {"strategy": "eager", "options": {"answers": "learned"}}
    known = rs.plan(task, bank=[str(env.save(tmp_path / "demos.npz"))], **wanted).bank
    assert known is not None and len(known) > 900, "all that was given, not the choice of them that a bank is"
    again, _ = learned_program(texts, won)
    assert again == source, "equal demonstrations, equal programs: a run that goes on writes the same"


def test_the_program_says_what_the_network_says(
    task: Task, shown: Sequence[Episode], learned: tuple[str, Answerer]
) -> None:
    """Every question at every step, against the arrays it was trained with, in floats that are not rounded."""
    source, answerer = learned
    texts, (first, bias, second, last) = texts_of(task.spec), (layer / 100 for layer in answerer.layers)
    some = shown[:30]
    rows = {
        "first_instruction": np.concatenate([np.repeat(e.fields["instruction"][:1], len(e), axis=0) for e in some]),
        "action": np.concatenate([e.actions for e in some]),
        "next_below": np.concatenate([e.fields["below"][1:] for e in some]),
    }
    shapes: dict[str, Any] = {name: (values.shape[1:], values.dtype) for name, values in rows.items()}
    entry = check_program(source, shapes, rows).entries["subgoals"]
    with ProgramHost(source, entry, shapes, capacity=1024) as host:
        terms = host(rows).terms
    words = asked_words(texts, np.stack([e.fields["instruction"][0] for e in some]))
    at = 0
    for episode, own in zip(some, words, strict=True):
        for place in range(words.shape[1]):
            slots = [word == k for j, word in enumerate(own) for k in (*range(1, 5), 5) if j != place]
            hidden = [k == 5 for k in range(1, 6)]
            read = slots[: 5 * place] + hidden + slots[5 * place :]
            for t, said in enumerate(told_by(texts, episode, 3)):
                values = np.maximum(np.array([*said, *read], float) @ first + bias, 0) @ second + last
                expected = values.max() > 0 and values.argmax() + 1 == own[place]
                assert bool(terms[f"question_{place + 1}"][at + t]) == expected
        at += len(episode)


def test_no_answer_is_learned_from_questions_that_the_episode_cannot_answer(task: Task, shown: list[Episode]) -> None:
    texts = texts_of(task.spec)
    words = asked_words(texts, np.stack([episode.fields["instruction"][0] for episode in shown]))
    asked = questions_about(words, np.arange(len(shown)), np.random.default_rng(0))
    for episode, hidden, instruction, answer in zip(*asked, strict=True):
        rest = set(np.delete(instruction, hidden)) - {0}
        if answer:
            assert np.array_equal(instruction, words[episode]) and answer == instruction[hidden]
        else:
            assert not rest <= set(words[episode]), "the <?> ball after a red ball has an answer, whoever asks"
    assert (asked.answer == 0).sum() > 100 and (asked.answer > 0).sum() == (words > 0).sum()


def test_a_run_learns_its_answers_from_what_it_was_given(task: Task, seeker: str, tmp_path: Path) -> None:
    recorded(task, seeker, 300).save(tmp_path / "demos.npz")
    wanted: dict[str, Any] = {"strategy": "eager", "bank": [str(tmp_path / "demos.npz")], "report_seeds": 0}
    options = {"seeds": 1, "answers": "learned"}
    run = rs.design(task, options=options, steps=2048, runs=tmp_path / "runs", **wanted)
    assert "A small network that learned from 136 demonstrations" in run.best.source, "equal episodes count once"
    assert run.folder.config().options["answers"] == "learned"


def test_what_cannot_be_learned_from_is_told_before_anything_is_spent(
    task: Task, seeker: str, shown: list[Episode], tmp_path: Path
) -> None:
    learning: dict[str, Any] = {"strategy": "eager", "options": {"answers": "learned"}}
    with pytest.raises(UsageError, match="at least 40 successes with different instructions, found 0"):
        rs.plan(task, **learning)
    recorded(task, seeker, 10).save(tmp_path / "few.npz")
    with pytest.raises(UsageError, match="found 10 with"):
        rs.plan(task, bank=[str(tmp_path / "few.npz")], **learning)
    with pytest.raises(UsageError, match="learned without a model"):
        rs.plan(task, model="openai/any", **learning)
    same = [e for e in shown if np.array_equal(e.fields["instruction"], shown[0].fields["instruction"])] or [shown[0]]
    with pytest.raises(UsageError, match="with 1"):
        learned_program(texts_of(task.spec), [same[0]] * 50)
