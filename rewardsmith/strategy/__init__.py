"""Strategies: each decides what to do next from the state of the run so far. One file each.

A strategy is pure. It depends on the set of results of a finished round, never on their order of
arrival, so a run that was interrupted and resumed decides as if it had not been.
"""

from __future__ import annotations

from rewardsmith.plugins import Registry

STRATEGIES = Registry(
    "strategy",
    {
        "calm": "rewardsmith.strategy.calm:Calm",
        "card": "rewardsmith.strategy.card:Card",
        "eager": "rewardsmith.strategy.eager:Eager",
        "eureka": "rewardsmith.strategy.eureka:Eureka",
        "evolve": "rewardsmith.strategy.evolve:Evolve",
        "qshape": "rewardsmith.strategy.qshape:QShape",
        "text2reward": "rewardsmith.strategy.text2reward:Text2Reward",
    },
    "rewardsmith.strategies",
)
