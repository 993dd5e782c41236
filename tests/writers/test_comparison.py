"""Requests about pairs of clips, and what is read from the replies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rewardsmith as rs
from rewardsmith.errors import UsageError
from rewardsmith.evidence.judged import clips_of
from rewardsmith.run.judgements import Clip
from rewardsmith.run.settings import RunSettings
from rewardsmith.writers.comparison import PairJudge
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import design
from tests.support.lineworld import write_task


@pytest.fixture
def run(tmp_path: Path) -> rs.Run:
    return design(str(write_task(tmp_path / "line")), tmp_path, executor=FakeExecutor(varied=True))


def some_clips(run: rs.Run) -> list[Clip]:
    trials = [key for key, trial in sorted(run.state.trials.items()) if trial.status == "finished"]
    return [Clip.of(trial) for trial in trials[:2]]


def judge_of(run: rs.Run, clips: list[Clip], votes: int = 1) -> PairJudge:
    found = clips_of(run.folder, clips)
    return PairJudge(run.folder, run.state, found, "openai/judge", RunSettings(), votes=votes)


def rows(text: str) -> list[list[float]]:
    lines = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    return [[float(cell) for cell in line.strip("| ").split("|")] for line in lines]


def test_each_vote_is_asked_in_both_orders(run: rs.Run) -> None:
    first, second = some_clips(run)
    asked = judge_of(run, [first, second], votes=3).requests(first, second)
    assert [one.occurrence for one in asked] == [0, 0, 1, 1, 2, 2]
    assert len({one.request.digest for one in asked}) == 2
    texts = [one.request.messages[0].content for one in asked[:2]]
    here, there = (rows(text) for text in texts)
    middle = len(here) // 2
    assert here[:middle] == there[middle:] and here[middle:] == there[:middle]


def test_a_part_of_an_episode_is_shown_alone(run: rs.Run) -> None:
    whole, other = some_clips(run)
    part = whole._replace(start=2, steps=3)
    judge = judge_of(run, [whole, part, other])
    text = judge.requests(part, other)[0].request.messages[0].content
    length = len(run.folder.trial_at(whole.trial).episodes()[0])
    assert f"## Episode A: steps 3 to 5 of an episode of {length} steps\n" in text
    assert "## Episode B: 10 steps, cut off at the time limit\n" in text
    full = rows(judge.requests(whole, other)[0].request.messages[0].content)
    assert rows(text)[:3] == full[2:5], "the steps keep their numbers"


def test_a_part_that_lies_behind_the_end_is_refused(run: rs.Run) -> None:
    whole, other = some_clips(run)
    late = whole._replace(start=50)
    with pytest.raises(UsageError, match="begins after 50 steps of an episode of 10"):
        judge_of(run, [late, other]).requests(late, other)


A, B, SAME, NONE = "It moves.\nBetter: A", "It stops.\nBetter: **B**", "better: SAME", "Neither."


@pytest.mark.parametrize(
    ("replies", "answer", "words"),
    [
        ([A, B], "first", "It stops."),
        ([B, A], "second", "It moves."),
        ([SAME, SAME], "same", ""),
        ([A, A], None, ""),  # prefers what is shown first
        ([A, NONE], None, ""),  # half of the votes are no majority
        ([A, B, A, A, A, B], "first", "It stops."),
        ([A, B, A, A, A, A], "first", "It moves."),
        ([A, B, B, A], None, ""),
        ([A, B, NONE, NONE], None, ""),
        (["Better: A\nNo.\nBetter: B", A], "second", "It moves."),
    ],
)
def test_the_answer_is_that_of_more_than_half_of_the_votes(
    run: rs.Run, replies: list[str], answer: str | None, words: str
) -> None:
    found = judge_of(run, some_clips(run)).answer(replies)
    assert (found.answer, found.words) == (answer, words)
    assert len(found.votes) == len(found.as_shown) == len(replies)
    assert found.as_shown[0] == found.votes[0], "the first request shows the first clip first"
