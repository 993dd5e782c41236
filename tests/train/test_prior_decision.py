"""What becomes of a prior, by the returns and the time alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rewardsmith.train.prior.decision import Decision
from rewardsmith.train.prior.options import shaping_options

LENGTH = 1000


def decision_of(**options: Any) -> Decision:
    return Decision(shaping_options(lambda obs: np.zeros((len(obs), 2)), options), n_envs=1)


def add(decision: Decision, own: float, guided: float, episodes: int = 4) -> None:
    """Episodes of one step, as many of each kind."""
    rng = np.random.default_rng(0)
    for _ in range(2 * episodes):
        decision.guided(0, LENGTH, rng)
        leads = bool(decision.reuse.leads[0])
        decision.reuse.add(np.array([guided if leads else own]), np.array([True]))


def test_a_prior_has_no_weight_until_it_is_accepted_and_then_it_falls_to_0() -> None:
    decision = decision_of(weight=2.0, until=0.5)
    assert decision.weight(0, LENGTH) == 0.0
    add(decision, own=0.0, guided=1.0)
    decision.decide(100, LENGTH)
    assert decision.accepted and decision.outcome is not None and decision.outcome.steps == 100
    weights = [decision.weight(steps, LENGTH) for steps in (100, 300, 500, 700)]
    assert weights == pytest.approx([2.0, 1.0, 0.0, 0.0])
    decision.decide(500, LENGTH)
    assert decision.rejected and decision.outcome.accepted, "abandoned, but it was accepted"


@pytest.mark.parametrize(
    ("guided", "steps", "is_over"), [(0.0, 10, True), (1.0, 199, False), (1.0, 200, True)]
)
def test_a_prior_is_rejected_at_once_if_it_is_worse_and_in_time_if_it_is_not_better(
    guided: float, steps: int, is_over: bool
) -> None:
    decision = decision_of(prove=0.2)
    add(decision, own=1.0, guided=guided)
    decision.decide(steps, LENGTH)
    assert decision.is_over == decision.rejected == is_over and not decision.accepted
    assert decision.weight(steps, LENGTH) == 0.0


def test_prefill_is_due_once_it_is_accepted_and_only_once() -> None:
    decision = decision_of(mode="prefill")
    assert not decision.fills
    add(decision, own=0.0, guided=1.0)
    decision.decide(10, LENGTH)
    assert decision.fills and decision.weight(10, LENGTH) == 0.0
    decision.filled = True
    assert not decision.fills and decision.is_over


def test_steps_are_due_beside_every_so_many_updates() -> None:
    decision = decision_of(every=3)
    assert [decision.owed(count) for count in (1, 1, 1, 7, 2)] == [0, 0, 1, 2, 1]


def test_the_length_of_the_options_has_precedence() -> None:
    decision = decision_of(prove=0.0, until=1.0, steps=2 * LENGTH)
    assert decision.weight(LENGTH, LENGTH) == 0.5
