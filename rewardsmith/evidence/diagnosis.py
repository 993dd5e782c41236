"""Why agents do not solve a task: which lever is missing, judged from their trainings.

A failed search has several possible causes, and only one of them is the reward. The rules below use
what every run records anyway: curves of own return and fitness, evaluations, and episodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rewardsmith.maths.agreement import kendall_tau
from rewardsmith.program import NATIVE
from rewardsmith.run.bank import RunBank
from rewardsmith.run.curves import CurveRow
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.state import RunState
from rewardsmith.types import Array, FloatArray

Lever = Literal[
    "exploration", "observation", "learning", "reward", "steps", "noise", "variance"
]  # fmt: skip
"""What is missing.

exploration  no agent ever reached the goal, and the reward is the same everywhere else
observation  no field that programs may read goes with fitness
learning     the own reward is not learned
reward       the own reward is learned, and the fitness does not follow
steps        the fitness was still rising at the end
noise        acting without noise loses what the training reached
variance     some training seeds solve the task, and others do not
"""

FEWEST_ROWS = 5  # of a curve, for a trend
_LEARNED, _NOT_FOLLOWED = 0.5, 0.05  # changes in units of the range of a curve
_NOT_LEARNED = 0.25
_RISING = 0.1  # of the way from the random policy to a solution, in the last third
_LOST = 0.2  # of the way, or of the success rate
_FLAT = 1e-9
_FEWEST_EPISODES = 20
_NOISE_OF_TAU = 4 * 2 / 3  # four standard deviations of tau, times the square root of n
_MOST_TAU = 0.3
_MOST_NUMBERS = 64  # of one field

_ADVICE: dict[Lever, str] = {
    "exploration": "Reward steps on the way (a potential, subgoals), start episodes nearer to the "
    "goal, allow longer episodes, or raise the learner's entropy coefficient",
    "observation": "Offer the fields that the fitness depends on, in [[fields]] of the task",
    "learning": "Look at the learner before the reward: more steps, another learning rate, "
    "[training] normalise_observations and normalise_reward",
    "reward": "Change the reward: find the term whose sum grows while the fitness does not",
    "steps": "Train for more steps, or with a higher learning rate",
    "noise": "Train for more steps with a smaller entropy coefficient, so that the policy no "
    "longer depends on chance",
    "variance": "Train for more steps or in more environments at once, and prefer a reward that "
    "every seed learns",
}


@dataclass(frozen=True)
class RunDiagnosis:
    """The missing lever, and one paragraph that says what was seen and what to change."""

    lever: Lever
    text: str


@dataclass(frozen=True)
class Training:
    """A training and its evaluation.

    Attributes:
        fitness: mean over the evaluation episodes.
        success: share of solved evaluation episodes; None where the task defines no success.
    """

    curve: Sequence[CurveRow]
    fitness: float
    success: float | None


@dataclass(frozen=True)
class Known:
    """What is known of a task.

    Attributes:
        random: mean fitness of the random policy.
        solved: fitness at which the task is solved.
        reached: whether any recorded episode succeeded, or came a quarter of the way.
        telling: whether some field goes with fitness; None if that was not measured.
    """

    random: float
    solved: float
    reached: bool
    telling: bool | None = None

    def way(self, fitness: float) -> float:
        """Share of the way from the random policy to a solution."""
        return (fitness - self.random) / max(self.solved - self.random, _FLAT)


def diagnose(trainings: Sequence[Training], known: Known) -> RunDiagnosis | None:
    """The lever that is missing; None if every training solves the task.

    Example:
        >>> rising = [CurveRow(n, episodes=1, own_return=n, fitness=n / 100) for n in range(60)]
        >>> diagnose([Training(rising, 0.6, None)], Known(0.0, 1.0, reached=True)).lever
        'steps'
    """
    failed = [training for training in trainings if training.fitness < known.solved]
    if not failed:
        return None
    levers = Counter(_lever(training, known) for training in failed)
    lever = levers.most_common(1)[0][0]
    seen = _seen(lever, [each for each in failed if _lever(each, known) == lever], known)
    if len(failed) == len(trainings):
        return RunDiagnosis(lever, f"{seen}. {_ADVICE[lever]}.")
    missed = ", ".join(f"{training.fitness:.3g}" for training in failed)
    some = f"{len(failed)} of {len(trainings)} training seeds do not solve the task ({missed})"
    return RunDiagnosis("variance", f"{some}. Of these: {seen}. {_ADVICE['variance']}.")


def diagnose_program(run: RunFolder, state: RunState, program: str) -> RunDiagnosis | None:
    """Diagnose the selection trainings of a program, from these alone: feedback for the writer.

    Returns:
        None if the task names no fitness at which it is solved, or nothing failed.
    """
    trials = _finished(state, program, "selection")
    return _diagnosis(state, _trainings(run, trials), trials)


def diagnose_run(run: RunFolder, state: RunState, program: str) -> RunDiagnosis | None:
    """Diagnose the report trainings of a program, else those of the selection.

    What the other trials of the run reached counts too, and all recorded episodes are searched for
    a field that goes with fitness.

    Returns:
        None if the task names no fitness at which it is solved, or nothing failed.
    """
    trials = _finished(state, program, "report") or _finished(state, program, "selection")
    trainings, known = _trainings(run, trials), [*state.trials.values()]
    if _diagnosis(state, trainings, known) is None:
        return None
    return _diagnosis(state, trainings, known, _fields_are_telling(run, state))


def native_farmed(run: RunFolder, state: RunState, rung: str = "report") -> str:
    """A sentence if agents earn more and more of the native reward while the fitness is flat."""
    trials = _finished(state, NATIVE, rung)
    curves = [run.trial(trial).curve() for trial in trials]
    if not curves or not farmed(curves):
        return ""
    returns = _values(row.own_return for curve in curves for row in curve)
    first = _values(curve[0].own_return for curve in curves if curve).mean()
    fitness = float(np.mean([trial.fitness or 0.0 for trial in trials]))
    return (
        f"the native reward is farmed: its agents raise it from {first:.3g} to "
        f"{returns.max():.3g} in an episode, and their fitness stays at {fitness:.3g}"
    )


def fields_are_telling(columns: Iterable[Array], lengths: Array, fitness: FloatArray) -> bool:
    """Whether some number goes with fitness, by rank agreement over episodes.

    Of each number the mean, the last, the smallest and the largest value of an episode are used.

    Args:
        columns: numbers of all steps, episode after episode, each (n, ...).
        lengths: of the episodes, shape (m,).
        fitness: of the episodes, shape (m,).

    Returns:
        True where too few episodes are known to say.
    """
    if len(fitness) < _FEWEST_EPISODES or len(np.unique(fitness)) < FEWEST_ROWS:
        return True
    least = min(_MOST_TAU, _NOISE_OF_TAU / np.sqrt(len(fitness)))
    starts = np.cumsum(lengths) - lengths
    numbers = (part for column in columns for part in column.reshape(len(column), -1).T)
    summaries = (
        values
        for number in numbers
        for values in _summaries(np.nan_to_num(number.astype(np.float64)), starts, lengths)
    )
    return any(abs(kendall_tau(values, fitness) or 0.0) >= least for values in summaries)


def return_is_hollow(curve: Sequence[CurveRow]) -> bool:
    """Whether the own return grew along a training while the fitness did not."""
    gain = _change(_values(row.own_return for row in curve))
    followed = _change(_values(row.fitness for row in curve))
    return (
        gain is not None and followed is not None and gain > _LEARNED and followed < _NOT_FOLLOWED
    )


def farmed(curves: Sequence[Sequence[CurveRow]]) -> bool:
    """Whether the return grew along most trainings while the fitness did not."""
    return 2 * sum(map(return_is_hollow, curves)) > len(curves)


def _lever(training: Training, known: Known) -> Lever:
    """The first rule that applies to a failed training."""
    returns = _values(row.own_return for row in training.curve)
    gain = _change(returns)
    if known.telling is False:
        return "observation"
    if return_is_hollow(training.curve):
        return "reward"
    if not known.reached and _is_flat(returns):
        return "exploration"
    if _lost_without_noise(training, known) >= _LOST:
        return "noise"
    if _late_gain(training, known) >= _RISING:
        return "steps"
    if gain is not None and gain < _NOT_LEARNED:
        return "learning"
    return "reward" if known.reached else "exploration"


def _seen(lever: Lever, trainings: Sequence[Training], known: Known) -> str:
    """What was seen, as a sentence without its full stop."""
    fitness = float(np.mean([training.fitness for training in trainings]))
    of = f"fitness {fitness:.3g}, random policy {known.random:.3g}, solved at {known.solved:.3g}"
    match lever:
        case "exploration":
            return f"No agent reached the goal in training or evaluation ({of})"
        case "observation":
            return f"No field that programs may read goes with fitness ({of})"
        case "learning":
            return f"The agents did not learn to earn more of this reward ({of})"
        case "reward":
            return f"The agents learned to earn this reward, and the fitness did not follow ({of})"
        case "steps":
            late = float(np.mean([_late_gain(training, known) for training in trainings]))
            return f"The fitness still rose by {late:.0%} of the way in the last third ({of})"
        case _:
            lost = float(np.mean([_lost_without_noise(each, known) for each in trainings]))
            return f"Acting without noise loses {lost:.0%} of what the training reached ({of})"


def _lost_without_noise(training: Training, known: Known) -> float:
    """Success rate, or share of the way, at the end of training minus that of the evaluation."""
    rates = _values(row.success for row in training.curve)
    if training.success is not None and len(rates):
        return float(rates[-_fifth(rates) :].mean()) - training.success
    fitness = _values(row.fitness for row in training.curve)
    if not len(fitness):
        return 0.0
    return known.way(float(fitness[-_fifth(fitness) :].mean())) - known.way(training.fitness)


def _late_gain(training: Training, known: Known) -> float:
    """How far the fitness rose from the second third of a training to its end."""
    fitness = _values(row.fitness for row in training.curve)
    if len(fitness) < FEWEST_ROWS:
        return 0.0
    third = len(fitness) // 3
    middle, end = fitness[third : 2 * third], fitness[-_fifth(fitness) :]
    return known.way(float(end.mean())) - known.way(float(middle.mean()))


def _change(values: FloatArray) -> float | None:
    """Change from the first fifth to the last, in units of the range; None of too few values."""
    if len(values) < FEWEST_ROWS:
        return None
    fifth = _fifth(values)
    return float((values[-fifth:].mean() - values[:fifth].mean()) / (np.ptp(values) or 1.0))


def _is_flat(values: FloatArray) -> bool:
    return not len(values) or float(np.ptp(values)) <= _FLAT * float(np.abs(values).max())


def _values(cells: Iterable[float | None]) -> FloatArray:
    return np.array([cell for cell in cells if cell is not None], np.float64)


def _fifth(values: FloatArray) -> int:
    return max(1, len(values) // 5)


def _summaries(number: FloatArray, starts: Array, lengths: Array) -> list[FloatArray]:
    """Mean, last, smallest and largest value of each episode, each of shape (m,)."""
    return [
        np.add.reduceat(number, starts) / lengths,
        number[starts + lengths - 1],
        np.minimum.reduceat(number, starts),
        np.maximum.reduceat(number, starts),
    ]


def _finished(state: RunState, program: str, rung: str) -> list[TrialState]:
    return [trial for trial in state.trials_of(program, rung) if trial.status == "finished"]


def _fields_are_telling(run: RunFolder, state: RunState) -> bool:
    assert state.preflight is not None
    bank = RunBank(run).before(state)
    names = [
        name
        for name, argument in state.preflight.arguments.items()
        if not argument.words and (name.startswith("next_") or name == "action")
    ]
    columns = [_thinned(column) for column in bank.columns(names).values()]
    return fields_are_telling(columns, bank.lengths, bank.fitness)


def _thinned(column: Array) -> Array:
    """An even choice of the numbers of a long vector, whose neighbours say much the same."""
    numbers = column.reshape(len(column), -1)
    return numbers[:, :: -(-numbers.shape[1] // _MOST_NUMBERS)]


def _trainings(run: RunFolder, trials: Sequence[TrialState]) -> list[Training]:
    return [
        Training(run.trial(trial).curve(), trial.fitness or 0.0, trial.success_rate)
        for trial in trials
    ]


def _diagnosis(
    state: RunState,
    trainings: Sequence[Training],
    trials: Sequence[TrialState],
    telling: bool | None = None,
) -> RunDiagnosis | None:
    seen = state.preflight
    if seen is None or seen.solved_from is None:
        return None
    random, solved = seen.mean_random_fitness, seen.solved_from
    reached = _reached(trainings, trials, random + (solved - random) / 4)
    return diagnose(trainings, Known(random, solved, reached, telling))


def _reached(trainings: Sequence[Training], trials: Sequence[TrialState], quarter: float) -> bool:
    """Whether an agent succeeded; where the task defines no success, whether fitness is enough."""
    rates = [trial.success_rate for trial in trials]
    rates += [row.success for training in trainings for row in training.curve]
    if any(rate is not None for rate in rates):
        return any(rates)
    return any((trial.fitness or 0.0) >= quarter for trial in trials)
