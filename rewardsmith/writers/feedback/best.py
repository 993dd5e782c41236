"""The best program of a conversation, in the order that selects."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.run.state import RunState
from rewardsmith.writers.feedback.records import BestProgram

# Programs are equally good within this share of the way from the random policy to the best.
_TIED = 0.05


def best_so_far(state: RunState, program: str, shown: Sequence[str | None]) -> BestProgram:
    """The best program of a conversation, for the feedback on one program.

    Args:
        program: the one that the feedback is about.
        shown: the program of each answer so far, None for an answer without one.
    """
    ranked = state.ranked(name for name in shown if name is not None)
    if not ranked:
        return BestProgram()
    if ranked[0] == program:
        return BestProgram(is_best=len(ranked) > 1)
    best, score = state.score(ranked[0]), state.score(program)
    assert best is not None, "ranked programs have a score"
    if score is not None and not _clearly_less(state, score.mean, best.mean):
        return BestProgram()
    return BestProgram(best_answer=1 + shown.index(ranked[0]), best_elsewhere=best.mean)


def _clearly_less(state: RunState, fitness: float, best: float) -> bool:
    """Whether a difference in fitness is more than chance, so that the best is to be built on."""
    assert state.preflight is not None
    random = state.preflight.mean_random_fitness
    return best - fitness > _TIED * abs(best - random)
