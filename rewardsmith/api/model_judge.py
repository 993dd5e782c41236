"""A language model compares episodes of a run, as a person does on the page of ``label``.

Each pair is asked in both orders; the model abstains where its answers differ. Pairs with a known
answer come first: the best and the worst episodes by fitness. A model that fails on them is not
believed, and nothing is recorded. The model sees the fields of both episodes as numbers, or both
films as strips of pictures.

Sources: both orders against position bias, Zheng et al. 2023, arXiv 2306.05685; preferences of a
model over trajectories, Klissarov et al. 2023 (Motif), arXiv 2310.00166.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rewardsmith.api.asker import Asker
from rewardsmith.api.film_strips import film_strips
from rewardsmith.api.labelling import Choice, Labelling, Question
from rewardsmith.engine.workers.executor import HERE, Execution
from rewardsmith.errors import UsageError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prompts import Prompts
from rewardsmith.llm.protocol import Image, Message, Request
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.settings import RunSettings
from rewardsmith.types import Episode
from rewardsmith.writers.card import FieldCard, task_card
from rewardsmith.writers.feedback.moments import numbers_of

LOG = "judge.jsonl"  # in the folder of a run
_KNOWN_PAIRS = 3
_LEAST_GAP = 0.5  # of the range of fitness, from which the answer of a pair is known
_MOMENTS = 10  # steps of an episode that are shown
_VERDICT = re.compile(r"better\s*:\s*\**\s*(A|B|same)\b", re.IGNORECASE)


@dataclass(frozen=True)
class JudgeReport:
    """What a model answered.

    Attributes:
        answered: pairs of which it called one episode better, or both equally good, in both orders.
        abstained: pairs of which its answers in the two orders differ, or are none.
        known: pairs with a known answer; ``right`` of them were answered rightly.
        requests: that were sent; those of an earlier call are not paid for again.
        cost_usd: of these; None if the price is unknown.
    """

    model: str
    answered: int
    abstained: int
    known: int
    right: int
    requests: int
    cost_usd: float | None


class _Shown(NamedTuple):
    """An episode in a request."""

    steps: int
    ended: bool
    columns: list[str]
    rows: list[list[float]]


def judge_pairs(
    run: RunFolder,
    model: str,
    pairs: int = 20,
    settings: RunSettings | None = None,
    *,
    see: bool = False,
    execution: Execution = HERE,
) -> JudgeReport:
    """Let a model compare episodes of a run; its answers become feedback for the writer.

    Args:
        model: as ``provider/name``; its answers are recorded under this name.
        pairs: how many pairs are asked at most, each in two requests.
        settings: address, prices and limits of the model.
        see: show the model pictures of the episodes in place of their numbers.
        execution: where missing films are made.

    Raises:
        UsageError: the model is unknown, has no key, or fails on the pairs with a known answer; or
            the run has too few trainings; or the environment cannot draw itself.
        BoundaryError: the provider failed; what was answered before is kept.
    """
    settings = settings or RunSettings()
    session = Labelling(run, by=model, pairs=pairs)
    known = _known_pairs(session)
    asked = [*known, *session.questions] if see else []
    shown = [clip.trial for question in asked for clip in (question.left, question.right)]
    judge = _Judge(session, model, settings, film_strips(run, shown, execution))
    right = sum(judge.compare(question) == "first" for question in known)
    if known and 2 * right <= len(known):
        raise UsageError(
            f"{model} is not believed: of {len(known)} pairs whose answer is known by fitness, it "
            f"answered {right} rightly",
            "use another model, compare them yourself (leave out --judge), or check the fitness",
        )
    while (question := session.question) is not None:
        session.answer(judge.compare(question), judge.reason)
    skipped = session.answers.count("skip")
    answered = len(session.answers) - skipped
    asker = judge.asker
    return JudgeReport(model, answered, skipped, len(known), right, asker.sent, asker.cost_usd)


class _Judge:
    """Composes the requests and reads the replies.

    Attributes:
        reason: the last sentence before the verdict of the last reply.
    """

    def __init__(
        self,
        session: Labelling,
        model: str,
        settings: RunSettings,
        strips: Mapping[TrialKey, Image],
    ) -> None:
        self.asker = Asker(model, settings, ReplyLog(session.run.path / LOG))
        self.reason = ""
        self._model, self._settings = model, settings
        self._clips, self._strips = session.clips, strips
        state = fold(session.run.events())
        assert state.preflight is not None
        self._arguments = state.preflight.arguments
        self._card = task_card(session.run.task().spec, state.preflight, 0)
        self._prompts = Prompts()

    def compare(self, question: Question) -> Choice:
        """The better one; ``skip`` if the answers in the two orders differ."""
        left, right = question.left, question.right
        one, other = self._answer(left, right), self._answer(right, left)
        swapped = {"A": "B", "B": "A", "same": "same"}
        if one is None or other is None or swapped[one] != other:
            return "skip"
        choices: dict[str, Choice] = {"A": "first", "B": "second", "same": "same"}
        return choices[one]

    def _answer(self, first: Clip, second: Clip) -> str | None:
        text = self.asker.reply(self._request(first, second))
        verdicts = list(_VERDICT.finditer(text))
        if not verdicts:
            return None
        before = text[: verdicts[-1].start()].strip(" *\n").splitlines()
        self.reason = before[-1] if before else ""
        found = verdicts[-1][1]
        return "same" if found.lower() == "same" else found.upper()

    def _request(self, first: Clip, second: Clip) -> Request:
        both = first, second
        fields: list[FieldCard] = list(self._card.fields)
        text = self._prompts.render(
            "label/pair",
            goal=self._card.goal,
            fields=fields,
            action=self._card.action,
            episodes=[self._shown(self._episode(clip)) for clip in both],
            seen=bool(self._strips),
        )
        pictures = tuple(self._strips[clip.trial] for clip in both if clip.trial in self._strips)
        return Request(
            model=self._model,
            system=self._prompts.render("label/system"),
            messages=(Message("user", text, pictures),),
            max_output_tokens=self._settings.max_output_tokens,
            temperature=self._settings.temperature,
            effort=self._settings.effort,
        )

    def _episode(self, clip: Clip) -> Episode:
        return self._clips.episodes[self._clips.place(clip)]

    def _shown(self, episode: Episode) -> _Shown:
        numbers = numbers_of(episode, (), self._arguments)
        actions = np.asarray(episode.actions, np.float64).reshape(len(episode), -1)
        names = [f"action[{part}]" for part in range(actions.shape[1])]
        columns = [*numbers, *names]
        values = np.column_stack([*numbers.values(), actions])
        steps = np.unique(np.linspace(0, len(episode) - 1, _MOMENTS).astype(int))
        rows = [[float(step + 1), *map(float, values[step])] for step in steps]
        return _Shown(len(episode), episode.terminated, columns, rows)


def _known_pairs(session: Labelling) -> list[Question]:
    """Pairs of which the first episode is much better by fitness; none if no pair is."""
    fitness = {clip: _fitness(session.run, clip) for clip in session.clips.names}
    order = sorted(fitness, key=lambda clip: fitness[clip])
    gap = _LEAST_GAP * (fitness[order[-1]] - fitness[order[0]])
    pairs = list(zip(order[::-1], order, strict=True))[: len(order) // 2]
    clear = [(good, bad) for good, bad in pairs if gap and fitness[good] - fitness[bad] >= gap]
    return [Question(good, bad) for good, bad in clear[:_KNOWN_PAIRS]]


def _fitness(run: RunFolder, clip: Clip) -> float:
    result = run.trial_at(clip.trial).result()
    return result.fitness[clip.episode] if result is not None and result.fitness else 0.0
