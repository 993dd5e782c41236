"""What programs of a run give the episodes that judges compared: people, or a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.episodes.columns import joined_columns, split_output
from rewardsmith.evidence.rewards import columns_read, hosted
from rewardsmith.maths.judging import in_order
from rewardsmith.maths.preference import trajectory_scores
from rewardsmith.program import CheckedProgram
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip, Judgement
from rewardsmith.run.outcomes import TrialKey
from rewardsmith.run.state import RunState
from rewardsmith.types import Episode, FloatArray, Output


@dataclass(frozen=True)
class Clips:
    """Recorded episodes, or parts of them, that can be compared.

    Attributes:
        names: which they are.
        episodes: the whole episode of each; ``name.span`` is the part that is compared.
    """

    names: tuple[Clip, ...]
    episodes: tuple[Episode, ...]

    def place(self, clip: Clip) -> int:
        """The place of a clip."""
        return self.names.index(clip)


@dataclass(frozen=True)
class JudgedOrder:
    """How a program orders the pairs of which one episode was called better.

    Attributes:
        pairs: the judgements that were compared.
        kept: for each, 1 if the better episode has the higher discounted return, 0.5 if they are
            equal, else 0.
        outputs: of the program on the episode of each clip.
    """

    clips: Clips
    pairs: tuple[Judgement, ...]
    kept: FloatArray
    returns: FloatArray
    outputs: tuple[Output, ...]

    @property
    def share(self) -> float:
        """Share of the pairs in order."""
        return float(self.kept.mean())

    def worst(self) -> Judgement | None:
        """The violated pair with the largest difference of returns; None if none is violated."""
        violated = [pair for pair, kept in zip(self.pairs, self.kept, strict=True) if kept < 1]
        return max(violated, key=self._difference, default=None)

    def _difference(self, pair: Judgement) -> float:
        one, other = (float(self.returns[self.clips.place(clip)]) for clip in pair.pair)
        return abs(one - other)


def clips_of(run: RunFolder, names: Iterable[Clip]) -> Clips:
    """The episodes of these clips, as far as they are on the disk."""
    recorded: dict[TrialKey, list[Episode]] = {}
    found = {}
    for clip in names:
        if clip.trial not in recorded:
            recorded[clip.trial] = run.episodes_of(clip.trial)
        for episode in recorded[clip.trial][clip.episode : clip.episode + 1]:
            found[clip] = episode
    return Clips(tuple(found), tuple(found.values()))


def judged_order(
    run: RunFolder, state: RunState, program: str, round_number: int | None = None
) -> JudgedOrder | None:
    """How an accepted program orders the judged pairs; None without a pair that has a better one.

    Args:
        round_number: only pairs that were judged before the round after it; None for all.

    Raises:
        ProgramError: it fails on the episodes.
        BoundaryError: the sandbox failed.
    """
    judged = state.known_judgements(round_number)
    asked = [one for one in judged if one.better is not None]
    clips = clips_of(run, sorted({clip for one in asked for clip in one.pair}))
    known = tuple(one for one in asked if {*one.pair} <= {*clips.names})
    if not known:
        return None
    gamma = run.task().spec.training.gamma
    outputs = outputs_on(run.program(program), clips.episodes, gamma)
    returns = clip_returns(clips, outputs, gamma)
    better = np.array([clips.place(_better(one)) for one in known])
    worse = np.array([clips.place(_worse(one)) for one in known])
    return JudgedOrder(clips, known, in_order(returns, better, worse), returns, tuple(outputs))


def outputs_on(program: CheckedProgram, episodes: Sequence[Episode], gamma: float) -> list[Output]:
    """The rewards of an accepted program on each of several episodes.

    Raises:
        ProgramError: it fails on them.
        BoundaryError: the sandbox failed.
    """
    read = columns_read(program.verdict) or ["action"]
    with hosted(program, joined_columns(episodes, read), gamma) as running:
        output = running(joined_columns(episodes, running.arguments))
    return split_output(output, map(len, episodes))


def clip_returns(clips: Clips, outputs: Sequence[Output], gamma: float) -> FloatArray:
    """The return of each clip, shape (m,): discounted for a whole episode, plain for a part.

    A part begins anywhere in an episode, so a discount from its beginning would mean nothing.

    Args:
        outputs: of one program on the whole episode of each clip.
    """
    found = []
    for clip, output in zip(clips.names, outputs, strict=True):
        rewards, discount = output.total[clip.span], 1.0 if clip.steps else gamma
        length = np.array([len(rewards)])
        found.append(trajectory_scores(rewards, length, "discounted", discount)[0])
    return np.array(found)


def fitness_of(run: RunFolder, clip: Clip) -> float:
    """The fitness of the episode of a clip, whole; NaN where it is not known."""
    result = run.trial_at(clip.trial).result()
    known = result is not None and clip.episode < len(result.fitness)
    return result.fitness[clip.episode] if result is not None and known else float("nan")


def _better(one: Judgement) -> Clip:
    assert one.better is not None
    return one.better


def _worse(one: Judgement) -> Clip:
    return one.second if one.better == one.first else one.first
