"""Rewards that are learned from comparisons, inside a run: fits, trainings, exports, and people."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.api.labelling import Labelling
from rewardsmith.errors import NoProgram, UsageError
from rewardsmith.evidence.judged import judged_order
from rewardsmith.run.judgements import Clip
from rewardsmith.run.names import list_runs
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task, load_task
from tests.support.command_line import GOOD
from tests.support.exports import imported
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.judges import fair
from tests.support.line_runs import asked_of, design, kinds, recorded
from tests.support.lineworld import write_task

NATIVE_JUDGE = {"rounds": 2, "pairs": 20, "seeds": 1, "judge": "native"}
PULL = GOOD.replace("5.0 * (next_position - position)", "position - next_position").replace(
    "next_position}", "-next_position}"
)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return load_task(write_task(tmp_path / "line"))


def preferring(task: Task, tmp_path: Path, **settings: Any) -> rs.Run:
    """A run that learns a reward; its trainings take no time, its fits are real."""
    given = {"strategy": "preference", "options": NATIVE_JUDGE, "report_seeds": 0, "replies": None}
    return design(task, tmp_path, **{**given, "executor": FakeExecutor(varied=True), **settings})


def test_each_round_compares_learns_and_trains(task: Task, tmp_path: Path) -> None:
    run = preferring(task, tmp_path)
    order = [kind for kind in kinds(run) if kind in ("compared", "learned", "trained")]
    assert order == ["compared", "learned", "trained"] * 2
    first, second = (run.state.learned[number] for number in (0, 1))
    assert first is not None and second is not None and first != second
    assert run.state.functions[first] == ("learned",)
    program = run.folder.program(second)
    assert program.learned is not None
    assert set(program.learned.arguments) == {
        "next_position",
        "terminated",
        "action",
    }
    order_of_judge = judged_order(run.folder, run.state, second)
    assert order_of_judge is not None and order_of_judge.share >= 0.8


def test_fits_are_the_same_in_every_run(task: Task, tmp_path: Path) -> None:
    runs = [preferring(task, tmp_path / name) for name in ("one", "two")]
    assert runs[0].state.learned == runs[1].state.learned


@pytest.mark.parametrize("beside", ["nothing", "program"])
def test_the_exported_file_pays_what_the_training_paid(
    task: Task, tmp_path: Path, beside: str
) -> None:
    options = {**NATIVE_JUDGE, "rounds": 1, "beside": beside, "pessimism": 0.5}
    replies = recorded([{"round": 0, "sample": 0, "text": GOOD}]) if beside == "program" else None
    run = preferring(task, tmp_path, options=options, replies=replies)
    learned = run.state.learned[max(run.state.learned)]
    assert learned is not None
    checked = run.folder.program(learned)
    export = run.export(tmp_path / "out", program=learned, executor=FakeExecutor())
    wrapped = imported(export / "reward.py").RewardWrapper(make_env(task))
    inside = rs.RewardWrapper(make_env(task), rs.LoadedProgram(checked, task))
    wrapped.reset(seed=3)
    inside.reset(seed=3)
    draws = np.random.default_rng(0)
    for _ in range(10):
        action = draws.uniform(-1, 1, 1).astype(np.float32)
        (_, outside, ended, _, info), (_, paid, *_) = wrapped.step(action), inside.step(action)
        assert outside == pytest.approx(paid, abs=1e-6)
        assert ("progress" in info["reward_terms"]) == (beside == "program")
        if ended:
            break
    assert outside != 0.0


def test_a_learned_reward_can_be_trained_again(task: Task, tmp_path: Path) -> None:
    run = preferring(task, tmp_path, options={**NATIVE_JUDGE, "rounds": 1})
    learned = run.state.learned[0]
    assert learned is not None
    program = run.folder.program(learned)
    again = rs.train_program(
        program, task, seeds=1, runs=tmp_path / "again", executor=FakeExecutor()
    )
    assert again.program == learned


def test_too_few_answers_give_no_reward_and_say_so(task: Task, tmp_path: Path) -> None:
    assert task.folder is not None
    env = task.folder / "env.py"
    env.write_text(env.read_text().replace("float(arrived)", "0.0"))
    with pytest.raises(NoProgram, match="without a usable program") as caught:
        preferring(load_task(task.folder), tmp_path)
    (folder,) = list_runs(tmp_path / "runs")
    assert rs.Run(folder).state.learned == {0: None, 1: None}
    assert "no reward could be learned" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"judge": "fitness", "segment": 5}, "whole episodes"),
        ({"judge": "person", "flips": 0.1}, "flips are for"),
        ({"judge": "person"}, "films of agents"),
        ({"judge": "person", "beside": "program", "segment": 5}, "whole films"),
        ({"judge": "somebody"}, "judge"),
    ],
)
def test_options_that_contradict_are_refused(
    task: Task, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        preferring(task, tmp_path, options=options)
    assert not list_runs(tmp_path / "runs")


def test_flips_reverse_that_share_of_the_answers(task: Task, tmp_path: Path) -> None:
    options = {**NATIVE_JUDGE, "rounds": 1, "pairs": 200, "segment": 3}
    fair = preferring(task, tmp_path / "fair", options=options).state.judgements
    noisy = preferring(task, tmp_path / "noisy", options={**options, "flips": 0.2}).state.judgements
    assert fair.keys() == noisy.keys()
    differ = [fair[key].judgement.answer != noisy[key].judgement.answer for key in fair]
    decided = [known.judgement.answer != "same" for known in fair.values()]
    assert 0.1 <= sum(differ) / sum(decided) <= 0.3
    assert all(clip.steps == 3 for pair, _ in fair for clip in pair if clip.steps)


def test_a_person_is_waited_for_and_answers_on_the_page(task: Task, tmp_path: Path) -> None:
    """The answers come from another session while the run waits; each is asked for once."""
    options = {"rounds": 1, "samples": 3, "seeds": 1, "judge": "person", "repairs": 0}
    texts = (GOOD, PULL, GOOD.replace("5.0", "2.0"))
    replies = [{"round": 0, "sample": n, "text": text} for n, text in enumerate(texts)]
    answered: list[str] = []

    def answer() -> None:
        while not (found := list_runs(tmp_path / "runs")) or not rs.Run(found[0]).state.asked:
            time.sleep(0.05)
        session = Labelling(found[0], by="Ann")
        while (question := session.question) is not None:
            better = "first" if question.left.program > question.right.program else "second"
            answered.append(session.answer("first" if better == "first" else "second"))

    person = threading.Thread(target=answer, daemon=True)
    person.start()
    run = design(
        task, tmp_path, strategy="icpl", options=options, report_seeds=0,
        replies=recorded(replies), executor=FakeExecutor(varied=True),
    )  # fmt: skip
    person.join()
    assert run.state.compared == {0: 3} and len(answered) == 3
    assert run.state.ranked() == sorted(run.state.programs, reverse=True), "as Ann prefers them"
    assert run.best.id == max(run.state.programs), "whatever their fitness"
    assert {clip for pair, _ in run.state.judgements for clip in pair} == {
        Clip(program, 0, "selection") for program in run.state.programs
    }


def test_a_model_compares_clips_within_the_budget(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key-at-all")
    options = {"rounds": 1, "pairs": 12, "judge": "model", "seeds": 1}
    with FakeLLM(fair) as fake:
        how: dict[str, Any] = {
            "strategy": "preference",
            "options": options,
            "report_seeds": 0,
            "executor": FakeExecutor(varied=True),
            "budget": rs.Budget(calls=20),
        }
        run = asked_of(fake, str(task.folder), tmp_path, **how)
    assert run.state.requests == len(fake.requests) == 20
    assert run.state.compared == {0: 10}, "each pair takes two requests"
    assert {by for _, by in run.state.judgements} == {"openai/fake"}
    learned = run.state.learned[0]
    assert learned is not None
    order = judged_order(run.folder, run.state, learned)
    assert order is not None and order.share >= 0.8


def test_a_judge_without_a_model_is_refused(task: Task, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="judge=model needs a model"):
        preferring(task, tmp_path, options={**NATIVE_JUDGE, "judge": "model"})
