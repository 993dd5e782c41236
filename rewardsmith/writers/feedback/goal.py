"""Terms that are bonuses at the goal: they may be zero until a success, and the largest after."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.writers.feedback.trajectory import ScoredEpisode


def goal_bonuses(episodes: Sequence[ScoredEpisode]) -> set[str]:
    """The terms that are positive at the last step of some solved episode and zero elsewhere."""
    names = {name for one in episodes for name in one.output.terms}
    return {name for name in names if _at_goal(name, episodes) and not _elsewhere(name, episodes)}


def _at_goal(name: str, episodes: Sequence[ScoredEpisode]) -> bool:
    return any(one.success and one.output.terms[name][-1] > 0 for one in episodes)


def _elsewhere(name: str, episodes: Sequence[ScoredEpisode]) -> bool:
    return any(one.output.terms[name][: -1 if one.success else None].any() for one in episodes)
