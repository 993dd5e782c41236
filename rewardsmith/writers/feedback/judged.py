"""How a program orders the episodes that judges compared, and which pair it violates the most."""

from __future__ import annotations

from rewardsmith.errors import ProgramError
from rewardsmith.evidence.judged import JudgedOrder, judged_order
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.judgements import Clip
from rewardsmith.run.records import EpisodeSummary
from rewardsmith.run.state import RunState
from rewardsmith.writers.feedback.moments import episode_table
from rewardsmith.writers.feedback.records import JudgedFeedback

_TITLES = ("the better episode", "the worse episode")


def judged_feedback(
    run: RunFolder, state: RunState, program: str, round_number: int
) -> JudgedFeedback:
    """The feedback on a valid program of a run with judged pairs.

    Args:
        round_number: of the program; what was judged after later rounds is left out.
    """
    try:
        order = judged_order(run, state, program, round_number)
    except ProgramError as error:
        return JudgedFeedback(0, 0.0, error.message)
    if order is None:
        return JudgedFeedback(0, 0.0)
    worst = order.worst()
    pairs, kept = len(order.pairs), float(order.kept.sum())
    if worst is None:
        return JudgedFeedback(pairs, kept)
    ordered = sorted(worst.pair, key=lambda clip: clip != worst.better)
    episodes = [
        _summary(run, state, program, order, title, clip)
        for title, clip in zip(_TITLES, ordered, strict=True)
    ]
    returns = [float(order.returns[order.clips.place(clip)]) for clip in ordered]
    return JudgedFeedback(pairs, kept, "", episodes, worst.words.strip(), returns)


def _summary(
    run: RunFolder, state: RunState, program: str, order: JudgedOrder, title: str, clip: Clip
) -> EpisodeSummary:
    """An episode at its most informative steps under a program."""
    assert state.preflight is not None
    result = run.trial_at(clip.trial).result()
    assert result is not None
    place = order.clips.place(clip)
    episode = order.clips.episodes[place]
    read = run.program(program).verdict.fields_read
    table = episode_table(episode, order.outputs[place], read, state.preflight.arguments)
    return EpisodeSummary(
        title=title,
        origin="by an agent of this program" if clip.program == program else "by another agent",
        steps=len(episode),
        fitness=result.fitness[clip.episode],
        success=result.successes[clip.episode] if result.successes else None,
        columns=table.columns,
        rows=table.rows,
    )
