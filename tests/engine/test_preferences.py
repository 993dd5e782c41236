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
from rewardsmith.errors import BoundaryError, NoProgram, UsageError
from rewardsmith.evidence.judged import judged_order
from rewardsmith.run.event import Event
from rewardsmith.run.event_log import EventLog
from rewardsmith.run.judgements import Clip
from rewardsmith.run.names import list_runs
from rewardsmith.run.trials import FILM, TrialJob
from rewardsmith.run.user_events import Judged
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task, load_task
from tests.support.command_line import GOOD
from tests.support.exports import imported
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.judges import fair
from tests.support.line_runs import asked_of, design, happened, kinds, recorded, the_run
from tests.support.lineworld import write_task

NATIVE_JUDGE = {"rounds": 2, "pairs": 40, "seeds": 1, "judge": "native"}
PULL = GOOD.replace("5.0 * (next_position - position)", "position - next_position").replace(
    "next_position}", "-next_position}"
)
ICPL_REPLIES = recorded(
    [
        {"round": number, "sample": place, "text": text.replace("5.0", f"{5 + number}.0")}
        for number in (0, 1)
        for place, text in enumerate((GOOD, PULL, GOOD.replace("5.0 *", "5.0 * 2.0 *")))
    ]
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
    asked = [event.found.pair for event in run.folder.events() if isinstance(event, Judged)]
    assert len(asked) == len(set(asked)), "no pair is asked about twice"
    order_of_judge = judged_order(run.folder, run.state, second)
    assert order_of_judge is not None and order_of_judge.share >= 0.8


def test_fits_are_the_same_in_every_run(task: Task, tmp_path: Path) -> None:
    runs = [preferring(task, tmp_path / name) for name in ("one", "two")]
    assert runs[0].state.learned == runs[1].state.learned


@pytest.mark.parametrize("beside", ["nothing", "program"])
def test_the_exported_file_pays_what_the_training_paid(
    task: Task, tmp_path: Path, beside: str
) -> None:
    options = {**NATIVE_JUDGE, "rounds": 2, "beside": beside, "pessimism": 0.5}
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
    state = rs.Run(folder).state
    assert state.learned == {0: None}
    assert state.compared[0] > 0 == state.compared[1], "no pair is asked about twice"
    assert "no reward could be learned" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"judge": "fitness", "segment": 5}, "whole episodes"),
        ({"judge": "person", "flips": 0.1}, "flips are for"),
        ({"judge": "person"}, "films of agents"),
        ({"judge": "person", "beside": "program", "segment": 5}, "whole films"),
        ({"judge": "person", "beside": "program"}, "set seeds=4"),
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


class Death(BaseException):
    """Stands in for a kill: nothing of the run is written after it."""


def die_after(count: int, patch: pytest.MonkeyPatch) -> None:
    """Let a session die when it has appended so many events."""
    append, left = EventLog.append, [count]

    def appended(log: EventLog, event: Event) -> Event:
        if left[0] == 0:
            raise Death
        found = append(log, event)
        left[0] -= found.kind not in ("resumed", "stopped")  # so that each session gets further
        if left[0] == 0:
            raise Death
        return found

    patch.setattr(EventLog, "append", appended)


@pytest.mark.parametrize(
    ("strategy", "options", "every"),
    [
        ("preference", {**NATIVE_JUDGE, "flips": 0.2}, 4),
        ("icpl", {"rounds": 2, "samples": 3, "seeds": 1, "judge": "fitness", "repairs": 0}, 1),
    ],
)
def test_a_run_that_is_interrupted_ends_the_same(
    task: Task, tmp_path: Path, strategy: str, options: dict[str, Any], every: int
) -> None:
    def begin(name: str) -> rs.Run:
        replies = ICPL_REPLIES if strategy == "icpl" else None
        how: dict[str, Any] = {"strategy": strategy, "options": options, "report_seeds": 1}
        return preferring(task, tmp_path / name, **how, replies=replies)

    def outcome(run: rs.Run) -> dict[str, Any]:
        state = run.state
        judged = state.learned, state.compared, state.known_judgements(), state.judges_decide
        return {**happened(run), "judged": judged, "best": run.best.id}

    expected = outcome(begin("whole"))
    kills = 0
    while True:
        with pytest.MonkeyPatch.context() as patch:
            die_after(every, patch)
            try:
                if kills:
                    the_run(tmp_path / "cut").resume(executor=FakeExecutor(varied=True))
                else:
                    begin("cut")
                break
            except Death:
                kills += 1
        assert kills < 100, "each session gets further"
    assert outcome(the_run(tmp_path / "cut")) == expected
    assert kills > 12 and {"compared", "trained"} <= {*kinds(the_run(tmp_path / "cut"))}


def test_a_person_is_waited_for_and_answers_on_the_page(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers come from another session while the run waits, which is no active time."""
    sleep, clock, slept = time.sleep, time.monotonic, [0.0]

    def long_sleep(seconds: float) -> None:
        sleep(0.02)
        slept[0] += 10_000 * seconds

    monkeypatch.setattr(time, "sleep", long_sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock() + slept[0])
    options = {"rounds": 1, "samples": 3, "seeds": 1, "judge": "person", "repairs": 0}
    texts = (GOOD, PULL, GOOD.replace("5.0", "2.0"))
    replies = [{"round": 0, "sample": n, "text": text} for n, text in enumerate(texts)]
    answered: list[str] = []

    def answer() -> None:
        while not (found := list_runs(tmp_path / "runs")) or not rs.Run(found[0]).state.asked:
            sleep(0.05)
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
    assert run.state.active_s < 1000 < slept[0]
    assert run.state.ranked() == sorted(run.state.programs, reverse=True), "as Ann prefers them"
    assert run.best.id == max(run.state.programs), "whatever their fitness"
    assert {clip for pair, _ in run.state.judgements for clip in pair} == {
        Clip(program, 0, "selection") for program in run.state.programs
    }


def test_a_program_that_was_compared_with_no_other_is_still_chosen(
    task: Task, tmp_path: Path
) -> None:
    """The only valid program of a first round is compared with those of the next one."""
    bad = "def reward(positon):\n    return positon"
    texts = [(0, 0, GOOD), (0, 1, bad), (1, 0, PULL), (1, 1, bad)]
    replies = recorded([{"round": r, "sample": n, "text": text} for r, n, text in texts])
    options = {"rounds": 1, "samples": 2, "seeds": 1, "judge": "fitness", "repairs": 0}
    given = {"strategy": "icpl", "replies": replies}
    alone = preferring(task, tmp_path / "alone", **given, options=options)
    assert [alone.best.id] == [*alone.state.programs]
    both = preferring(task, tmp_path / "both", **given, options={**options, "rounds": 2})
    assert both.state.compared == {0: 0, 1: 1}
    assert len(both.state.ranked()) == 2


def test_a_program_of_which_a_training_failed_is_not_chosen(task: Task, tmp_path: Path) -> None:
    """Judges may have compared its other agent; without a score, nothing can be reported of it."""

    def trouble(call: str, job: TrialJob) -> None:
        if call == "train" and job.seed == 1 and "-next_position" in str(job.reward):
            raise BoundaryError("the trainer failed", "none", where="trainer")

    options = {"rounds": 1, "samples": 3, "seeds": 2, "judge": "fitness", "repairs": 0}
    executor = FakeExecutor(varied=True, trouble=trouble)
    given = {"strategy": "icpl", "replies": ICPL_REPLIES, "options": options}
    run = preferring(task, tmp_path, **given, executor=executor)
    (failed,) = [one for one in run.state.programs if not run.state.fitness(one)]
    assert failed not in run.state.ranked() and run.best.id != failed


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
    assert run.state.stopped == "the budget of 20 calls is used up"
    assert {by for _, by in run.state.judgements} == {"openai/fake"}
    learned = run.state.learned[0]
    assert learned is not None
    order = judged_order(run.folder, run.state, learned)
    assert order is not None and order.share >= 0.8


def test_equal_clips_are_asked_about_once(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Agents that do the same look the same, so that requests about their clips are equal."""
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key-at-all")
    options = {"rounds": 2, "pairs": 20, "judge": "model", "seeds": 3}
    with FakeLLM(fair) as fake:
        how: dict[str, Any] = {"strategy": "preference", "options": options, "report_seeds": 0}
        run = asked_of(fake, str(task.folder), tmp_path, **how, executor=FakeExecutor())
    sent = [str(request["body"]["messages"]) for request in fake.requests]
    assert len(sent) == len(set(sent)) == run.state.requests
    assert set(run.state.compared) == {0, 1}


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
