"""Where in a training the fitness falls while the return still rises."""

from __future__ import annotations

from rewardsmith.evidence.overoptimisation import best_before_parting
from rewardsmith.run.curves import CurveRow


def curve(*fitness: float | None) -> list[CurveRow]:
    return [
        CurveRow(steps=1000 * number, own_return=float(number), fitness=value)
        for number, value in enumerate(fitness, 1)
    ]


def test_the_step_of_the_best_fitness_is_found() -> None:
    assert best_before_parting(curve(0.1, 0.3, 0.5, None, 0.9, 0.6, 0.4, 0.3, 0.2)) in (3000, 5000)


def test_a_fitness_that_rises_or_stays_is_no_over_optimisation() -> None:
    assert best_before_parting(curve(0.1, 0.3, 0.5, 0.7, 0.9, 0.9, 0.9, 0.9)) is None
    assert best_before_parting(curve()) is None
