"""EAGER: instructions become questions, which the behaviour of the agent answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewardsmith as rs
from rewardsmith.errors import UsageError
from rewardsmith.task.loading import Task, load_task
from rewardsmith.terms.reward import Reward
from rewardsmith.terms.subgoals import Subgoals
from rewardsmith.train.observing import observed
from rewardsmith.train.vectors import make_vec_env
from rewardsmith.writers.questions.program import (
    STOP_WORDS,
    Question,
    question_program,
    questions,
    texts_of,
)
from tests.support.questions import SAID, WORDS, columns, hosted
from tests.support.talkworld import write_task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return load_task(write_task(tmp_path_factory.mktemp("talk") / "talk"))


@pytest.fixture(scope="module")
def source(task: Task) -> str:
    return question_program(texts_of(task.spec), 2)


def test_every_word_that_tells_something_is_hidden_once() -> None:
    assert questions("Put the red ball next to the box") == [
        Question("put the <?> ball next to the box", "red"),
        Question("put the red <?> next to the box", "ball"),
        Question("put the red ball next to the <?>", "box"),
    ]
    assert (
        questions("pick up the") == []
        and set("a the next to up put pick open you".split()) <= STOP_WORDS
    )


@pytest.fixture(scope="module")
def host(source: str) -> Any:
    with hosted(source, columns("take the red key", "red key")) as running:
        yield running


@pytest.mark.parametrize(
    ("below", "answered"),
    [
        ("red ball", [1, 1]),
        ("blue ball", [0, 0]),
        ("red key", [0, 0]),
        ("", [0, 0]),
        ("ball", [0, 0]),
    ],
)
def test_a_thing_answers_if_it_is_all_that_is_said_of_it(
    host: Any, below: str, answered: list[int]
) -> None:
    terms = host(columns("take the red ball", below)).terms
    assert [int(terms[f"question_{n}"][0]) for n in (1, 2)] == answered


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=4), st.lists(st.sampled_from(SAID), max_size=2))
def test_the_program_says_what_the_rule_says(
    host: Any, instruction: list[str], below: list[str]
) -> None:
    """The rule by hand: a hidden word is answered if it and the asked words in a row with it are all said."""
    terms = host(columns(" ".join(instruction), " ".join(below))).terms
    runs: list[list[str]] = [[]]
    for word in instruction:
        runs = [*runs[:-1], [*runs[-1], word]] if word in SAID else [*runs, []]
    expected = [all(word in below for word in run) for run in runs for _ in run]
    assert [bool(terms[f"question_{n}"][0]) for n in (1, 2)] == [*expected, False, False][:2]


def test_a_success_gets_no_net_reward_and_a_wrong_thing_no_reward(task: Task, source: str) -> None:
    """EAGER's identity, over a thousand episodes of real steps."""
    eager = task.with_training({"shaping": {"subgoals": "neutralised"}})
    base = make_vec_env(eager, 8, 0)
    rng, successes, failures, episodes = np.random.default_rng(0), list[float](), list[float](), 0
    with hosted(source, columns("take the red key", "red key")) as host:
        goals = Subgoals.for_task(host, eager, base.buffers, base.envs[0])
        venv = observed(base, Reward([goals]))
        venv.reset()
        base.buffers.begin()
        sums, t = np.zeros(8), np.zeros(8)
        while episodes < 1000:
            _, rewards, dones, _ = venv.step(rng.choice(3, 8, p=(0.1, 0.6, 0.3)))
            sums += eager.spec.training.gamma**t * goals.bonuses
            t += 1
            for row in np.flatnonzero(dones):
                (successes if rewards[row] > 0 else failures).append(float(sums[row]))
            episodes += int(dones.sum())
            sums[dones] = t[dones] = 0
            base.buffers.advance()
    assert len(successes) > 100 and max(map(abs, successes)) <= 1e-9
    assert min(failures) == 0.0 and np.mean(np.array(failures) == 0.0) > 0.5, (
        "most meet other things only"
    )
    limit = eager.spec.training.gamma**20 / 2
    assert 0 < max(failures) <= 2 * limit, (
        "all that a failure can keep stays below what a success is worth"
    )


def test_mismatched_instructions_are_not_answered(task: Task, host: Any) -> None:
    """What was done for one instruction answers no question of another that shares no word with it."""
    other = {"red": "blue", "blue": "red", "ball": "key", "key": "ball"}
    for colour in ("red", "blue"):
        for kind in ("ball", "key"):
            terms = host(
                columns(f"take the {other[colour]} {other[kind]}", f"{colour} {kind}")
            ).terms
            assert not any(terms[f"question_{n}"][0] for n in (1, 2))


def test_eager_needs_no_model_and_learns(task: Task, tmp_path: Path) -> None:
    run = rs.design(
        task,
        strategy="eager",
        options={"seeds": 1},
        report_seeds=0,
        steps=8192,
        runs=tmp_path / "runs",
    )
    assert run.folder.config().writer == "questions" and run.folder.config().produce == (
        "subgoals",
    )
    assert "ASKED = (3, 4, 5, 6)" in run.best.source
    trial = run.folder.trial_folder(run.state.ranked()[0], "selection", 0)
    result = json.loads((trial / "result.json").read_text())
    assert set(result["reached"]) == {"question_1", "question_2"}
    for step, won in zip(result["reached"]["question_1"], result["successes"], strict=True):
        assert not won or step is not None, "no success without having met the thing"
    page = run.report(tmp_path / "report.html").read_text()
    assert (
        "The step at which each evaluation episode reached a subgoal" in page
        and "question_2" in page
    )
    facts = (run.export(tmp_path / "out") / "reward.py").read_text()
    assert "class ShowSubgoals" in facts and "BONUS" in facts


def test_a_task_without_texts_is_an_error() -> None:
    with pytest.raises(UsageError, match="no text field"):
        rs.plan("mountain-car", strategy="eager")
    with pytest.raises(UsageError, match="no text field 'mission', but none"):
        texts_of(load_task("mountain-car").spec, "mission")


def test_who_writes_what_is_checked(task: Task) -> None:
    with pytest.raises(UsageError, match="questions writes no reward, only subgoals"):
        rs.plan(task, model="questions", produce="reward")
    with pytest.raises(UsageError, match="grammar writes no subgoals, only reward"):
        rs.plan(task, strategy="calm", model="grammar")
