"""What recorded episodes say about a program, for check, show, compare and the report."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rewardsmith.episodes.bank import Bank, measured
from rewardsmith.episodes.preflight import Preflight
from rewardsmith.episodes.random_policy import PreflightData
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.audit import audit
from rewardsmith.evidence.prior import Ordering, ordering_concerns, prior_ordering
from rewardsmith.evidence.quality import Quality, quality
from rewardsmith.evidence.recombining import epic_apart
from rewardsmith.evidence.rewards import BankRewards, apply_to_bank
from rewardsmith.program import CheckedProgram
from rewardsmith.run.bank import RunBank
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.state import RunState
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task
from rewardsmith.types import Finding


@dataclass(frozen=True)
class Appraisal:
    """What recorded episodes say about a program.

    Attributes:
        quality: of the reward: the native one if the program defines no reward and no potential.
        concerns: what it rewards besides the goal, see :mod:`rewardsmith.evidence.audit`.
        ordering: of its prior on Q.
        changes_reward: whether it defines a reward or a potential.
    """

    quality: Quality
    concerns: tuple[Finding, ...]
    ordering: Ordering | None
    changes_reward: bool


def appraise(
    program: CheckedProgram,
    bank: Bank,
    gamma: float,
    preflight: Preflight,
    parent: BankRewards | None = None,
) -> Appraisal:
    """Appraise an accepted program on a bank.

    Args:
        preflight: of the task.

    Raises:
        ProgramError: it failed on it.
        BoundaryError: the sandbox failed.
    """
    rewards = apply_to_bank(program, bank, gamma)
    order = prior_ordering(program, bank, preflight)
    concerns = [
        *(audit(rewards, parent) if program.verdict.changes_reward else ()),
        *(ordering_concerns(order) if order else ()),
    ]
    changes = program.verdict.changes_reward
    return Appraisal(quality(rewards, parent), tuple(concerns), order, changes)


def appraise_in_run(
    run: RunFolder, state: RunState, program: str, other: tuple[RunFolder, str] | None = None
) -> Appraisal | None:
    """Appraise a program on all recorded episodes of its run; None if it fails on them.

    Args:
        other: another run and its program, to which the distance is measured; the program's own
            parent by default.
    """
    bank, gamma = RunBank(run).before(state), run.task().spec.training.gamma
    assert state.preflight is not None
    seen = state.preflight
    own = run.program(program)
    there, parent = other or (run, state.parent(program))
    if parent is None:
        return _appraise_if_possible(own, bank, gamma, seen)
    before = there.program(parent)
    try:
        rewards = apply_to_bank(before, bank, gamma)
    except ProgramError as error:
        why = f"distance to its parent: the parent fails on the recorded episodes: {error.message}"
        return _with(_appraise_if_possible(own, bank, gamma, seen), None, why)
    found = _appraise_if_possible(own, bank, gamma, seen, rewards)
    epic, why = epic_apart(own, before, bank, gamma)
    return _with(found, epic, f"EPIC distance to its parent: {why}" if why else "")


def _appraise_if_possible(
    program: CheckedProgram,
    bank: Bank,
    gamma: float,
    preflight: Preflight,
    parent: BankRewards | None = None,
) -> Appraisal | None:
    try:
        return appraise(program, bank, gamma, preflight, parent)
    except ProgramError:
        return None


def _with(found: Appraisal | None, epic: float | None, why: str) -> Appraisal | None:
    """The same with the EPIC distance to the parent, or with why there is none."""
    if found is None:
        return None
    unsaid = (*found.quality.unsaid, *([why] if why else []))
    quality = replace(found.quality, epic_from_parent=epic, unsaid=unsaid)
    return replace(found, quality=quality)


def random_bank(task: Task, collected: PreflightData) -> Bank:
    """A bank of the random episodes that the preflight recorded."""
    fitness = fitness_function(task)
    random, held = collected.behaviour.episodes, collected.held.episodes
    return Bank([*measured(random, fitness, "random"), *measured(held, fitness, "held")])


def summary_rows(known: Appraisal) -> list[tuple[str, str]]:
    """The numbers of a program as (name, value), those that are known."""
    rows = _reward_rows(known.quality) if known.changes_reward else []
    if (order := known.ordering) is not None:
        explained = (
            "of the other actions have a value no higher than the action taken; 50% is no "
            "information"
        )
        rows += [("prior on Q, better episodes", f"{order.good.mean():.0%} {explained}")]
        rows += [("prior on Q, worse episodes", f"{order.bad.mean():.0%}")]
    return rows


def _reward_rows(found: Quality) -> list[tuple[str, str]]:
    rows: list[tuple[str, float | None, str]] = [
        (
            "recorded episodes in order",
            found.in_order,
            f"{{:.0%}} of pairs, {found.trajectories} trajectories",
        ),
        ("rank agreement with fitness (TAC)", found.tau, "{:.2f}, by discounted return"),
        (
            "distance to the native reward",
            found.from_native,
            "{:.2f} (STARC: 0 equal, 1 opposite)",
        ),
        ("distance to its parent", found.from_parent, "{:.2f}"),
        (
            "EPIC distance to its parent",
            found.epic_from_parent,
            "{:.2f}, on states outside the episodes too",
        ),
        ("added reward that is pure shaping", found.shaping, "{:.0%}"),
        ("return variance under a random policy", found.teaching, "{:.3f} of at most 0.25"),
    ]
    known = [(name, form.format(value)) for name, value, form in rows if value is not None]
    return known + [("not measured", why) for why in found.unsaid]
