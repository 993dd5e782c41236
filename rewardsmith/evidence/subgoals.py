"""When subgoals become true on recorded episodes, and how reliable they are (CALM).

CALM (Pignatelli et al. 2024, arXiv 2409.12798) lets a model say when a subgoal is reached. False
alarms spoil such a reward far more than misses: a subgoal is rewarded once per episode, so one
false alarm in a hundred steps rewards nearly every failure, and the agent learns that. So the rate
of false alarms is the first criterion. If the task labels its transitions, false alarms are
counted, and the upper confidence bound of their rate is given. Otherwise the statistics say how
often chance reaches the subgoal, whether successes pass it, and whether they do so before their
end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np

from rewardsmith.episodes.bank import Bank
from rewardsmith.episodes.columns import shapes_in, stacked
from rewardsmith.maths.shaping import NEVER, first_steps
from rewardsmith.program import CheckedProgram
from rewardsmith.run.bank import RANDOM_POLICIES
from rewardsmith.run.records import SubgoalStatistics
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.task.labels import label_function
from rewardsmith.task.loading import Task
from rewardsmith.types import Array, Finding

MOST_FALSE = 0.001  # false alarms per transition
_SUCCESSES = 3  # fewer say nothing
# share of the episodes with a label in which a subgoal comes true in the same step, if it means the
# same
_SAME = 0.5
_EARLY = 0.2  # share of the successes that must have it before their end
_ALWAYS = 0.9
_SEEN_BY_CHANCE = 0.8


class Behaviour(NamedTuple):
    """Recorded trajectories, concatenated; N is the sum of lengths.

    Attributes:
        lengths: shape (m,).
        success: shape (m,), bool.
        random: which are of a random policy, shape (m,), bool.
        labels: label of the task -> where it holds, shape (N,), bool.
    """

    lengths: Array
    success: Array
    random: Array
    labels: Mapping[str, Array]


def summarise_subgoal(
    name: str, holds: Array, known: Behaviour, votes: tuple[int, int] = (0, 0)
) -> SubgoalStatistics:
    """Compute the statistics of one subgoal.

    Args:
        holds: after each step, shape (N,), bool.
    """
    first = first_steps(holds, known.lengths)
    had = first != NEVER
    passed = had & known.success
    label, false, negatives = _label(holds, known)
    return SubgoalStatistics(
        name=name,
        random=_share(had, known.random),
        failures=_share(had, ~known.success & ~known.random),
        successes=_share(had, known.success),
        at_once=float(np.mean(first == 0)),
        early=float(np.mean(first[passed] < known.lengths[passed] - 1)) if passed.any() else None,
        step=float(np.median(first[passed] + 1)) if passed.any() else None,
        label=label,
        false=false,
        negatives=negatives,
        votes=votes,
    )


def false_alarms(holds: Array, label: Array, lengths: Array) -> tuple[int, int]:
    """(false alarms, transitions that could have been one), before the label first becomes true.

    Later values do not count, because a subgoal is rewarded once: "is in hand" and "was just taken
    up" give the same numbers.
    """
    first = first_steps(label, lengths)
    step = np.concatenate([np.arange(length) for length in lengths])
    before = step < np.repeat(np.where(first == NEVER, lengths, first), lengths)
    return int((holds & before).sum()), int(before.sum())


def concerns(one: SubgoalStatistics, most_false: float = MOST_FALSE) -> Iterator[Finding]:
    """Find what is wrong with a subgoal; an error refuses the program.

    Args:
        most_false: false alarms per transition that are allowed.
    """
    if one.label is not None and one.negatives and one.false / one.negatives > most_false:
        message = (
            f"subgoal {one.name!r} gives false alarms: of {one.negatives} transitions "
            f"before {one.label!r} is true it "
            f"holds after {one.false} ({one.false / one.negatives:.2%}; "
            f"{most_false:.2%} are allowed)"
        )
        yield _finding(
            "RS511",
            "error",
            message,
            "ask for all that must be true, so that it takes nothing else for it",
        )
    if one.votes[1] and one.label is None and one.votes[0] < one.votes[1] / 2:
        yes, asked = one.votes
        message = (
            f"subgoal {one.name!r}: of steps in which it comes true, a model says yes "
            f"{yes} times of {asked}"
        )
        yield _finding(
            "RS515", "error", message, "ask for what the subgoal's name says, and nothing less"
        )
    if one.at_once >= _ALWAYS:
        message = (
            f"subgoal {one.name!r} is true from the beginning in {one.at_once:.0%} of all episodes"
        )
        yield _finding(
            "RS513", "error", message, "leave it out, or ask for what must be done for it"
        )
    elif one.random is not None and one.random >= _SEEN_BY_CHANCE:
        message = (
            f"subgoal {one.name!r} is reached by chance in {one.random:.0%} of random episodes"
        )
        yield _finding(
            "RS513",
            "warning",
            message,
            "it teaches little: ask for the next step, or more strictly",
        )
    if one.successes == 0.0:
        message = f"subgoal {one.name!r} is reached in none of the known successes"
        yield _finding("RS512", "error", message, "ask for what every success passes")
    elif one.early is not None and one.early < _EARLY:
        message = f"subgoal {one.name!r} comes true only with the success itself"
        yield _finding(
            "RS514", "warning", message, "it adds nothing: ask for what must come before"
        )


def _label(holds: Array, known: Behaviour) -> tuple[str | None, int, int]:
    """The label with the same meaning: it becomes true in the same step, and is preceded least.

    A subgoal that becomes true in the same step as the label has its meaning; one that is true
    before may be an earlier stage: standing at the door is no false alarm of the open door.
    """
    starts = np.cumsum(known.lengths) - known.lengths
    fitting = []
    for name, label in known.labels.items():
        first = first_steps(label, known.lengths)
        at = (starts + first)[first != NEVER]
        begins = np.isin(at, starts)
        rises = holds[at] & (begins | ~holds[at - 1])
        if len(at) and rises.mean() >= _SAME:
            false, negatives = false_alarms(holds, label, known.lengths)
            fitting.append((false / negatives if negatives else 0.0, -negatives, name, false))
    if not fitting:
        return None, 0, 0
    _, negatives, name, false = min(fitting)
    return name, false, -negatives


def _share(had: Array, kind: Array) -> float | None:
    enough = kind.sum() >= _SUCCESSES
    return float(had[kind].mean()) if enough else None


def _finding(code: str, severity: Literal["error", "warning"], message: str, hint: str) -> Finding:
    return Finding(code, severity, message, hint, source="audit")


_AT_ONCE = 8192  # transitions per call


Votes = Mapping[str, tuple[int, int]]  # subgoal -> (yes, asked)


def audit_subgoals(
    task: Task, program: CheckedProgram, bank: Bank, votes: Votes
) -> list[SubgoalStatistics]:
    """Compute when each subgoal of an accepted program becomes true on a bank.

    Raises:
        ProgramError: the program broke on it.
        BoundaryError: the sandbox failed, or the task's labels did.
    """
    known = known_behaviour(task, bank)
    found = evaluate_subgoals(program, bank).items()
    return [summarise_subgoal(name, holds, known, votes.get(name, (0, 0))) for name, holds in found]


def evaluate_subgoals(program: CheckedProgram, bank: Bank) -> Mapping[str, Array]:
    """Compute where each subgoal holds, trajectories concatenated: name -> (N,), bool."""
    entry = program.verdict.entries["subgoals"]
    columns = bank.columns(entry.arguments)
    with ProgramHost(program.source, entry, shapes_in(columns), capacity=_AT_ONCE) as host:
        terms = host(columns).terms
    return {name: values > 0.5 for name, values in terms.items()}


def known_behaviour(task: Task, bank: Bank) -> Behaviour:
    """The trajectories of a bank, with the task's labels."""
    label = label_function(task)
    labelled = [label(episode) for episode in bank.episodes]
    successes = [bool(one.success) for one in bank.trajectories]
    random = [one.origin in RANDOM_POLICIES for one in bank.trajectories]
    return Behaviour(
        lengths=bank.lengths,
        success=np.array(successes, bool),
        random=np.array(random, bool),
        labels=stacked(labelled, labelled[0] if labelled else ()),
    )
