"""Which program leads: a sequential test that trains the leader and its challenger on fresh seeds.

A strategy may train each program on one seed, and the best of many such scores is a lucky one. The
test is LUCB, see :mod:`rewardsmith.maths.racing`. While one of the two programs next to the leader
may be better than it, the leader and this challenger are trained on two more seeds, which the
strategy did not use. The test ends when no challenger may be better by more than the width of a
tie, or when its trainings are spent. The probability of an error is 5 % over all of its comparisons
(Bonferroni).
"""

from __future__ import annotations

from statistics import mean

from rewardsmith.maths.racing import LEVEL, challenger, moderated_bounds
from rewardsmith.run.config import RunConfig
from rewardsmith.run.orders import Train
from rewardsmith.run.state import RunState

FIRST_DECIDING_SEED = 100
_BATCH = 2  # seeds
_RIVALS = 2
_FAILED = 0.25  # of the way from the random policy to a solution


def deciding_orders(config: RunConfig, state: RunState, steps: int) -> list[Train]:
    """The next trainings of the leader and its challenger; nothing if the leader is decided.

    Args:
        steps: of a training of the search.
    """
    leader, *others = state.standing() or [""]
    rivals = [program for program in others if not _ruled_out(state, program)][:_RIVALS]
    left = config.deciding_trainings - deciding_trainings_made(state)
    if not rivals or left <= 0 or not _worth_deciding(state):
        return []
    rival = challenger(
        moderated_bounds(state.known_fitness(), _level(config), state.fitness_range),
        leader,
        rivals,
        state.tie_width,
    )
    if rival is None:
        return []
    orders = _trainings(state, (leader, rival), steps)
    return orders if sum(len(order.seeds) for order in orders) <= left else []


def deciding_trainings_made(state: RunState) -> int:
    """How many trainings of the test were made."""
    return sum(
        rung == "selection" and seed >= FIRST_DECIDING_SEED for _, seed, rung in state.trials
    )


def _trainings(state: RunState, programs: tuple[str, str], steps: int) -> list[Train]:
    """Seeds that one of two programs has and the other lacks; if there are none, new ones."""
    made = {program: _seeds(state, program) for program in programs}
    count = max(len(seeds) for seeds in made.values())
    if all(len(seeds) == count for seeds in made.values()):
        count += _BATCH
    wanted = set(range(FIRST_DECIDING_SEED, FIRST_DECIDING_SEED + count))
    owed = {program: tuple(sorted(wanted - seeds)) for program, seeds in made.items()}
    return [Train(program, seeds, "selection", steps) for program, seeds in owed.items() if seeds]


def _seeds(state: RunState, program: str) -> set[int]:
    trials = state.trials_of(program, "selection")
    return {trial.seed for trial in trials if trial.seed >= FIRST_DECIDING_SEED}


def _level(config: RunConfig) -> float:
    """The probability of error of one bound: two bounds of each rival at each look."""
    looks = 1 + config.deciding_trainings // (2 * _BATCH)
    return LEVEL / (2 * _RIVALS * looks)


def _ruled_out(state: RunState, program: str) -> bool:
    """Whether a program has a known exploit or a report seed that does not solve the task."""
    return state.exploited(program) or bool(state.unsolved_report_seeds(program))


def _worth_deciding(state: RunState) -> bool:
    """Whether the best program is better than random behaviour, by a quarter of the way to success.

    Which of several failures is the least bad matters to nobody.
    """
    found = state.preflight
    if found is None or found.solved_from is None:
        return state.tie_width > 0
    random = found.mean_random_fitness
    best = max(mean(values) for values in state.known_fitness().values())
    return best - random >= _FAILED * (found.solved_from - random)
