"""Comments on a run while it is carried out."""

from __future__ import annotations

from pathlib import Path

import pytest

import rewardsmith as rs
from rewardsmith.engine.observer import Observer
from rewardsmith.llm.replay import Tape
from rewardsmith.run.event import Event
from rewardsmith.run.events import Trained
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.inbox import leave, left_events
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import Commented
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import REPLIES, design, kinds, recorded
from tests.support.lineworld import write_task

THREE = [REPLIES[0]["text"]] * 3
WORDS = "Walk to the right, not to the left."


class Speaking(Observer):
    """A user who comments on the first agent while the run goes on."""

    def __init__(self) -> None:
        self.path: Path | None = None

    def begun(self, run: RunFolder) -> None:
        self.path = run.path

    def event(self, event: Event, state: RunState) -> None:
        if isinstance(event, Trained) and not state.comments and self.path is not None:
            run, self.path = rs.load_run(self.path), None
            assert run.folder.in_use and run.say(WORDS) == event.trial.program


@pytest.fixture
def task(tmp_path: Path) -> str:
    return str(write_task(tmp_path / "line"))


def test_a_comment_is_taken_before_the_next_wave(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    options = {"rounds": 2, "samples": 1, "seeds": 1, "repairs": 0}
    texts = [{"round": number, "sample": 0, "text": text} for number, text in enumerate(THREE)]
    replies = recorded(texts)
    run = design(
        task, tmp_path, replies=replies, options=options, observer=Speaking(), executor=executor
    )
    happened = kinds(run)
    assert happened.count("commented") == 1
    assert happened.index("commented") < happened.index("replied", happened.index("commented"))
    assert list(run.state.comments.values()) == [[WORDS]]
    assert not list(left_events(run.folder))
    assert len(run.state.slots) == 3, "a comment adds a round"
    asked = [entry.request.messages[-1].content for entry in Tape(run.folder.llm_log)]
    assert f"> {WORDS}" not in asked[0] and f"> {WORDS}" in asked[1]


def test_a_comment_whose_file_was_left_by_a_crash_is_taken_once(
    task: str, tmp_path: Path, executor: FakeExecutor
) -> None:
    options = {"rounds": 1, "samples": 1, "seeds": 1, "repairs": 0}
    run = design(task, tmp_path, options=options, executor=executor)
    (program,) = run.state.programs
    run.say(WORDS)
    leave(run.folder, Commented(program=program, words=WORDS))
    run.resume(executor=executor)
    assert kinds(run).count("commented") == 1 and not list(left_events(run.folder))


def test_comments_are_read_in_the_order_in_which_they_were_left(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for words in ("one", "two", "three"):
        leave(run, Commented(program="p", words=words))
    assert [comment.words for _, comment in left_events(run)] == ["one", "two", "three"]


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    leave(run, Commented(program="p", words="one"))
    (tmp_path / "inbox" / "0-damaged.json").write_text("{")
    (tmp_path / "inbox" / "1-other.json").write_text('{"kind": "stopped", "reason": ""}')
    assert [event.kind for _, event in left_events(run)] == ["commented"]
    assert len(list((tmp_path / "inbox").glob("*.damaged"))) == 2
