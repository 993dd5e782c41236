"""The page on which a person compares two episodes of a run, served on this machine only."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

from rewardsmith.api.export.films import film_trials
from rewardsmith.api.labelling import Choice, Labelling, Question
from rewardsmith.api.report.behaviour import pair_charts
from rewardsmith.api.report.loopback import HTML, NO_PAGE, Loopback, Response
from rewardsmith.api.report.page import template
from rewardsmith.engine.workers.executor import Execution
from rewardsmith.run.judgements import Clip

_MOST_CHARTS = 6
_JSON = "application/json"
_SIDES = ("left", "right")


class LabelPages:
    """The page of a labelling: questions, films, and answers.

    Args:
        session: which is asked.
        nonce: of the script.

    Attributes:
        filming: whether films are still being made.
    """

    def __init__(self, session: Labelling, nonce: str) -> None:
        self.session = session
        self.filming = False
        self._nonce = nonce
        self._task = session.run.task()
        self._one_at_a_time = threading.Lock()

    def get(self, place: str) -> Response:
        """The page, the question as JSON, or the film of one side of a question."""
        if place == "":
            return Response(200, self._page(), HTML)
        with self._one_at_a_time:
            if place == "question":
                return Response(200, json.dumps(self._question()), _JSON)
            return self._film(place)

    def post(self, place: str, content: Any) -> Response:
        """An answer to a question, ``{"place": 0, "choice": "first", "words": ""}``, or an undo.

        A question that is not the current one was answered before: two keys, or two windows.

        Raises:
            RewardsmithError: the answer cannot be written.
        """
        with self._one_at_a_time:
            if place == "undo":
                undone = self.session.undo()
                return Response(200, "taken back" if undone else "there is nothing to take back")
            if place != "answer":
                return NO_PAGE
            choice, words = _read(content)
            if choice not in get_args(Choice):
                return Response(400, f"expected a choice of {', '.join(get_args(Choice))}")
            if content.get("place") != self.session.place:
                return Response(409, "this question was answered already")
            return Response(200, self.session.answer(choice, words))

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
        shown = itertools.chain.from_iterable(map(_sides, self.session.questions))
        trials = dict.fromkeys(clip.trial for clip in shown)
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
        return template("label.html.j2").render(
            run=self.session.run.name,
            goal=self._task.goal,
            by=self.session.by,
            nonce=self._nonce,
        )

    def _question(self) -> dict[str, Any]:
        """The current question, or what was answered in all."""
        session, question = self.session, self.session.question
        progress = {"place": session.place, "of": len(session.questions)}
        if question is None:
            answers = session.answers
            counts = {choice: answers.count(choice) for choice in get_args(Choice)}
            return {**progress, "done": True, "counts": counts, "left": session.left_share()}
        episodes = [session.clips.episodes[session.clips.place(one)] for one in _sides(question)]
        charts = pair_charts(self._task, episodes[0], episodes[1], _MOST_CHARTS)
        drawn = [{"title": title, "svg": str(svg)} for title, svg in charts]
        return {**progress, "done": False, "steps": list(map(len, episodes)), "charts": drawn}

    def _film(self, place: str) -> Response:
        """``left/3`` is the film on the left of question 3."""
        side, _, number = place.partition("/")
        questions = self.session.questions
        if side not in _SIDES or not number.isdigit() or int(number) >= len(questions):
            return NO_PAGE
        clip = _sides(questions[int(number)])[_SIDES.index(side)]
        film = self.session.run.trial_at(clip.trial).film
        if film is not None:
            return Response(200, film.read_bytes(), "image/webp")
        return Response(404, "it is being made" if self.filming else "there is no film")


def label_page(session: Labelling, port: int = 0) -> Loopback:
    """A server of the page of a labelling.

    Raises:
        UsageError: the port is taken.
    """
    nonce = secrets.token_urlsafe(16)
    return Loopback(LabelPages(session, nonce), nonce, port)


def _sides(question: Question) -> tuple[Clip, Clip]:
    return question.left, question.right


def _read(content: Any) -> tuple[Any, str]:
    """The choice and the words of a post."""
    if not isinstance(content, dict):
        return None, ""
    return content.get("choice"), str(content.get("words") or "")[:500]
