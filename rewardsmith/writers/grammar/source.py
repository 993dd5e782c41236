"""The grammar as a source of replies; its evidence are the trials of earlier rounds.

A reply depends only on the run's seed, the slot and the earlier rounds, so that a resumed run
writes the same programs.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from itertools import chain, starmap
from typing import NamedTuple

import numpy as np

from rewardsmith.episodes.columns import joined_columns
from rewardsmith.episodes.files import load_episodes
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE
from rewardsmith.llm.protocol import NOTHING_USED, Reply
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState
from rewardsmith.run.trial_folder import TrialFolder
from rewardsmith.types import Episode, Slot
from rewardsmith.writers.grammar.drafts import Evidence
from rewardsmith.writers.grammar.features import feature_statistics, features_of
from rewardsmith.writers.grammar.moves import Generator, SearchSpace
from rewardsmith.writers.grammar.terms import Genome
from rewardsmith.writers.grammar.writer import DRAFTS, compose, generator_for, genome_in, reply_text
from rewardsmith.writers.requests import RunRequest

_PER_TRIAL = 3  # episodes of each training that are evidence: the best, the worst and the median
_REPAIRED = 0.5  # share of the children of a program that only remove its exploit
_WITH_EPISODE = ("exploited", "undiscounted")  # verdicts with a recorded exploit
_NAME = "grammar/search"


class _ScoredEpisode(NamedTuple):
    episode: Episode
    fitness: float
    program: str = ""


class GrammarSource:
    """Answers requests with the grammar search; at no cost.

    Args:
        seed: of the random generator.
    """

    prices = FREE

    def __init__(self, run: RunFolder, log: ReplyLog, seed: int) -> None:
        self._run = run
        self._seed = seed
        self._spec = run.task().spec
        self._log = log
        # Requests of a round arrive in parallel threads and need the same evidence; and Python 3.11
        # cannot parse in two threads at once ("AST constructor recursion depth mismatch").
        self._lock = threading.Lock()
        self._preflight: Preflight | None = None

    def answer(self, wanted: RunRequest) -> Reply:
        """Compose a program for a slot from the parents of its order."""
        with self._lock:
            return self._composed(wanted)

    def _composed(self, wanted: RunRequest) -> Reply:
        slot = wanted.order.slot
        state = fold(self._run.events())
        assert state.preflight is not None, "the preflight comes before the first request"
        self._preflight = state.preflight
        space, evidence = self._evidence(state, slot.round)
        genomes = [self._genome(state, parent) for parent in wanted.order.parents]
        parents = [genome for genome in genomes if genome is not None]
        rng = generator_for(self._seed, slot)
        drafts = DRAFTS[slot.sample % len(DRAFTS)]
        exploited = self._exploited_parent(state, slot, wanted.order.parents, genomes, rng)
        genome = compose(parents, space, evidence, rng, drafts, exploited=exploited)
        return Reply(reply_text(genome, len(parents)), "stop", NOTHING_USED, _NAME, latency_s=0.0)

    def _exploited_parent(
        self,
        state: RunState,
        slot: Slot,
        parents: Sequence[str],
        genomes: Sequence[Genome | None],
        rng: Generator,
    ) -> str | None:
        """The last parent, if the child shall only remove its exploit.

        It does so in the first sample of a round, and in half of the others. A parent that rarely
        succeeds needs another change first; one without a genome is not the grammar's.
        """
        if not parents or genomes[-1] is None or not state.often_succeeds(parents[-1]):
            return None
        return parents[-1] if slot.sample == 0 or rng.random() < _REPAIRED else None

    def _genome(self, state: RunState, program: str) -> Genome | None:
        slot = state.programs.get(program)
        entry = state.slots[slot] if slot is not None else None
        reply = self._log.get(entry.request, entry.occurrence) if entry is not None else None
        return genome_in(reply.text) if reply is not None else None

    def _evidence(self, state: RunState, round_number: int) -> tuple[SearchSpace, Evidence]:
        trials = [
            (trial.program, trial.seed)
            for trial in state.trials.values()
            if trial.rung == "selection"
            and trial.status == "finished"
            and trial.program in state.programs
            and state.programs[trial.program].round < round_number
        ]
        exploited = [p for p, found in state.exploits.items() if found.verdict in _WITH_EPISODE]
        return self._evidence_of(tuple(sorted(trials)), tuple(exploited))

    @functools.lru_cache(maxsize=2)  # noqa: B019 - there is one source per process
    def _evidence_of(
        self, trials: tuple[tuple[str, int], ...], exploited: tuple[str, ...]
    ) -> tuple[SearchSpace, Evidence]:
        """The search space, and the evidence of the random policy, these trials and exploits."""
        preflight = self._preflight
        assert preflight is not None
        random = map(_ScoredEpisode, self._run.recorded("random"), preflight.random_fitness)
        trained = starmap(self._of_trial, trials)
        exploits = map(self._exploit_of, exploited)
        scored = [*random, *chain.from_iterable(trained), *exploits]
        arguments = preflight.arguments
        columns = joined_columns([one.episode for one in scored], arguments)
        lengths = [len(one.episode) for one in scored]
        fitness = [one.fitness for one in scored]
        gamma, programs = self._spec.training.gamma, [one.program for one in scored]
        evidence = Evidence(columns, lengths, fitness, gamma, programs)
        ranges = {field.name: field.range or () for field in self._spec.fields}
        units = {field.name: field.unit for field in self._spec.fields}
        known = {
            feature: feature_statistics(
                feature, columns, evidence.ends[evidence.good], ranges.get(feature.name, ())
            )
            for feature in features_of(arguments, units)
        }
        shape = arguments["action"].shape if preflight.n_actions is None else None
        return SearchSpace(known, shape), evidence

    def _of_trial(self, program: str, seed: int) -> list[_ScoredEpisode]:
        trial = TrialFolder(self._run.trial_folder(program, "selection", seed))
        result = trial.result()
        assert result is not None, "a finished trial has a result"
        order = np.argsort(result.fitness, kind="stable")
        chosen = dict.fromkeys(
            int(order[place]) for place in np.linspace(0, len(order) - 1, _PER_TRIAL).astype(int)
        )
        episodes = trial.episodes()
        return [
            _ScoredEpisode(episodes[number], result.fitness[number], program) for number in chosen
        ]

    def _exploit_of(self, program: str) -> _ScoredEpisode:
        """The failure that a program prefers to success."""
        record = self._run.exploit(program)
        assert record is not None and record.episode.fitness is not None
        (episode,) = load_episodes(self._run.exploit_episode(program))
        return _ScoredEpisode(episode, record.episode.fitness)
