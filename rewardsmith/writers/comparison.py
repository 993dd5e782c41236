"""A model as a judge of pairs of clips: which of two episodes, or parts of episodes, is better?

Each pair is asked in both orders, as often as there are votes. The answer is that of more than half
of all votes; without one the model abstains. The model says what speaks for each clip before its
verdict. It sees the fields of both clips as numbers, or both films as strips of pictures.

Sources: both orders against position bias, Zheng et al. 2023, arXiv 2306.05685; preferences of a
model over trajectories, Klissarov et al. 2023 (Motif), arXiv 2310.00166; several critiques before
the verdict, Ankner et al. 2024 (CLoud), arXiv 2408.11791.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, cast

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.evidence.judged import Clips
from rewardsmith.llm.prompts import Prompts
from rewardsmith.llm.protocol import Image, Message, Request
from rewardsmith.maths.judging import majority
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip
from rewardsmith.run.settings import RunSettings
from rewardsmith.run.state import RunState
from rewardsmith.types import Episode, FloatArray
from rewardsmith.writers.card import FieldCard, task_card
from rewardsmith.writers.feedback.moments import numbers_of

Verdict = Literal["first", "second", "same"]
_MOMENTS = 10  # steps of a clip that are shown
_VERDICT = re.compile(r"better\s*:\s*\**\s*(A|B|same)\b", re.IGNORECASE)
_SAID: dict[str, Verdict] = {"a": "first", "b": "second", "same": "same"}
_SWAPPED: dict[Verdict | None, Verdict] = {"first": "second", "second": "first", "same": "same"}


class PairRequest(NamedTuple):
    """One of the requests about a pair.

    Attributes:
        occurrence: number of earlier equal requests, which is the number of the vote.
    """

    request: Request
    occurrence: int


class PairAnswer(NamedTuple):
    """What a judge answered to all requests about a pair.

    Attributes:
        answer: that of more than half of the votes; None where the judge abstains.
        words: the last sentence before the verdict, of the last reply with this answer.
        votes: of each reply, about the pair; None for a reply without a verdict.
        as_shown: the same, where ``first`` is the clip that the request showed first.
    """

    answer: Verdict | None
    words: str
    votes: tuple[Verdict | None, ...]
    as_shown: tuple[Verdict | None, ...]


class PairJudge:
    """Composes the requests about pairs of clips and reads the replies.

    Args:
        run: the run of the clips, for its task.
        state: of the run.
        clips: those that are compared.
        model: as ``provider/name``.
        settings: temperature, effort and length of the replies.
        strips: pictures of the clips, which are shown in place of their numbers.
        votes: how often a pair is asked in each order.

    Raises:
        UsageError: several votes at temperature 0 are one vote, repeated.

    Example:
        judge = PairJudge(run, state, clips, "openai/gpt-5-mini", settings)
        replies = [ask(one.request, one.occurrence) for one in judge.requests(first, second)]
        judge.answer(replies).answer  # "first", "second", "same", or None
    """

    def __init__(
        self,
        run: RunFolder,
        state: RunState,
        clips: Clips,
        model: str,
        settings: RunSettings,
        strips: Mapping[Clip, Image] | None = None,
        votes: int = 1,
    ) -> None:
        if votes > 1 and settings.temperature == 0:
            raise UsageError(
                f"{votes} votes at temperature 0 are one vote, repeated",
                "raise --temperature, leave it to the provider, or ask for one vote",
            )
        assert state.preflight is not None
        self._clips, self._strips, self._votes = clips, strips or {}, votes
        self._model, self._settings = model, settings
        self._arguments = state.preflight.arguments
        self._card = task_card(run.task().spec, state.preflight, 0)
        self._prompts = Prompts()

    def requests(self, first: Clip, second: Clip) -> list[PairRequest]:
        """The requests about a pair: of each vote one in either order.

        Raises:
            UsageError: a clip has no steps.
        """
        orders = self._request(first, second), self._request(second, first)
        return [PairRequest(one, vote) for vote in range(self._votes) for one in orders]

    def answer(self, replies: Sequence[str]) -> PairAnswer:
        """The answer about a pair.

        Args:
            replies: texts of the replies, in the order of the requests.
        """
        said = [_verdict(text) for text in replies]
        as_shown = tuple(answer for answer, _ in said)
        votes = tuple(
            _SWAPPED.get(answer) if place % 2 else answer for place, answer in enumerate(as_shown)
        )
        found = cast("Verdict | None", majority(votes))
        reasons = [words for (_, words), vote in zip(said, votes, strict=True) if vote == found]
        return PairAnswer(found, reasons[-1] if found and reasons else "", votes, as_shown)

    def _request(self, first: Clip, second: Clip) -> Request:
        both = first, second
        fields: list[FieldCard] = list(self._card.fields)
        text = self._prompts.render(
            "label/pair",
            goal=self._card.goal,
            fields=fields,
            action=self._card.action,
            episodes=[self._shown(clip) for clip in both],
            seen=bool(self._strips),
        )
        pictures = tuple(self._strips[clip] for clip in both if clip in self._strips)
        return Request(
            model=self._model,
            system=self._prompts.render("label/system"),
            messages=(Message("user", text, pictures),),
            max_output_tokens=self._settings.max_output_tokens,
            temperature=self._settings.temperature,
            effort=self._settings.effort,
        )

    def _shown(self, clip: Clip) -> _Shown:
        episode = self._clips.episodes[self._clips.place(clip)]
        first, stop, _ = clip.span.indices(len(episode))
        if stop <= first:
            raise UsageError(
                f"a clip begins after {clip.start} steps of an episode of {len(episode)}",
                "choose a part that lies within the episode",
            )
        steps = first + np.unique(np.linspace(0, stop - first - 1, _MOMENTS).astype(int))
        columns = numbers_of(episode, (), self._arguments) | _actions(episode)
        values = np.column_stack(list(columns.values()))
        rows = [[float(step + 1), *map(float, values[step])] for step in steps]
        return _Shown(first, stop, len(episode), episode.terminated, list(columns), rows)


class _Shown(NamedTuple):
    """A clip in a request.

    Attributes:
        first, stop: the steps of the episode before it, and until its end.
        whole: steps of the episode.
        ended: whether the episode ended by itself.
    """

    first: int
    stop: int
    whole: int
    ended: bool
    columns: list[str]
    rows: list[list[float]]


def _actions(episode: Episode) -> dict[str, FloatArray]:
    values = np.asarray(episode.actions, np.float64).reshape(len(episode), -1)
    return {f"action[{part}]": column for part, column in enumerate(values.T)}


def _verdict(text: str) -> tuple[Verdict | None, str]:
    """The last verdict of a reply about the clips as shown, and the sentence before it."""
    verdicts = list(_VERDICT.finditer(text))
    if not verdicts:
        return None, ""
    before = text[: verdicts[-1].start()].strip(" *\n").splitlines()
    return _SAID[verdicts[-1][1].lower()], before[-1] if before else ""
