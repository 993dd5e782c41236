"""A person chooses the best and the worst of several episodes, over real HTTP."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.api.grid_labelling import Extremes, GridLabelling
from rewardsmith.api.labelling import Labelling
from rewardsmith.api.report.label import label_page
from rewardsmith.api.report.loopback import Loopback
from rewardsmith.errors import UsageError
from rewardsmith.run.judgements import Clip, Pair, pair_of
from rewardsmith.run.trials import FILM
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import copied, design
from tests.support.lineworld import write_task


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> rs.Run:
    folder = tmp_path_factory.mktemp("made")
    return design(str(write_task(folder / "line")), folder, executor=FakeExecutor(varied=True))


@pytest.fixture
def run(made: rs.Run, tmp_path: Path) -> rs.Run:
    return copied(made, tmp_path)


def better_of(run: rs.Run) -> dict[Pair, Clip]:
    """The better one of each pair that was judged."""
    found = run.state.known_judgements()
    return {one.pair: one.better for one in found if one.better is not None}


@pytest.mark.parametrize(("size", "best", "worst"), [(3, 2, 0), (4, 0, 2), (6, 4, 5), (6, 3, 1)])
def test_the_best_is_above_all_others_and_all_others_above_the_worst(
    run: rs.Run, size: int, best: int, worst: int
) -> None:
    session = GridLabelling(run.folder, by="Ann", clips=size, grids=1)
    (grid,) = session.questions
    assert len(set(grid.clips)) == size
    said = session.answer(Extremes(best, worst), "it arrives")
    assert said.startswith(f"recorded as {2 * size - 3} pairs: ") and session.question is None
    score = {clip: (place == best) - (place == worst) for place, clip in enumerate(grid.clips)}
    expected = {
        pair_of(one, other): max(one, other, key=lambda clip: score[clip])
        for one, other in itertools.combinations(grid.clips, 2)
        if score[one] != score[other]
    }
    assert better_of(run) == expected and len(expected) == 2 * size - 3
    found = run.state.known_judgements()
    assert {(one.by, one.words) for one in found} == {("Ann", "it arrives")}


def test_without_a_worst_one_the_others_are_not_compared(run: rs.Run) -> None:
    session = GridLabelling(run.folder, by="Ann", clips=4, grids=1)
    session.answer(Extremes(best=1))
    assert len(better_of(run)) == 3
    assert set(better_of(run).values()) == {session.questions[0].clips[1]}


def test_undo_takes_all_pairs_of_a_grid_back_and_restores_earlier_answers(run: rs.Run) -> None:
    session = GridLabelling(run.folder, by="Ann", clips=4, grids=1, seed=1)
    clips = session.questions[0].clips
    pairs = Labelling(run.folder, by="Ann", pairs=1000)
    while (question := pairs.question) is not None:
        known = {question.left, question.right} == {clips[0], clips[1]}
        pairs.answer("same" if known else "skip")
    session = GridLabelling(run.folder, by="Ann", clips=4, grids=100, seed=1)
    while session.question is not None:
        session.answer(Extremes(0, 1))
    assert len(better_of(run)) > 5
    while session.undo():
        pass
    assert session.place == 0 and not better_of(run)
    kept = [one for one in run.state.known_judgements() if one.answer != "withdrawn"]
    assert [(one.answer, one.pair) for one in kept] == [("same", pair_of(clips[0], clips[1]))]


def test_every_grid_has_a_new_pair_and_the_most_doubtful_pair_is_in_the_first(run: rs.Run) -> None:
    session = GridLabelling(run.folder, by="Ann", clips=3, grids=1000)
    seen: set[Pair] = set()
    for grid in session.questions:
        pairs = {pair_of(*pair) for pair in itertools.combinations(grid.clips, 2)}
        assert not pairs <= seen
        seen |= pairs
    assert len(seen) == len(session.clips.names) * (len(session.clips.names) - 1) // 2
    above = np.sign(session.returns[:, :, None] - session.returns[:, None, :])
    doubt = 1 - np.abs(above.mean(axis=0)) - np.eye(above.shape[1])
    first = [session.clips.place(clip) for clip in session.questions[0].clips]
    assert doubt[np.ix_(first, first)].max() == doubt.max()


def test_sessions_go_on_where_the_last_one_ended(run: rs.Run) -> None:
    session = GridLabelling(run.folder, by="Ann", clips=3, grids=1000)
    session.answer(Extremes(0, 2))
    again = GridLabelling(run.folder, by="Ann", clips=3, grids=1000)
    assert set(again.questions[0].clips) != set(session.questions[0].clips)
    assert len(again.questions) < len(session.questions)


@pytest.mark.parametrize("extremes", [Extremes(0, 0), Extremes(3), Extremes(0, 3), Extremes(-1, 0)])
def test_places_that_do_not_exist_are_refused(run: rs.Run, extremes: Extremes) -> None:
    session = GridLabelling(run.folder, by="Ann", clips=3)
    with pytest.raises(UsageError, match="two different places below 3"):
        session.answer(extremes)
    assert session.place == 0 and not run.state.judgements


def test_the_number_of_episodes_is_limited(run: rs.Run) -> None:
    for size in (2, 7):
        with pytest.raises(UsageError, match=f"{size} episodes cannot be shown at a time"):
            GridLabelling(run.folder, by="Ann", clips=size)


@pytest.fixture
def page(run: rs.Run) -> Iterator[Loopback]:
    served = label_page(GridLabelling(run.folder, by="Ann", clips=4, grids=2))
    with served.serving():
        yield served


def fetch(page: Loopback, place: str, content: Any = None) -> tuple[int, bytes]:
    address = urlsplit(page.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0)
    try:
        body = None if content is None else json.dumps(content).encode()
        headers = {} if content is None else {"Origin": f"http://{address.netloc}"}
        method = "GET" if content is None else "POST"
        connection.request(method, address.path + place, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_page_asks_for_the_best_and_the_worst(run: rs.Run, page: Loopback) -> None:
    status, text = fetch(page, "")
    assert status == 200 and b"Which one is the best?" in text and b'id="clip4"' in text
    question = json.loads(fetch(page, "question")[1])
    assert (question["place"], question["of"], len(question["steps"])) == (0, 2, 4)
    assert all(f'class="clip{n}"' in question["charts"][0]["svg"] for n in (1, 2, 3, 4))
    answer = {"place": 0, "best": 3, "worst": 1, "words": "<b>it arrives</b>"}
    assert fetch(page, "answer", answer)[0] == 200
    assert len(better_of(run)) == 5
    assert fetch(page, "answer", answer) == (409, b"this question was answered already")
    assert fetch(page, "undo", {}) == (200, b"taken back") and not better_of(run)
    assert fetch(page, "answer", {"place": 0, "best": 3})[0] == 200
    assert fetch(page, "answer", {"place": 1, "skip": True}) == (200, b"skipped")
    end = json.loads(fetch(page, "question")[1])
    assert end["done"] and (end["answered"], end["skipped"]) == (1, 1)
    assert end["best"] == [0, 0, 0, 1] and len(better_of(run)) == 3


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ([], 400),
        ({"place": 0}, 400),
        ({"place": 0, "best": "1"}, 400),
        ({"place": 0, "best": True}, 400),
        ({"place": 0, "best": 1, "worst": [0]}, 400),
        ({"place": 0, "best": 4}, 409),
        ({"place": 0, "best": 1, "worst": 1}, 409),
        ({"place": 1, "best": 1}, 409),
        ({"skip": True}, 409),
    ],
)
def test_what_is_no_answer_is_refused(
    run: rs.Run, page: Loopback, content: Any, status: int
) -> None:
    assert fetch(page, "answer", content)[0] == status
    assert not run.state.judgements


def test_the_film_of_each_place_is_shown(run: rs.Run, page: Loopback) -> None:
    grid = GridLabelling(run.folder, by="Ann", clips=4, grids=2).questions[1]
    assert fetch(page, "3/1") == (404, b"there is no film")
    (run.folder.trial_at(grid.clips[2].trial).path / FILM).write_bytes(b"a film")
    assert fetch(page, "3/1") == (200, b"a film")
    for place in ("0/1", "5/1", "left/1", "3/2"):
        assert fetch(page, place)[0] == 404
