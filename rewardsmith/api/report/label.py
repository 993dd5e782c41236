"""The page on which a person compares episodes of a run, served on this machine only."""

from __future__ import annotations

import json
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

from rewardsmith.api.grid_labelling import Extremes, GridLabelling
from rewardsmith.api.labelling import Choice, Labelling
from rewardsmith.api.report.behaviour import charts_together
from rewardsmith.api.report.loopback import HTML, NO_PAGE, Loopback, Response
from rewardsmith.api.report.page import template
from rewardsmith.engine.films import film_trials
from rewardsmith.engine.workers.executor import Execution

_MOST_CHARTS = 6
_JSON = "application/json"
_NOT_CURRENT = Response(409, "this question was answered already")


class LabelPages(ABC):
    """The page of a labelling: questions, films, and answers.

    Args:
        session: which is asked.
        nonce: of the script.

    Attributes:
        places: names of the episodes of a question, from left to right.
        filming: whether films are still being made.
    """

    page: str  # its template
    places: Sequence[str]

    def __init__(self, session: Labelling | GridLabelling, nonce: str) -> None:
        self.session = session
        self.filming = False
        self._nonce = nonce
        self._task = session.run.task()
        self._one_at_a_time = threading.Lock()

    def get(self, place: str) -> Response:
        """The page, the question as JSON, or the film of one episode of a question."""
        if place == "":
            return Response(200, self._page(), HTML)
        with self._one_at_a_time:
            if place == "question":
                return Response(200, json.dumps(self._question()), _JSON)
            return self._film(place)

    def post(self, place: str, content: Any) -> Response:
        """An answer to a question, or an undo.

        An answer names the question and may have words, ``{"place": 0, "words": "", ...}``. A
        question that is not the current one was answered before: two keys, or two windows.

        Raises:
            RewardsmithError: the answer cannot be written.
        """
        with self._one_at_a_time:
            if place == "undo":
                undone = self.session.undo()
                return Response(200, "taken back" if undone else "there is nothing to take back")
            if place != "answer":
                return NO_PAGE
            given = content if isinstance(content, dict) else {}
            words = str(given.get("words") or "")[:500]
            return self._answer(given, words, current=given.get("place") == self.session.place)

    @contextmanager
    def filmed(self, execution: Execution) -> Iterator[None]:
        """Make the films that are missing while the page is shown, in the order of the questions.

        An environment that cannot draw itself has no films: the page shows its charts.
        """
        ending = threading.Event()
        thread = threading.Thread(target=self._make_films, args=(execution, ending), daemon=True)
        self.filming = True
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def _make_films(self, execution: Execution, ending: threading.Event) -> None:
        trials = dict.fromkeys(clip.trial for one in self.session.questions for clip in one.clips)
        folders = map(self.session.run.trial_at, trials)
        missing = [folder.path for folder in folders if folder.film is None]
        try:
            with execution.opened(self._task.spec.env.exclusive) as executor:
                for first in range(0, len(missing), 2):
                    if ending.is_set():
                        break
                    film_trials(self.session.run, missing[first : first + 2], executor)
        finally:
            self.filming = False

    def _page(self) -> str:
        return template(self.page).render(
            run=self.session.run.name,
            goal=self._task.goal,
            by=self.session.by,
            nonce=self._nonce,
            places=self.places,
        )

    def _question(self) -> dict[str, Any]:
        """The current question, or what was answered in all."""
        session, question = self.session, self.session.question
        progress = {"place": session.place, "of": len(session.questions)}
        if question is None:
            return {**progress, "done": True, **self._summary()}
        episodes = [session.clips.episodes[session.clips.place(clip)] for clip in question.clips]
        together = dict(zip(self.places, episodes, strict=True))
        charts = charts_together(self._task, together, _MOST_CHARTS)
        drawn = [{"title": title, "svg": str(svg)} for title, svg in charts]
        return {**progress, "done": False, "steps": list(map(len, episodes)), "charts": drawn}

    def _film(self, place: str) -> Response:
        """``left/3`` is the film on the left of question 3."""
        name, _, number = place.partition("/")
        questions = self.session.questions
        if name not in self.places or not number.isdigit() or int(number) >= len(questions):
            return NO_PAGE
        clip = questions[int(number)].clips[self.places.index(name)]
        film = self.session.run.trial_at(clip.trial).film
        if film is not None:
            return Response(200, film.read_bytes(), "image/webp")
        return Response(404, "it is being made" if self.filming else "there is no film")

    @abstractmethod
    def _answer(self, given: dict[str, Any], words: str, *, current: bool) -> Response:
        """Take an answer."""

    @abstractmethod
    def _summary(self) -> dict[str, Any]:
        """What was answered in all."""


class PairPages(LabelPages):
    """Two episodes, of which one is better: ``{"place": 0, "choice": "first"}``."""

    page, places = "label_pair.html.j2", ("left", "right")
    session: Labelling

    def _answer(self, given: dict[str, Any], words: str, *, current: bool) -> Response:
        choice: Any = given.get("choice")
        if choice not in get_args(Choice):
            return Response(400, f"expected a choice of {', '.join(get_args(Choice))}")
        return Response(200, self.session.answer(choice, words)) if current else _NOT_CURRENT

    def _summary(self) -> dict[str, Any]:
        answers = self.session.answers
        counts = {choice: answers.count(choice) for choice in get_args(Choice)}
        return {"counts": counts, "left": self.session.left_share()}


class GridPages(LabelPages):
    """Several episodes, of which one is the best and one may be the worst.

    An answer is ``{"place": 0, "best": 2, "worst": 0}`` with places from 0; ``worst`` may be left
    out. ``{"place": 0, "skip": true}`` skips the question.
    """

    page = "label_grid.html.j2"
    session: GridLabelling

    def __init__(self, session: GridLabelling, nonce: str) -> None:
        super().__init__(session, nonce)
        self.places = [str(place + 1) for place in range(session.size)]

    def _answer(self, given: dict[str, Any], words: str, *, current: bool) -> Response:
        if given.get("skip") is True:
            answer = None
        elif _is_place(given.get("best")) and _is_place(given.get("worst", 0)):
            answer = Extremes(given["best"], given.get("worst"))
        else:
            return Response(400, "expected the places of the best and of the worst episode")
        if not current:
            return _NOT_CURRENT
        return Response(200, self.session.answer(answer, words))

    def _summary(self) -> dict[str, Any]:
        answers = self.session.answers
        return {
            "answered": len(answers) - answers.count(None),
            "skipped": answers.count(None),
            "best": self.session.best_places(),
        }


def label_page(session: Labelling | GridLabelling, port: int = 0) -> Loopback:
    """A server of the page of a labelling.

    Raises:
        UsageError: the port is taken.
    """
    nonce = secrets.token_urlsafe(16)
    if isinstance(session, GridLabelling):
        return Loopback(GridPages(session, nonce), nonce, port)
    return Loopback(PairPages(session, nonce), nonce, port)


def _is_place(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
