"""The grammar as a source of replies: what it knows is read from the run, as it was when the round began.

Every reply follows from the run's seed, the slot and the rounds before, so that a resumed run
writes the same programs.
"""

from __future__ import annotations

import functools
import threading
from typing import NamedTuple

import numpy as np

from rewardsmith.episodes.columns import joined_columns
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE
from rewardsmith.llm.protocol import NOTHING_USED, Reply
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState
from rewardsmith.run.trial_folder import TrialFolder
from rewardsmith.types import Episode
from rewardsmith.writers.grammar.drafts import Evidence
from rewardsmith.writers.grammar.features import features_of, known_of
from rewardsmith.writers.grammar.moves import Ground
from rewardsmith.writers.grammar.terms import Genome
from rewardsmith.writers.grammar.writer import DRAFTS, compose, generator_for, genome_in, reply_text
from rewardsmith.writers.requests import Asked

_PER_TRIAL = (
    3  # episodes that are remembered of each training: the best, the worst, and one between
)
_NAME = "grammar/search"


class _Measured(NamedTuple):
    episode: Episode
    fitness: float


class GrammarSource:
    """Answers requests by the grammar search; at no cost.

    Args:
        seed: of everything that it draws.
    """

    prices = FREE

    def __init__(self, run: RunFolder, log: ReplyLog, seed: int) -> None:
        self._run = run
        self._seed = seed
        self._spec = run.task().spec
        self._log = log
        self._lock = threading.Lock()
        self._preflight: Preflight | None = None

    def answer(self, asked: Asked) -> Reply:
        """Compose a program for a slot from the parents that its order names."""
        slot = asked.order.slot
        state = fold(self._run.events())
        assert state.preflight is not None, (
            "programs are asked for after the look at the environment"
        )
        self._preflight = state.preflight
        with self._lock:  # requests of a round come side by side and want the same
            ground, evidence = self._experience(state, slot.round)
        parents = [
            genome
            for parent in asked.order.parents
            if (genome := self._genome(state, parent)) is not None
        ]
        rng = generator_for(self._seed, slot)
        genome = compose(parents, ground, evidence, rng, DRAFTS[slot.sample % len(DRAFTS)])
        return Reply(reply_text(genome, len(parents)), "stop", NOTHING_USED, _NAME, latency_s=0.0)

    def _genome(self, state: RunState, program: str) -> Genome | None:
        slot = state.programs.get(program)
        entry = state.slots[slot] if slot is not None else None
        reply = self._log.get(entry.request, entry.occurrence) if entry is not None else None
        return genome_in(reply.text) if reply is not None else None

    def _experience(self, state: RunState, round_number: int) -> tuple[Ground, Evidence]:
        trials = [
            (trial.program, trial.seed)
            for trial in state.trials.values()
            if trial.rung == "selection"
            and trial.status == "finished"
            and trial.program in state.programs
            and state.programs[trial.program].round < round_number
        ]
        return self._learned(tuple(sorted(trials)))

    @functools.lru_cache(maxsize=2)  # noqa: B019 - a source lives as long as its run is carried on
    def _learned(self, trials: tuple[tuple[str, int], ...]) -> tuple[Ground, Evidence]:
        """What these trials and random behaviour taught."""
        preflight = self._preflight
        assert preflight is not None
        measured = [
            *map(_Measured, self._run.recorded("random"), preflight.random_fitness),
            *(seen for program, seed in trials for seen in self._of_trial(program, seed)),
        ]
        arguments = preflight.arguments
        columns = joined_columns([seen.episode for seen in measured], arguments)
        lengths = [len(seen.episode) for seen in measured]
        evidence = Evidence(columns, lengths, [seen.fitness for seen in measured])
        ranges = {field.name: field.range or () for field in self._spec.fields}
        units = {field.name: field.unit for field in self._spec.fields}
        known = {
            feature: known_of(
                feature, columns, evidence.ends[evidence.good], ranges.get(feature.name, ())
            )
            for feature in features_of(arguments, units)
        }
        shape = arguments["action"].shape if preflight.n_actions is None else None
        return Ground(known, shape), evidence

    def _of_trial(self, program: str, seed: int) -> list[_Measured]:
        trial = TrialFolder(self._run.trial_folder(program, "selection", seed))
        result = trial.result()
        assert result is not None, "a finished trial has a result"
        order = np.argsort(result.fitness, kind="stable")
        chosen = dict.fromkeys(
            int(order[place]) for place in np.linspace(0, len(order) - 1, _PER_TRIAL).astype(int)
        )
        episodes = trial.episodes()
        return [_Measured(episodes[number], result.fitness[number]) for number in chosen]
