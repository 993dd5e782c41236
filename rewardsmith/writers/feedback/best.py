"""Which program of a conversation its writer is told to build on: by its place, and in the order that selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewardsmith.run.state import RunState

_TIED = 0.05  # of the way from random behaviour to the best, within which two programs are as good
NO_BEST: Mapping[str, Any] = {"is_best": False, "best_answer": None, "best_elsewhere": None}


def best_so_far(state: RunState, program: str, shown: Sequence[str | None]) -> Mapping[str, Any]:
    """Values of ``shared/process`` and ``shared/preference`` that name the best program.

    Args:
        program: the one that it is told of.
        shown: of each answer so far its program, if it held one, in the order of the answers.

    Returns:
        ``is_best``: it is this one, and not the only one. Or ``best_answer``, the place of the best
        among the answers, from 1, and ``best_elsewhere``, its score; None where no other has one,
        or none that is clearly better.
    """
    ranked = state.ranked(name for name in shown if name is not None)
    if not ranked:
        return NO_BEST
    if ranked[0] == program:
        return {**NO_BEST, "is_best": len(ranked) > 1}
    best, score = state.score(ranked[0]), state.score(program)
    assert best is not None, "what is ranked has a score"
    if score is not None and not _clearly_less(state, score.mean, best.mean):
        return NO_BEST
    return {
        "is_best": False,
        "best_answer": 1 + shown.index(ranked[0]),
        "best_elsewhere": best.mean,
    }


def _clearly_less(state: RunState, fitness: float, best: float) -> bool:
    """Whether a program is so far behind that the next one should not build on it: chance makes small differences."""
    assert state.preflight is not None
    random = state.preflight.mean_random_fitness
    return best - fitness > _TIED * abs(best - random)
