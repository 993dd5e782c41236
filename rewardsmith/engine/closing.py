"""The last comparison of a run: the best program against the native reward, on fresh seeds.

Selection chose the program on its own seeds, so its selection score is too good on average; the
seeds here were never used for choosing anything.
"""

from __future__ import annotations

from rewardsmith.program import NATIVE
from rewardsmith.run.config import RunConfig
from rewardsmith.run.orders import Train
from rewardsmith.run.state import RunState

FIRST_REPORT_SEED = 1000


def closing_orders(config: RunConfig, state: RunState) -> list[Train]:
    """Trainings that the report still owes; none when nothing was good enough to report."""
    ranked = state.ranked()
    if not ranked:
        return []
    seeds = range(FIRST_REPORT_SEED, FIRST_REPORT_SEED + config.report_seeds)
    orders = []
    for program in (ranked[0], NATIVE):
        owed = tuple(seed for seed in seeds if (program, seed, "report") not in state.trials)
        if owed:
            orders.append(Train(program, owed, "report", config.steps))
    return orders
