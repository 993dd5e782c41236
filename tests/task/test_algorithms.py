"""Capabilities of each learning algorithm, and of classes of other packages."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from stable_baselines3 import DDPG, PPO
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from rewardsmith.errors import UsageError
from rewardsmith.sandbox.behaviour.for_training import unusable_parts
from rewardsmith.task import algorithms
from rewardsmith.task.algorithms import CAPABILITIES, Capabilities
from rewardsmith.task.training import TrainingSpec


class MyPPO(PPO):
    """PPO, by another name."""


class ShortPPO(PPO):
    """PPO with rollouts of its own length."""

    def __init__(self, *arguments: Any, n_steps: int = 128, **more: Any) -> None:
        super().__init__(*arguments, n_steps=n_steps, **more)


class Ensemble(OffPolicyAlgorithm):
    """Off-policy, and below no algorithm of the table."""


class Declared(OffPolicyAlgorithm):
    """Declares its capabilities."""

    rewardsmith_capabilities: ClassVar = Capabilities(on_policy=True, n_steps=10)


CLASSES = {"MYPPO": MyPPO, "SHORT": ShortPPO, "ENSEMBLE": Ensemble, "DECLARED": Declared}


@pytest.fixture(autouse=True)
def another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    known = algorithms.ALGORITHMS.get
    monkeypatch.setattr(algorithms.ALGORITHMS, "get", lambda name: CLASSES.get(name) or known(name))


@pytest.mark.parametrize(
    ("algorithm", "hyperparameters", "taken"),
    [
        ("PPO", {}, 65_536),
        ("MYPPO", {}, 65_536),
        ("MYPPO", {"n_steps": 1000}, 64_000),
        ("SHORT", {}, 51_200),
        ("A2C", {}, 50_000),
        ("DECLARED", {}, 50_080),
        ("SAC", {}, 50_000),
        ("SAC", {"n_steps": 3000}, 50_000),  # there it is the length of returns, not of a rollout
        ("ENSEMBLE", {}, 50_000),
    ],
)
def test_a_training_is_budgeted_what_it_takes(
    algorithm: str, hyperparameters: dict[str, Any], taken: int
) -> None:
    training = TrainingSpec(algorithm=algorithm, n_envs=16, hyperparameters=hyperparameters)
    assert training.steps_taken(50_000) == taken


@pytest.mark.parametrize("algorithm", ["DQN", "DDPG", "TD3", "SAC"])
def test_what_has_a_critic_takes_a_prior(algorithm: str) -> None:
    assert list(unusable_parts(TrainingSpec(algorithm=algorithm))) == []


@pytest.mark.parametrize(
    ("algorithm", "why"),
    [
        ("PPO", "PPO learns no Q that could be shaped by a q_prior"),
        ("MYPPO", "MYPPO learns no Q that could be shaped by a q_prior"),
        ("ENSEMBLE", "ENSEMBLE cannot be shaped by a q_prior"),
    ],
)
def test_why_a_prior_is_refused_is_true(algorithm: str, why: str) -> None:
    ((name, found, hint),) = unusable_parts(TrainingSpec(algorithm=algorithm))
    assert (name, found) == ("q_prior", why) and hint.endswith("DQN, DDPG, TD3 or SAC")


def test_the_table_agrees_with_the_classes() -> None:
    """An on-policy class has a rollout length, by default the table's; DDPG is below TD3."""
    assert issubclass(DDPG, algorithms.ALGORITHMS.get("TD3"))
    for name, can in CAPABILITIES.items():
        inherited = algorithms.capabilities_of(
            type(f"My{name}", (algorithms.ALGORITHMS.get(name),), {})
        )
        assert inherited == can, name


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(UsageError, match="no algorithm 'PPOO'"):
        TrainingSpec(algorithm="PPOO").steps_taken(1)
