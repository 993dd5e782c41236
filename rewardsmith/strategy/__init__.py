"""Strategies: each decides the next orders of a run from its state. One file each.

A strategy is pure. It depends on the set of results of a finished round, never on their order of
arrival, so that a resumed run makes the same decisions as an uninterrupted one.
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
        "icpl": "rewardsmith.strategy.icpl:ICPL",
        "preference": "rewardsmith.strategy.preference:Preference",
        "qshape": "rewardsmith.strategy.qshape:QShape",
        "smith": "rewardsmith.strategy.smith:Smith",
        "text2reward": "rewardsmith.strategy.text2reward:Text2Reward",
    },
    "rewardsmith.strategies",
)
