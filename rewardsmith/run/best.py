"""The program that a run chose, with its score and the trial of its policy."""

from __future__ import annotations

from dataclasses import dataclass

from rewardsmith.errors import NoProgram, UsageError
from rewardsmith.program import NATIVE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.scores import final_score, native_score
from rewardsmith.run.state import RunState
from rewardsmith.types import Interval


@dataclass(frozen=True)
class Best:
    """The program that a run chose.

    Attributes:
        score: fitness over the report seeds where there are some, else over the selection seeds.
        native: fitness of the native reward under the same training, on the same seeds; None
            without a report.
        rung: which seeds the score comes from.
    """

    id: str
    source: str
    score: Interval
    native: Interval | None
    rung: str


def best_program(run: RunFolder, state: RunState) -> Best:
    """The program that the run chooses, see :attr:`rewardsmith.run.state.RunState.best`.

    Raises:
        NoProgram: no program was accepted and trained to the end.
    """
    program = state.best
    if program is None:
        raise NoProgram(f"{run.name} has no program with a score", why_none(state))
    rung, score = final_score(state, program)
    assert score is not None
    native = native_score(state, program, rung)
    return Best(program, run.program(program).source, score, native, rung)


def native_solves_too(state: RunState, best: Best) -> bool:
    """Whether both the program and the native reward solve the task on average."""
    solved = state.preflight.solved_from if state.preflight is not None else None
    if solved is None or best.native is None:
        return False
    return min(best.score.mean, best.native.mean) >= solved


def trial_of_seed(state: RunState, program: str, seed: int) -> TrialState:
    """The finished trial of a program on a training seed, of the report or of the selection.

    Raises:
        UsageError: there is none.
    """
    trials = [*_finished(state, program, "report"), *_finished(state, program, "selection")]
    found = next((trial for trial in trials if trial.seed == seed), None)
    if found is None:
        known = ", ".join(str(trial.seed) for trial in trials) or "none"
        raise UsageError(
            f"program {program} has no finished training with seed {seed}",
            f"finished training seeds: {known}",
        )
    return found


def shipped_trial(state: RunState, program: str) -> TrialState:
    """The trial whose policy is exported: the one with the highest validation fitness.

    Validation episodes are those on which the checkpoints were ranked. No score uses them, so the
    evaluation of the exported policy is not biased by this choice. Trials of the report are
    preferred to those of the selection.
    """
    for rung in ("report", "selection"):
        trials = _finished(state, program, rung)
        if trials:
            return max(trials, key=lambda t: (t.validation, t.own_return, -t.seed))
    raise ValueError(f"expected a finished trial of {program}, found none")


def native_beside(state: RunState, trial: TrialState) -> TrialState | None:
    """The report trial of the native reward with the seed of a trial, so with the same starts.

    The first one if that did not finish; None without a finished trial of the native reward.
    """
    finished = _finished(state, NATIVE, "report")
    same = [other for other in finished if (other.seed, other.rung) == (trial.seed, trial.rung)]
    return next(iter([*same, *finished]), None)


def filmed_trials(state: RunState, program: str) -> dict[str, TrialState]:
    """The trials whose policies are filmed, by description: each trial once.

    They are the exported policy, the median and the worst training seed beside it, and the policy
    of the native reward.
    """
    shipped = shipped_trial(state, program)
    ranked = sorted(_finished(state, program, shipped.rung), key=lambda t: (t.fitness, t.seed))
    native = native_beside(state, shipped)
    named = {
        "designed reward, the exported policy": shipped,
        "designed reward, the worst training seed": ranked[0],
        "designed reward, the median training seed": ranked[(len(ranked) - 1) // 2],
        **({"native reward": native} if native is not None else {}),
    }
    first = {trial.key: name for name, trial in reversed(named.items())}
    return {name: trial for name, trial in named.items() if first[trial.key] == name}


def _finished(state: RunState, program: str, rung: str) -> list[TrialState]:
    return [t for t in state.trials_of(program, rung) if t.status == "finished"]


def why_none(state: RunState) -> str:
    """The reason why a run has no result, as a hint for the user."""
    slots, trials = sorted(state.slots), sorted(state.trials)  # in whatever order they ended
    refused = [finding for slot in slots for finding in state.slots[slot].findings]
    failed = [state.trials[key].message for key in trials if state.trials[key].message]
    reasons = list(dict.fromkeys(failed + refused))
    if reasons:
        return f"first reason: {reasons[0]}"
    return f"it stopped because {state.stopped}" if state.stopped else "resume it"
