"""A person compares episodes: the page over real HTTP, and what the writer is shown."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import rewardsmith as rs
from rewardsmith.api.judgements import export_judgements, import_judgements
from rewardsmith.api.labelling import Labelling, judged_share
from rewardsmith.api.report.label import LabelPages, label_page
from rewardsmith.api.report.loopback import Loopback
from rewardsmith.engine.workers.executor import Execution
from rewardsmith.episodes.files import EPISODES
from rewardsmith.errors import UsageError
from rewardsmith.evidence.judged import Clips, clip_returns, outputs_on
from rewardsmith.llm.replay import Tape
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.trials import FILM
from tests.support.command_line import GOOD
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import asked_of, copied
from tests.support.lineworld import write_task

PULL = GOOD.replace("5.0 * (next_position - position)", "position - next_position").replace(
    "next_position}", "-next_position}"
)
ANSWERS = (GOOD, PULL, GOOD.replace("5.0", "2.0"), GOOD.replace("5.0", "3.0"))
OPTIONS = {"rounds": 1, "samples": 3, "seeds": 1, "repairs": 0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rs.Run]:
    """A run whose model goes on answering."""
    folder = tmp_path_factory.mktemp("made")
    task = str(write_task(folder / "line"))
    with FakeLLM(ANSWERS) as fake, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "not-a-key-at-all")
        how: dict[str, Any] = {"options": OPTIONS, "executor": FakeExecutor(varied=True)}
        yield asked_of(fake, task, folder, **how)


@pytest.fixture
def run(made: rs.Run, tmp_path: Path) -> rs.Run:
    return copied(made, tmp_path)


def answer_by(run: rs.Run, session: Labelling, *, agreeing: bool, words: str = "") -> list[str]:
    """Answer every question of a session as the best program does, or the other way round."""
    program, gamma = run.folder.program(run.best.id), run.folder.task().spec.training.gamma
    said = []
    while (question := session.question) is not None:
        names = question.left, question.right
        episodes = tuple(session.clips.episodes[session.clips.place(one)] for one in names)
        outputs = outputs_on(program, episodes, gamma)
        left, right = clip_returns(Clips(names, episodes), outputs, gamma)
        said.append(session.answer("first" if (left > right) == agreeing else "second", words))
    return said


def test_the_writer_is_shown_the_pair_that_its_program_violates(run: rs.Run) -> None:
    best = run.best.id
    session = Labelling(run.folder, by="Ann", pairs=6)
    answer_by(run, session, agreeing=False, words="it goes the wrong way")
    assert judged_share(run.folder, run.state, best) == (0.0, 6)
    run.resume(rounds=1, executor=FakeExecutor(varied=True))
    asked = [entry.request.messages[-1].content for entry in Tape(run.folder.llm_log)]
    assert "said which one is better" not in asked[0]
    assert "orders 0 of 6 pairs as they did" in asked[-1]
    assert "they said: it goes the wrong way" in asked[-1]
    assert "**The better episode** (" in asked[-1] and "**The worse episode** (" in asked[-1]


def test_a_program_that_agrees_is_told_so(run: rs.Run) -> None:
    said = answer_by(run, Labelling(run.folder, by="Ann", pairs=4), agreeing=True)
    assert all(one.startswith("recorded: ") for one in said)
    assert all(one.endswith("the best one agrees") for one in said)
    assert judged_share(run.folder, run.state, run.best.id) == (1.0, 4)


def test_pairs_on_which_programs_disagree_come_first_and_none_is_asked_twice(run: rs.Run) -> None:
    session = Labelling(run.folder, by="Ann", pairs=100)
    doubts = []
    for question in session.questions:
        left, right = (session.clips.place(one) for one in (question.left, question.right))
        above = session.returns[:, left] > session.returns[:, right]
        doubts.append(0 < above.sum() < len(above))
    assert any(doubts) and doubts == sorted(doubts, reverse=True)
    for _ in range(3):
        session.answer("same")
    again = Labelling(run.folder, by="Ann", pairs=100)
    assert len(again.questions) == len(session.questions) - 3
    assert len(Labelling(run.folder, by="Ben", pairs=100).questions) == len(session.questions)


def test_an_answer_that_is_taken_back_does_not_count(run: rs.Run) -> None:
    session = Labelling(run.folder, by="Ann", pairs=3)
    assert not session.undo()
    session.answer("first")
    session.answer("skip")
    assert session.undo() and session.undo() and session.place == 0
    assert judged_share(run.folder, run.state, run.best.id) is None
    session.answer("second")
    (found,) = run.state.known_judgements()
    assert found.better == found.second and found.by == "Ann"


def test_a_pair_whose_answer_was_taken_back_is_asked_in_the_next_session(run: rs.Run) -> None:
    session = Labelling(run.folder, by="Ann", pairs=3)
    asked = {question.left for question in session.questions}
    session.answer("first")
    session.undo()
    again = Labelling(run.folder, by="Ann", pairs=3)
    assert {question.left for question in again.questions} == asked


def test_all_answers_of_a_labeller_can_be_withdrawn(run: rs.Run) -> None:
    Labelling(run.folder, by="Ben", pairs=1).answer("first")
    Labelling(run.folder, by="Ann", pairs=1).answer("first")
    session = Labelling(run.folder, by="Ann", pairs=3)
    session.answer("second")
    assert session.withdraw() == 2 and not session.undo()
    kept = {one.by: one.answer for one in run.state.known_judgements()}
    assert kept == {"Ann": "withdrawn", "Ben": "first"}


def test_answers_are_taken_while_the_run_goes_on(run: rs.Run) -> None:
    session = Labelling(run.folder, by="Ann", pairs=2)
    with run.folder.lock():
        session.answer("first")
        assert not run.state.judgements
    run.resume(rounds=1, executor=FakeExecutor(varied=True))
    assert len(run.state.judgements) == 1


def test_a_run_without_trainings_cannot_be_compared(run: rs.Run, tmp_path: Path) -> None:
    for trial in run.folder.path.glob(f"programs/*/trials/*/{EPISODES}"):
        trial.unlink()
    with pytest.raises(UsageError, match="0 finished trainings"):
        Labelling(run.folder, by="Ann")


@pytest.fixture
def page(run: rs.Run) -> Iterator[Loopback]:
    served = label_page(Labelling(run.folder, by="Ann", pairs=3))
    with served.serving():
        yield served


def fetch(page: Loopback, place: str, content: Any = None, **headers: str) -> tuple[int, bytes]:
    address = urlsplit(page.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0)
    try:
        body = None if content is None else json.dumps(content).encode()
        known = {"Origin": f"http://{address.netloc}"} if content is not None else {}
        method = "GET" if content is None else "POST"
        connection.request(method, address.path + place, body, known | headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_page_asks_and_takes_answers(run: rs.Run, page: Loopback) -> None:
    status, text = fetch(page, "")
    assert status == 200 and b"Which of the two is better?" in text
    question = json.loads(fetch(page, "question")[1])
    assert (question["place"], question["of"], question["done"]) == (0, 3, False)
    assert "polyline" in question["charts"][0]["svg"]
    answer = {"place": 0, "choice": "first", "words": "<b>faster</b>"}
    assert fetch(page, "answer", answer)[0] == 200
    assert fetch(page, "answer", answer) == (409, b"this question was answered already")
    assert fetch(page, "undo", {}) == (200, b"taken back")
    for place, choice in enumerate(("second", "same", "skip")):
        assert fetch(page, "answer", {"place": place, "choice": choice})[0] == 200
    end = json.loads(fetch(page, "question")[1])
    assert end["done"] and end["counts"] == {"first": 0, "second": 1, "same": 1, "skip": 1}
    assert end["left"] == 0.0
    assert [one.answer for one in run.state.known_judgements()] == ["second", "same"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ([], 400),
        ({"place": 0}, 400),
        ({"place": 0, "choice": "left"}, 400),
        ({"choice": "first"}, 409),
        ({"place": 2, "choice": "first"}, 409),
    ],
)
def test_what_is_no_answer_is_refused(
    run: rs.Run, page: Loopback, content: Any, status: int
) -> None:
    assert fetch(page, "answer", content)[0] == status
    assert not run.state.judgements


def test_others_cannot_reach_the_page(run: rs.Run, page: Loopback) -> None:
    answer = {"place": 0, "choice": "first"}
    assert fetch(page, "answer", answer, Origin="http://evil.example")[0] == 403
    assert fetch(page, "question", Host="evil.example")[0] == 403
    assert fetch(page, "../question")[0] == 404
    assert not run.state.judgements


def test_a_film_is_shown_where_there_is_one(run: rs.Run, page: Loopback) -> None:
    pages = page.pages
    assert isinstance(pages, LabelPages)
    with pages.filmed(Execution(FakeExecutor(varied=True))):
        pass
    assert fetch(page, "left/0") == (404, b"there is no film")
    folder = run.folder.trial_at(pages.session.questions[1].right.trial)
    (folder.path / FILM).write_bytes(b"a film")
    assert fetch(page, "right/1") == (200, b"a film")
    for place in ("right/9", "right/x", "middle/0", "right"):
        assert fetch(page, place)[0] == 404


def test_answers_travel_as_a_file(run: rs.Run, tmp_path: Path) -> None:
    answer_by(run, Labelling(run.folder, by="Ann", pairs=3), agreeing=True)
    copy = RunFolder(shutil.copytree(run.path, tmp_path / "copy"))
    answer_by(rs.Run(copy), Labelling(copy, by="Ben", pairs=2), agreeing=False)
    file = tmp_path / "answers.json"
    assert export_judgements(copy, file) == 5
    assert import_judgements(run.folder, file) == (2, 0), "those of Ann are known"
    assert run.state.judgements == rs.Run(copy).state.judgements
    assert import_judgements(run.folder, file) == (0, 0)
    foreign = json.loads(file.read_text())
    for one in foreign:
        one["first"][0] = "another program"
    file.write_text(json.dumps(foreign))
    assert import_judgements(run.folder, file) == (0, 5)
    file.write_text("[1]")
    with pytest.raises(UsageError, match="holds no judgements"):
        import_judgements(run.folder, file)
