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
from rewardsmith.task.fitness import fitness_function
from rewardsmith.types import Episode, Slot
from rewardsmith.writers.grammar.drafts import Evidence
from rewardsmith.writers.grammar.features import feature_statistics, features_of
from rewardsmith.writers.grammar.moves import SearchSpace
from rewardsmith.writers.grammar.terms import Genome
from rewardsmith.writers.grammar.writer import (
    WAYS,
    compose,
    generator_for,
    genome_in,
    reply_text,
)
from rewardsmith.writers.requests import RunRequest

_PER_TRIAL = 3  # episodes of each training that are evidence: the best, the worst and the median
_WITH_EPISODE = ("exploited", "undiscounted")  # verdicts with a recorded exploit
_NAME = "grammar/search"


class _ScoredEpisode(NamedTuple):
    episode: Episode
    fitness: float
    success: bool | None
    program: str = ""


class _Knowledge(NamedTuple):
    """What earlier rounds tell.

    Attributes:
        has_goal: the task defines success, and every known success terminates. Otherwise the goal
            may be to keep going, for which an agent must be rewarded in every step.
    """

    space: SearchSpace
    evidence: Evidence
    has_goal: bool


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
        self._fitness = fitness_function(run.task())
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
        knowledge = self._knowledge(state, slot.round)
        genomes = [self._genome(state, parent) for parent in wanted.order.parents]
        parents = [genome for genome in genomes if genome is not None]
        rng = generator_for(self._seed, slot)
        way = WAYS[slot.sample % len(WAYS)]
        if not knowledge.has_goal:
            way = way._replace(of_potential=False)
        exploited = self._exploited_parent(state, slot, wanted.order.parents, genomes)
        known = self._known(state, slot.round)
        genome = compose(
            parents, knowledge.space, knowledge.evidence, rng, way, exploited=exploited, known=known
        )
        return Reply(reply_text(genome, len(parents)), "stop", NOTHING_USED, _NAME, latency_s=0.0)

    def _exploited_parent(
        self,
        state: RunState,
        slot: Slot,
        parents: Sequence[str],
        genomes: Sequence[Genome | None],
    ) -> str | None:
        """The last parent, if the child shall only remove its exploit: in the first sample.

        A parent that rarely succeeds needs another change first; one without a genome is not the
        grammar's.
        """
        if slot.sample or not parents or genomes[-1] is None:
            return None
        return parents[-1] if state.often_succeeds(parents[-1]) else None

    def _known(self, state: RunState, round_number: int) -> set[Genome]:
        """The programs of earlier rounds."""
        slots = state.programs.items()
        earlier = [program for program, slot in slots if slot.round < round_number]
        genomes = (self._genome(state, program) for program in earlier)
        return {genome for genome in genomes if genome is not None}

    def _genome(self, state: RunState, program: str) -> Genome | None:
        slot = state.programs.get(program)
        entry = state.slots[slot] if slot is not None else None
        reply = self._log.get(entry.request, entry.occurrence) if entry is not None else None
        return genome_in(reply.text) if reply is not None else None

    def _knowledge(self, state: RunState, round_number: int) -> _Knowledge:
        trials = [
            (trial.program, trial.seed)
            for trial in state.trials.values()
            if trial.rung == "selection"
            and trial.status == "finished"
            and trial.program in state.programs
            and state.programs[trial.program].round < round_number
        ]
        exploited = [p for p, found in state.exploits.items() if found.verdict in _WITH_EPISODE]
        return self._knowledge_of(tuple(sorted(trials)), tuple(exploited))

    @functools.lru_cache(maxsize=2)  # noqa: B019 - there is one source per process
    def _knowledge_of(
        self, trials: tuple[tuple[str, int], ...], exploited: tuple[str, ...]
    ) -> _Knowledge:
        """What the episodes of the random policy, of these trials and of these exploits tell."""
        preflight = self._preflight
        assert preflight is not None
        random = map(self._of_random, self._run.recorded("random"), preflight.random_fitness)
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
        successes = [one for one in scored if one.success]
        has_goal = scored[0].success is not None and all(s.episode.terminated for s in successes)
        return _Knowledge(SearchSpace(known, shape), evidence, has_goal)

    def _of_random(self, episode: Episode, fitness: float) -> _ScoredEpisode:
        return _ScoredEpisode(episode, fitness, self._fitness(episode).success)

    def _of_trial(self, program: str, seed: int) -> list[_ScoredEpisode]:
        trial = TrialFolder(self._run.trial_folder(program, "selection", seed))
        result = trial.result()
        assert result is not None, "a finished trial has a result"
        order = np.argsort(result.fitness, kind="stable")
        chosen = dict.fromkeys(
            int(order[place]) for place in np.linspace(0, len(order) - 1, _PER_TRIAL).astype(int)
        )
        episodes = trial.episodes()
        undefined: list[bool | None] = [None] * len(result.fitness)
        successes = result.successes or undefined
        return [
            _ScoredEpisode(episodes[n], result.fitness[n], successes[n], program) for n in chosen
        ]

    def _exploit_of(self, program: str) -> _ScoredEpisode:
        """The failure that a program prefers to success."""
        record = self._run.exploit(program)
        assert record is not None and record.episode.fitness is not None
        (episode,) = load_episodes(self._run.exploit_episode(program))
        return _ScoredEpisode(episode, record.episode.fitness, record.episode.success)
