"""Compare orders -> judgements of pairs of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rewardsmith.engine.film_strips import film_strips
from rewardsmith.engine.workers.executor import Execution, Executor
from rewardsmith.evidence.comparisons import (
    ScriptedJudge,
    drawn_pairs,
    member_disagreement,
    pairs_of_programs,
)
from rewardsmith.evidence.judged import Clips, clips_of
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.protocol import Image
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judge_events import ComparisonsAsked
from rewardsmith.run.judgements import Clip, Judgement, Pair, pair_of
from rewardsmith.run.orders import FILMED, Compare, Write
from rewardsmith.run.state import RunState
from rewardsmith.task.fitness import fitness_function
from rewardsmith.types import Slot
from rewardsmith.writers.comparison import PairJudge
from rewardsmith.writers.requests import RunRequest

_ATTEMPT = -2  # in place of a slot's attempt: the reply compares clips
_SPARE = 1.5  # pairs that a person is shown for each answer that is needed


class Comparisons:
    """Chooses the clips that are compared, and answers for scripted judges."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._fitness = fitness_function(run.task())
        self._config = run.config()

    def pairs(self, order: Compare, state: RunState) -> list[Pair]:
        """The pairs that a judge is asked about; each depends on what was recorded before only."""
        if order.programs:
            return pairs_of_programs(state, order.programs)[: order.pairs]
        return drawn_pairs(self._run, state, order, lambda pairs: self._doubt(pairs, state))

    def asked(self, order: Compare, state: RunState) -> ComparisonsAsked:
        """The event that asks a person."""
        pairs = tuple(self.pairs(order if order.programs else _with_spare(order), state))
        needed = order.pairs
        if order.programs:  # as many as one choice of the best and the worst of them says
            needed = 2 * len({clip for pair in pairs for clip in pair}) - 3
        return ComparisonsAsked(round=order.round, pairs=pairs, needed=min(needed, len(pairs)))

    def scripted(self, order: Compare, state: RunState) -> list[Judgement]:
        """The answers of a judge that compares numbers."""
        pairs = self.pairs(order, state)
        clips = clips_of(self._run, dict.fromkeys(clip for pair in pairs for clip in pair))
        judge = ScriptedJudge(clips, order, self._fitness)
        return [judge.judgement(pair) for pair in pairs]

    def questions(
        self, order: Compare, state: RunState, executor: Executor
    ) -> dict[Pair, list[RunRequest]]:
        """The requests to a model about each pair.

        Args:
            executor: makes the films that are missing, for a judge who looks at them.

        Raises:
            UsageError: the environment cannot draw itself.
        """
        pairs = self.pairs(order, state)
        names = list(dict.fromkeys(clip for pair in pairs for clip in pair))
        seen = order.judge in FILMED
        strips = film_strips(self._run, names, Execution(executor)) if seen else {}
        judge = self._judge(state, clips_of(self._run, names), strips)
        write = Write(Slot(order.round, 0, _ATTEMPT))
        asked = {}
        for pair in pairs:
            asked[pair] = [RunRequest(write, *request) for request in judge.requests(*pair)]
        return asked

    def answers(
        self, asked: Mapping[Pair, Sequence[RunRequest]], state: RunState, log: ReplyLog
    ) -> list[Judgement]:
        """What a model answered; nothing about pairs that it abstained from, or was not asked."""
        judge = self._judge(state, Clips((), ()))
        found = []
        for (first, second), requests in asked.items():
            replies = [log.get(*request.name) for request in requests]
            texts = [reply.text for reply in replies if reply is not None]
            answer = judge.answer(texts) if len(texts) == len(requests) else None
            if answer is not None and answer.answer is not None:
                by = self._config.model or "model"
                found.append(
                    Judgement(
                        first=first, second=second, answer=answer.answer, by=by, words=answer.words
                    )
                )
        return found

    def _judge(
        self, state: RunState, clips: Clips, strips: Mapping[Clip, Image] | None = None
    ) -> PairJudge:
        model = self._config.model or ""
        return PairJudge(self._run, state, clips, model, self._config, strips)

    def _doubt(self, pairs: Sequence[Pair], state: RunState) -> list[float]:
        """How far the members of the last learned reward disagree about each pair."""
        learned = [program for _, program in sorted(state.learned.items()) if program]
        model = self._run.program(learned[-1]).learned if learned else None
        if model is None:
            return [0.0] * len(pairs)
        clips = clips_of(self._run, dict.fromkeys(clip for pair in pairs for clip in pair))
        return member_disagreement(model, clips, pairs)


def answered_pairs(state: RunState, round_number: int) -> int:
    """How many of the pairs of a round that a person is asked about have an answer."""
    answered = {one.pair for one in state.known_judgements() if one.answer != "withdrawn"}
    return sum(pair_of(*pair) in answered for pair in state.asked[round_number].pairs)


def _with_spare(order: Compare) -> Compare:
    return replace(order, pairs=round(_SPARE * order.pairs))
