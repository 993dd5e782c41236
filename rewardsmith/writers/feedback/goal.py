"""Which terms are bonuses at the goal: rightly flat until an episode is solved, and then rightly the largest."""

from __future__ import annotations

from collections.abc import Sequence

from rewardsmith.writers.feedback.trajectory import Played


def goal_bonuses(played: Sequence[Played]) -> set[str]:
    """The terms that pay in the last step of solved episodes and never else; none where no episode was solved."""
    names = {name for one in played for name in one.output.terms}
    return {
        name for name in names if any(_at_goal(name, played)) and not any(_elsewhere(name, played))
    }


def _at_goal(name: str, played: Sequence[Played]) -> list[bool]:
    return [bool(one.success and one.output.terms[name][-1] > 0) for one in played]


def _elsewhere(name: str, played: Sequence[Played]) -> list[bool]:
    return [bool(one.output.terms[name][: -1 if one.success else None].any()) for one in played]
