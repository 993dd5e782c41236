"""Which recorded episodes a judge is asked to compare, and what scripted judges answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from rewardsmith.episodes.columns import episode_columns
from rewardsmith.evidence.judged import Clips
from rewardsmith.learned.model import RewardModel
from rewardsmith.maths.judging import disagreement
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import PREFLIGHT, Answer, Clip, Judgement, Pair, pair_of
from rewardsmith.run.orders import FILMED, Compare
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.state import RunState
from rewardsmith.task.fitness import FitnessFunction
from rewardsmith.types import Episode

_POLICIES = ("random", "held")  # of the preflight
_CANDIDATES = 10  # pairs that are drawn for each pair that is asked, as in Christiano et al. 2017
_NEWEST = 0.5  # share of the pairs in which one clip is of the latest trainings

Draws = np.random.Generator


def recorded_trials(state: RunState, round_number: int) -> list[TrialKey]:
    """The finished selection trials of programs that came before a round, the latest ones last."""
    trials = [trial for trial in state.trials.values() if trial.program in state.programs]
    known = [
        (state.programs[trial.program], trial.key)
        for trial in trials
        if (trial.status, trial.rung) == ("finished", "selection")
    ]
    return [key for slot, key in sorted(known) if slot.round < round_number]


class ClipPool:
    """Recorded episodes of a run from which clips are drawn.

    Args:
        run: the run.
        trials: whose episodes are used, beside those of the preflight.
        newest: of these trials, the latest ones.
        filmed: use only the first evaluation episode of each trial, of which there is a film.
    """

    def __init__(
        self,
        run: RunFolder,
        trials: Sequence[TrialKey],
        newest: Sequence[TrialKey],
        filmed: bool = False,
    ) -> None:
        random: list[TrialKey] = [(policy, 0, PREFLIGHT) for policy in _POLICIES]
        self._episodes = {
            Clip(*source, place): episode
            for source in (trials if filmed else [*random, *trials])
            for place, episode in enumerate(run.episodes_of(source)[: 1 if filmed else None])
        }
        self._all = list(self._episodes)
        self._newest = [clip for clip in self._all if clip.trial in set(newest)]

    def pairs(self, count: int, steps: int, draws: Draws) -> list[Pair]:
        """Different pairs of different clips, drawn at random; fewer if there are not as many.

        Args:
            steps: of a clip; 0 for whole episodes. A clip may be shorter where the episode ends
                by itself, so that answers say what an end is worth.
        """
        found: dict[Pair, None] = {}
        for _ in range(4 * count if self._all else 0):
            newest = self._newest if self._newest and draws.random() < _NEWEST else self._all
            first, second = (self._clip(clips, steps, draws) for clips in (newest, self._all))
            if first != second and len(found) < count:
                found[pair_of(first, second)] = None
        return list(found)

    def _clip(self, clips: Sequence[Clip], steps: int, draws: Draws) -> Clip:
        clip = clips[int(draws.integers(len(clips)))]
        episode = self._episodes[clip]
        last = len(episode) - (1 if episode.terminated else steps)
        if not steps or last <= 0:
            return clip
        return clip._replace(start=int(draws.integers(last + 1)), steps=steps)


def drawn_pairs(
    run: RunFolder,
    state: RunState,
    order: Compare,
    disagree: Callable[[Sequence[Pair]], Sequence[float]],
) -> list[Pair]:
    """The pairs of a comparison: those on which the learned rewards disagree the most.

    Args:
        disagree: how far the members of the last learned reward disagree about each pair.
    """
    draws = np.random.default_rng([order.seed, order.round])
    trials = recorded_trials(state, order.round)
    last = max((state.programs[program].round for program, _, _ in trials), default=-1)
    newest = [key for key in trials if state.programs[key[0]].round == last]
    pool = ClipPool(run, trials, newest, filmed=order.judge in FILMED)
    candidates = pool.pairs(_CANDIDATES * order.pairs, order.steps, draws)
    doubt = disagree(candidates)
    ranked = sorted(range(len(candidates)), key=lambda place: (-doubt[place], place))
    return [candidates[place] for place in sorted(ranked[: order.pairs])]


def pairs_of_programs(state: RunState, programs: Sequence[str]) -> list[Pair]:
    """Every two of the programs' agents: the first evaluation episode of the first seed of each."""
    clips = []
    for program in programs:
        trials = [one for one in state.trials_of(program, "selection") if one.status == "finished"]
        clips += [Clip.of(trial.key) for trial in trials[:1]]
    return [pair_of(one, other) for one, other in itertools.combinations(clips, 2)]


def member_disagreement(model: RewardModel, clips: Clips, pairs: Sequence[Pair]) -> list[float]:
    """How far the members of a learned reward disagree about each pair, from 0 to 1."""
    sums = []
    for clip, episode in zip(clips.names, clips.episodes, strict=True):
        rewards = model.member_rewards(episode_columns(episode, model.arguments))
        sums.append(rewards[:, clip.span].sum(axis=1))
    doubt = disagreement(np.column_stack(sums))
    places = {clip: place for place, clip in enumerate(clips.names)}
    return [float(doubt[places[one], places[other]]) for one, other in pairs]


class ScriptedJudge:
    """Answers by a number of each clip: the fitness of its episode, or its native rewards.

    Args:
        clips: that are compared.
        order: says which number, and how many answers are reversed.
        fitness: of the task.
    """

    def __init__(self, clips: Clips, order: Compare, fitness: FitnessFunction) -> None:
        self._order = order
        episodes = zip(clips.names, clips.episodes, strict=True)
        self._worth = {clip: self._value(clip, episode, fitness) for clip, episode in episodes}
        self._draws = np.random.default_rng([order.seed, order.round, len(clips.names)])

    def judgement(self, pair: Pair) -> Judgement:
        """The answer about a pair; equal clips are equally good."""
        one, other = (self._worth[clip] for clip in pair)
        answer: Answer = "same" if one == other else "first" if one > other else "second"
        if self._draws.random() < self._order.flips and answer != "same":
            answer = "second" if answer == "first" else "first"
        return Judgement(first=pair[0], second=pair[1], answer=answer, by=self._order.judge)

    def _value(self, clip: Clip, episode: Episode, fitness: FitnessFunction) -> float:
        if self._order.judge == "fitness":
            return fitness(episode).value
        return float(episode.native_rewards[clip.span].sum())
