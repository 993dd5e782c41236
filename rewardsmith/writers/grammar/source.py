"""The grammar as a source of replies; its evidence are the trials of earlier rounds.

A reply depends only on the run's seed, the slot and the earlier rounds, so that a resumed run
writes the same programs.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from rewardsmith.episodes.bank import Bank, Trajectory
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.evidence.exploits import outcomes
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prices import FREE
from rewardsmith.llm.protocol import NOTHING_USED, Reply
from rewardsmith.run.bank import RunBank, known_before
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState, TrialKey
from rewardsmith.writers.grammar.drafts import Evidence
from rewardsmith.writers.grammar.features import feature_statistics, features_of
from rewardsmith.writers.grammar.moves import SearchSpace
from rewardsmith.writers.grammar.terms import Genome
from rewardsmith.writers.grammar.writer import DRAFTS, compose, generator_for, genome_in, reply_text
from rewardsmith.writers.requests import RunRequest

_ONLY_FOR_EXPLOITS = ("held", "scripted", "exploiter", "native")
_PER_POLICY = 3  # episodes of each policy that rank drafts: the best, the worst and the median
_MOST_EPISODES = 200  # among which exploits are looked for
_NAME = "grammar/search"


class _Known(NamedTuple):
    """What the requests of a round know.

    Attributes:
        trials: whose episodes these are.
        evidence: a choice of the episodes.
        everything: all of them.
    """

    trials: tuple[TrialKey, ...]
    space: SearchSpace
    evidence: Evidence
    everything: Evidence


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
        self._bank = RunBank(run)
        self._known: _Known | None = None  # of the current round

    def answer(self, wanted: RunRequest) -> Reply:
        """Compose a program for a slot from the parents of its order."""
        with self._lock:
            return self._composed(wanted)

    def _composed(self, wanted: RunRequest) -> Reply:
        slot = wanted.order.slot
        state = fold(self._run.events())
        known = self._evidence(state, slot.round)
        genomes = [self._genome(state, parent) for parent in wanted.order.parents]
        parents = [genome for genome in genomes if genome is not None]
        rng = generator_for(self._seed, slot)
        drafts = DRAFTS[slot.sample % len(DRAFTS)]
        genome = compose(parents, known.space, known.evidence, rng, drafts, known.everything)
        return Reply(reply_text(genome, len(parents)), "stop", NOTHING_USED, _NAME, latency_s=0.0)

    def _genome(self, state: RunState, program: str) -> Genome | None:
        slot = state.programs.get(program)
        entry = state.slots[slot] if slot is not None else None
        reply = self._log.get(entry.request, entry.occurrence) if entry is not None else None
        return genome_in(reply.text) if reply is not None else None

    def _evidence(self, state: RunState, round_number: int) -> _Known:
        trials = known_before(state, round_number)
        if self._known is None or self._known.trials != trials:
            self._known = self._known_from(state, round_number, trials)
        return self._known

    def _known_from(
        self, state: RunState, round_number: int, trials: tuple[TrialKey, ...]
    ) -> _Known:
        preflight = state.preflight
        assert preflight is not None, "the preflight comes before the first request"
        whole = self._bank.before(state, round_number, _MOST_EPISODES)
        few = Bank(_contrasted(whole), len(whole))
        evidence, everything = (self._of(bank, preflight) for bank in (few, whole))
        arguments = preflight.arguments
        ranges = {field.name: field.range or () for field in self._spec.fields}
        units = {field.name: field.unit for field in self._spec.fields}
        known = {
            feature: feature_statistics(
                feature,
                evidence.columns,
                evidence.ends[evidence.good],
                ranges.get(feature.name, ()),
            )
            for feature in features_of(arguments, units)
        }
        shape = arguments["action"].shape if preflight.n_actions is None else None
        return _Known(trials, SearchSpace(known, shape), evidence, everything)

    def _of(self, bank: Bank, preflight: Preflight) -> Evidence:
        won, lost = outcomes(bank.fitness, bank.successes, preflight.mean_random_fitness)
        columns = bank.columns(preflight.arguments)
        gamma = self._spec.training.gamma
        return Evidence(columns, bank.lengths, bank.fitness, won, lost, gamma)


def _contrasted(bank: Bank) -> list[Trajectory]:
    """The episodes by which drafts are ranked: of the random policy all, of the others a few."""
    chosen = [one for one in bank.trajectories if one.origin == "random"]
    origins = dict.fromkeys(one.origin for one in bank.trajectories)
    for origin in origins:
        if origin in ("random", *_ONLY_FOR_EXPLOITS):
            continue
        ranked = sorted(
            (one for one in bank.trajectories if one.origin == origin), key=lambda one: one.fitness
        )
        places = np.linspace(0, len(ranked) - 1, _PER_POLICY).astype(int)
        chosen += [ranked[place] for place in dict.fromkeys(places.tolist())]
    return chosen
