"""Rewards that are learned from comparisons, inside a run: fits, trainings, exports, and people."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rewardsmith as rs
from rewardsmith.api.labelling import Labelling
from rewardsmith.errors import NoProgram, UsageError
from rewardsmith.evidence.judged import judged_order
from rewardsmith.run.judgements import Clip
from rewardsmith.run.names import list_runs
from rewardsmith.run.trials import FILM
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task, load_task
from tests.support.command_line import GOOD
from tests.support.exports import imported
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.judges import fair
from tests.support.line_runs import asked_of, design, kinds, recorded, the_run
from tests.support.lineworld import write_task

NATIVE_JUDGE = {"rounds": 2, "pairs": 40, "seeds": 1, "judge": "native"}
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


def test_clips_are_parts_that_only_an_end_shortens(task: Task, tmp_path: Path) -> None:
    with contextlib.suppress(NoProgram):  # such short clips have too few rewards to learn from
        preferring(task, tmp_path, options={**NATIVE_JUDGE, "rounds": 1, "segment": 3})
    run = the_run(tmp_path)
    clips = {clip for pair, _ in run.state.judgements for clip in pair}
    episodes = {clip: run.folder.episodes_of(clip.trial)[clip.episode] for clip in clips}
    lengths = {clip: len(episode.actions[clip.span]) for clip, episode in episodes.items()}
    assert min(lengths.values()) < max(lengths.values()) == 3
    for clip, length in lengths.items():
        assert length == 3 or episodes[clip].terminated


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
    with pytest.raises(UsageError, match="the judge needs a model"):
        preferring(task, tmp_path, options={**NATIVE_JUDGE, "judge": "model"})


class Filming(FakeExecutor):
    """The films of a program have a colour of its own."""

    def _film(self, task: Task, folder: Path) -> None:
        colour = int(folder.parents[1].name[:4], 16) >> 8
        frames = [Image.new("RGB", (40, 30), (40 * number, colour, 0)) for number in range(3)]
        frames[0].save(folder / FILM, save_all=True, append_images=frames[1:], lossless=True)


@pytest.mark.parametrize("can_draw", [True, False])
def test_a_model_looks_at_films(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_draw: bool
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key-at-all")
    texts = iter([GOOD, PULL, GOOD.replace("5.0", "2.0")])

    def answer(body: dict[str, Any]) -> str:
        images = [part for part in parts(body) if part["type"] == "image_url"]
        return "The same.\n\n**Better: same**" if images else next(texts)

    def parts(body: dict[str, Any]) -> list[dict[str, Any]]:
        content = body["messages"][-1]["content"]
        return content if isinstance(content, list) else []

    executor = Filming(varied=True) if can_draw else FakeExecutor(varied=True)
    options = {"rounds": 1, "samples": 3, "seeds": 1, "judge": "vision", "repairs": 0}
    how: dict[str, Any] = {"strategy": "icpl", "options": options, "report_seeds": 0}
    with FakeLLM(answer) as fake:
        if not can_draw:
            with pytest.raises(UsageError, match="a film cannot be made"):
                asked_of(fake, str(task.folder), tmp_path, executor=executor, **how)
            return
        run = asked_of(fake, str(task.folder), tmp_path, executor=executor, **how)
    assert run.state.compared == {0: 3}
    assert {known.judgement.answer for known in run.state.judgements.values()} == {"same"}
    looks = [len(parts(request["body"])) for request in fake.requests[3:]]
    assert looks == [3] * 6, "a text and two images, in both orders"
