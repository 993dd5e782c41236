"""The end of a search: which program leads, its exploits, its comparison with the native reward.

Selection chose the program on its own seeds, so its selection score is too good on average. The
report therefore uses seeds that were never used to choose anything. If a report seed fails, the
search may go on, and the next program is reported on fresh seeds: every such look is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rewardsmith.engine.deciding import deciding_orders
from rewardsmith.engine.gate import parts
from rewardsmith.program import NATIVE
from rewardsmith.run.config import RunConfig
from rewardsmith.run.orders import (
    AnyOrder,
    ClosingOrder,
    Extend,
    PlayScripts,
    Rung,
    SearchExploits,
    Train,
)
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.state import RunState

FIRST_REPORT_SEED = 1000  # of the first look; each look has the next thousand
FIRST_TRANSFER_SEED = 700
TRANSFER_SEEDS = 5
EXPLOITERS = 3  # trainings
EXPLOIT_SEEDS = range(500, 500 + EXPLOITERS)
EXPLOITER_SHARE = 0.25  # of the steps of a training
_MOST_SEARCHES = 4  # programs that exploiters are trained for, besides one per extra round
EXTENDABLE = ("model", "grammar", "replay")  # writers that can answer another round


class ClosingTrainings(NamedTuple):
    """The most trainings after the search.

    Attributes:
        deciding: trainings that decide which program leads.
        report, exploiters, transfer: of final comparisons, of exploiters, of another algorithm.
    """

    deciding: int
    report: int
    exploiters: int
    transfer: int

    @property
    def whole(self) -> float:
        """Their steps in units of one training of the task."""
        return self.deciding + self.report + EXPLOITER_SHARE * self.exploiters + self.transfer


def closing_trainings(config: RunConfig) -> ClosingTrainings:
    """The most trainings after the search."""
    searches = (_MOST_SEARCHES + config.extra_rounds) * config.exploit_search
    report = 2 * config.report_seeds * config.looks
    transfer = 2 * TRANSFER_SEEDS if config.also is not None and report else 0
    return ClosingTrainings(config.deciding_trainings, report, searches * EXPLOITERS, transfer)


def closing_orders(
    config: RunConfig, state: RunState, steps: int, *, optional: bool = True
) -> Sequence[ClosingOrder]:
    """What is still owed after the strategy stopped; nothing if no program has a score.

    First, trainings decide which program leads. The leader is searched for exploits, and then
    compared with the native reward. A leader with an exploit or with a failed report seed loses its
    place, and the strategy plans again. If no other program takes it, the search is extended.

    Args:
        steps: of a training of the search.
        optional: train exploiters, and agents that decide which program leads. Without them, the
            leader is the program that leads so far, and only recorded episodes are searched.
    """
    leader = state.leader
    if leader is None:
        return []
    owed = _owed(config, state)
    if owed or _settled(state):
        return owed or _transfer(config, state)
    if state.judges_decide:  # the fitness decides nothing, so it finds no exploit either
        return _report(config, state, leader) or _transfer(config, state)
    deciding = deciding_orders(config, state, steps) if optional else []
    return (
        searches_before(config, state, deciding)
        or deciding
        or _exploit_orders(config, state, leader, optional)
        or _extension(config, state, leader)
        or _report(config, state, leader)
        or _transfer(config, state)
    )


def is_optional_training(order: AnyOrder) -> bool:
    """Whether a closing order trains exploiters, or agents that decide which program leads."""
    return isinstance(order, Train) and order.rung in ("exploit", "selection")


def searches_before(
    config: RunConfig, state: RunState, orders: Sequence[AnyOrder]
) -> Sequence[ClosingOrder]:
    """Exploit searches among recorded episodes that come before some orders of a strategy.

    They take no training. So a program that succeeds is searched before more agents are trained
    under it, and the strategy plans again. The rest of a wave that was begun is not held up: a
    resumed run decides as an undisturbed one.
    """
    if not config.exploit_search or state.judges_decide:
        return []
    further = [
        order.program
        for order in orders
        if isinstance(order, Train)
        and not parts([order]) <= state.wave
        and order.program not in state.exploits
        and any(map(_may_succeed, state.trials_of(order.program, "selection")))
    ]
    if further and not state.scripted:
        return [PlayScripts()]
    return [SearchExploits(program) for program in further]


def _settled(state: RunState) -> bool:
    """Whether a program was reported since the search last went on, and holds."""
    return any(
        not state.exploited(program) and not state.unsolved_report_seeds(program)
        for program in state.looks[state.earlier_looks :]
    )


def _looks_left(config: RunConfig, state: RunState) -> bool:
    """Whether another look is allowed; the user may have one more each time the run goes on."""
    return len(state.looks) < config.looks + state.reopened


def may_extend(config: RunConfig, state: RunState) -> bool:
    """Whether the search may have another round."""
    rounds_left = state.extra_rounds < config.extra_rounds
    return rounds_left and state.refused is None and config.writer in EXTENDABLE


def _exploit_orders(
    config: RunConfig, state: RunState, leader: str, exploiters: bool
) -> Sequence[ClosingOrder]:
    """Search recorded episodes, then train exploiters, then search their episodes too."""
    if (
        not config.exploit_search
        or leader in state.looks
        or not _success_may_be_known(config, state)
    ):
        return []  # without a success, there is nothing to compare failures with
    if not state.scripted:
        return [PlayScripts()]
    found = state.exploits.get(leader)
    if found is None:
        return [SearchExploits(leader)]
    if found.verdict == "exploited" or found.trained:
        return []
    if _trained_searches(state, leader) >= _MOST_SEARCHES + state.extra_rounds + state.reopened:
        return []  # each leader that falls costs the next one its confirmation, so not all can fall
    owed = tuple(seed for seed in EXPLOIT_SEEDS if (leader, seed, "exploit") not in state.trials)
    if not owed:
        return [SearchExploits(leader)]
    if not exploiters:
        return []
    return [exploiter_training(leader, owed, config.steps)]


def exploiter_training(program: str, seeds: Iterable[int], steps: int) -> Train:
    """The order that trains exploiters of a program.

    Args:
        steps: of an ordinary training.
    """
    return Train(program, tuple(seeds), "exploit", max(1, round(EXPLOITER_SHARE * steps)))


def _success_may_be_known(config: RunConfig, state: RunState) -> bool:
    """Whether an agent may have succeeded, or episodes were given, which may be successes."""
    return bool(config.bank) or config.use_expert or any(map(_may_succeed, state.trials.values()))


def _may_succeed(trial: TrialState) -> bool:
    return trial.status == "finished" and trial.success_rate != 0


def _trained_searches(state: RunState, besides: str) -> int:
    """For how many programs exploiters were trained, besides one."""
    return len({name for name, _, rung in state.trials if rung == "exploit"} - {besides})


def _extension(config: RunConfig, state: RunState, leader: str) -> Sequence[ClosingOrder]:
    """One more round if the leader is known not to hold, and another look is allowed."""
    if not may_extend(config, state) or not _looks_left(config, state):
        return []
    if state.exploited(leader):
        return [Extend(f"program {leader} has an exploit")]
    failed = state.unsolved_report_seeds(leader)
    if failed:
        seeds = state.report_seeds or config.report_seeds
        return [Extend(f"{failed} of {seeds} report seeds do not solve the task")]
    return []


def _report(config: RunConfig, state: RunState, leader: str) -> Sequence[ClosingOrder]:
    """The trainings of a new look."""
    if leader in state.looks or not _looks_left(config, state):
        return []
    return _trainings(config, state, leader, len(state.looks))


def _owed(config: RunConfig, state: RunState) -> Sequence[ClosingOrder]:
    """The trainings of the last look that are not finished."""
    number = len(state.looks) - 1
    return _trainings(config, state, state.looks[number], number) if state.looks else []


def _transfer(config: RunConfig, state: RunState) -> Sequence[ClosingOrder]:
    """Trainings of another algorithm with the reported program, and with the native reward."""
    program = state.best
    if config.also is None or program is None or program not in state.looks:
        return []
    seeds = range(FIRST_TRANSFER_SEED, FIRST_TRANSFER_SEED + TRANSFER_SEEDS)
    return _owed_trainings(state, (program, NATIVE), seeds, "transfer", config.steps)


def _trainings(config: RunConfig, state: RunState, program: str, look: int) -> list[Train]:
    first = FIRST_REPORT_SEED * (1 + look)
    seeds = range(first, first + (state.report_seeds or config.report_seeds))
    return _owed_trainings(state, (program, NATIVE), seeds, "report", config.steps)


def _owed_trainings(
    state: RunState, programs: Sequence[str], seeds: Iterable[int], rung: Rung, steps: int
) -> list[Train]:
    """One order per program, of the seeds that are not trained yet."""
    orders = []
    for program in programs:
        owed = tuple(seed for seed in seeds if (program, seed, rung) not in state.trials)
        orders += [Train(program, owed, rung, steps)] if owed else []
    return orders
