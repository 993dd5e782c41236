"""Check a program against a task and the learner that will train under it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

from rewardsmith.episodes.columns import shapes_in
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.maths.shaping import check_bonus
from rewardsmith.program import ENTRY_POINTS, Verdict
from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.task.algorithms import names_that_take_a_prior
from rewardsmith.task.training import TrainingSpec
from rewardsmith.types import Columns, Finding


def check_against_preflight(source: str, preflight: Preflight, transitions: Columns) -> Verdict:
    """Check a program on the transitions and the arguments of a preflight."""
    return check_on_transitions(
        source,
        shapes_in(transitions),
        transitions,
        hidden=preflight.hidden,
        n_actions=preflight.n_actions,
        horizon=preflight.episode_length,
        return_bound=preflight.return_bound,
    )


def check_for_training(
    source: str,
    preflight: Preflight,
    transitions: Columns,
    training: TrainingSpec,
    wanted: Collection[str] = ENTRY_POINTS,
) -> Verdict:
    """The same, and refuse what is valid but must not, or cannot, be used with the task's learner.

    Args:
        wanted: the functions that were asked for; where a reward is not, the task's own, and what
            is best, stays.
    """
    verdict = check_against_preflight(source, preflight, transitions)
    if not verdict.accepted:
        return verdict
    found = [("RS401", *why) for name, *why in unusable_parts(training) if name in verdict.entries]
    if "reward" in verdict.entries and "reward" not in wanted:
        asked = f"define only {', '.join(wanted)}; they are added to the task's own reward"
        found.append(("RS402", "a reward was not asked for", asked))
    if "subgoals" in verdict.entries and (
        why := _too_large_a_bonus(training, preflight.longest, len(verdict.rates))
    ):
        found.append(
            (
                "RS403",
                why,
                "lower [training.shaping] bonus or leave it out, or define fewer subgoals",
            )
        )
    if not found:
        return verdict
    errors = (
        Finding(code, "error", message, hint, source="audit") for code, message, hint in found
    )
    return dataclasses.replace(verdict, stage="behaviour", findings=(*verdict.findings, *errors))


def _too_large_a_bonus(training: TrainingSpec, longest: int | None, count: int) -> str:
    """Why the bonus is too large for that many subgoals; empty if it is not, or unknown."""
    shaping = training.shaping
    if shaping.subgoals == "potential" or shaping.bonus is None or longest is None:
        return ""
    try:
        check_bonus(shaping.bonus, training.gamma, longest, shaping.success, count)
    except ValueError as error:
        return str(error)
    return ""


def unusable_parts(training: TrainingSpec) -> Iterator[tuple[str, str, str]]:
    """Functions that a task's learner cannot use: (name, why, what to do)."""
    can = training.capabilities
    if not can.takes_prior:
        lacks = "cannot be shaped by" if can.learns_q else "learns no Q that could be shaped by"
        *names, last = names_that_take_a_prior()
        yield (
            "q_prior",
            f"{training.algorithm} {lacks} a q_prior",
            "write a reward or a potential, or set [training] algorithm to "
            f"{', '.join(names)} or {last}",
        )
