"""Algorithms of Stable-Baselines3 keep the contract of an algorithm, and broken ones fail it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC

from rewardsmith.task.algorithms import Capabilities
from rewardsmith.testing import AlgorithmContract
from tests.support.contracts import failure
from tests.support.trials import OFF_POLICY, SMALL

ON_POLICY = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, **SMALL}


class TestPPO(AlgorithmContract):
    hyperparameters: ClassVar[dict[str, Any]] = ON_POLICY

    def algorithm(self) -> type[Any]:
        return PPO


class TestDQN(AlgorithmContract):
    continuous: ClassVar[bool | None] = False
    hyperparameters: ClassVar[dict[str, Any]] = OFF_POLICY

    def algorithm(self) -> type[Any]:
        return DQN


class TestSAC(AlgorithmContract):
    continuous: ClassVar[bool | None] = True
    hyperparameters: ClassVar[dict[str, Any]] = OFF_POLICY

    def algorithm(self) -> type[Any]:
        return SAC


class Seedless:
    """Its constructor takes no seed."""

    def __init__(self, policy: str, env: Any, device: str) -> None:
        pass


class Idle(PPO):
    """It never takes a step."""

    def learn(self, *_: Any, **__: Any) -> Any:
        return self


class Undeclared(PPO):
    """It collects rollouts, and declares that it does not."""

    rewardsmith_capabilities: ClassVar = Capabilities(on_policy=False)


class Claiming(PPO):
    """It declares a critic that it does not have."""

    rewardsmith_capabilities: ClassVar = Capabilities(on_policy=True, n_steps=16, learns_q=True)


class Hidden(PPO):
    """Half of its decision is kept outside the policy."""

    flipped = False

    def learn(self, *args: Any, **more: Any) -> Any:
        self.flipped = True
        return super().learn(*args, **more)

    def predict(self, *args: Any, **more: Any) -> Any:
        actions, state = super().predict(*args, **more)
        return (actions + 1 if self.flipped else actions), state


class WithMemory(PPO):
    """Its action depends on how often it acted."""

    acted = 0

    def predict(self, *args: Any, **more: Any) -> Any:
        self.acted += 1
        actions, state = super().predict(*args, **more)
        return actions + self.acted, state


class Unseeded(PPO):
    """Its weights depend on how many agents were trained before."""

    trained: ClassVar[list[float]] = []

    def learn(self, *args: Any, **more: Any) -> Any:
        self.trained.append(0.1)
        torch.nn.init.constant_(self.policy.action_net.bias, sum(self.trained))
        return self


class Broken(AlgorithmContract):
    continuous: ClassVar[bool | None] = True
    hyperparameters: ClassVar[dict[str, Any]] = ON_POLICY

    def __init__(self, algorithm: type[Any]) -> None:
        self._algorithm = algorithm

    def algorithm(self) -> type[Any]:
        return self._algorithm


@pytest.mark.parametrize(
    ("contract", "test", "message"),
    [
        (Broken(Seedless), "it_takes_what_rewardsmith_gives", "an argument 'seed'"),
        (Broken(Idle), "it_learns", "at least 64 steps, found 0"),
        (Broken(Undeclared), "it_takes_the_steps_that_its_capabilities_say", "on_policy=True"),
        (Broken(Claiming), "a_q_that_it_declares_is_there", "q_net or critic"),
        (Broken(WithMemory), "it_acts_on_the_observation_alone", "any order of observations"),
        (Broken(Unseeded), "the_same_seed_gives_the_same_agent", "for the same seed"),
    ],
)
def test_a_broken_algorithm_fails(contract: Broken, test: str, message: str) -> None:
    failure(contract, test, match=message)


def test_an_agent_that_loses_a_part_when_saved_fails(tmp_path: Path) -> None:
    failure(Broken(Hidden), "a_saved_agent_acts_the_same", tmp_path, match="the same actions")
