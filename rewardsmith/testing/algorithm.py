"""What rewardsmith relies on in a learning algorithm with the Stable-Baselines3 interface."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from rewardsmith.task.algorithms import Capabilities, capabilities_of
from rewardsmith.testing.expectations import expect
from rewardsmith.testing.toy import toy_task
from rewardsmith.types import Array

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

_N_ENVS = 2
_STEPS = 64
_OBSERVATIONS = np.linspace(-1.0, 1.0, 9, dtype=np.float32)[:, None]


class AlgorithmContract(ABC):
    """Tests of an algorithm, see :mod:`rewardsmith.task.algorithms`.

    Class attributes:
        continuous: whether its actions are a Box; None for an algorithm that takes both kinds.
        hyperparameters: for a short training on a small task.
    """

    continuous: ClassVar[bool | None] = None
    hyperparameters: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def algorithm(self) -> type[Any]:
        """The class of the algorithm."""

    def test_it_takes_what_rewardsmith_gives(self) -> None:
        taken = inspect.signature(self.algorithm()).parameters
        for name in ("policy", "env", "seed", "device"):
            hint = "take the arguments of Stable-Baselines3's algorithms"
            expect(name in taken, f"an argument {name!r}", sorted(taken), hint)

    def test_it_learns(self) -> None:
        for model in self._models():
            model.learn(_STEPS)
            hint = "count the steps of all environments in num_timesteps"
            enough = model.num_timesteps >= _STEPS
            expect(enough, f"at least {_STEPS} steps", model.num_timesteps, hint)

    def test_it_takes_the_steps_that_its_capabilities_say(self) -> None:
        can = self._capabilities()
        for model in self._models():
            model.learn(1)
            if can.on_policy and can.n_steps is not None:
                rollout = self.hyperparameters.get("n_steps", can.n_steps) * _N_ENVS
            else:
                rollout = None
            hint = "declare rewardsmith_capabilities: budgets are counted with on_policy, n_steps"
            found = f"{model.num_timesteps} steps"
            if rollout is not None:
                whole = model.num_timesteps == rollout
                expect(whole, f"one rollout of {rollout} steps in learn(1)", found, hint)
            collects = hasattr(model, "collect_rollouts") and hasattr(model, "rollout_buffer")
            expect(can.on_policy == collects, f"on_policy={collects}", can.on_policy, hint)

    def test_a_q_that_it_declares_is_there(self) -> None:
        if not self._capabilities().learns_q:
            pytest.skip("it declares no critic: learns_q is False")
        for model in self._models():
            critics = [name for name in ("q_net", "critic") if hasattr(model.policy, name)]
            hint = "name the critic of the policy so, or declare learns_q=False"
            expect(critics, "a policy with q_net or critic", "neither", hint)

    def test_a_saved_agent_acts_the_same(self, tmp_path: Path) -> None:
        from rewardsmith.train.learner import load_state, save_state

        for number, model in enumerate(self._models()):
            model.learn(_STEPS)
            expected = _actions(model)
            model.save(tmp_path / "agent.zip")
            loaded = self.algorithm().load(tmp_path / "agent.zip", device="cpu")
            hint = "save and load every weight that predict() uses"
            expect(_same(expected, _actions(loaded)), "the same actions", "others", hint)
            save_state(model, model.get_env(), tmp_path, f"checkpoint-{number}")
            other = self._model(model.get_env(), seed=1)
            load_state(other, other.get_env(), tmp_path, f"checkpoint-{number}")
            hint = "keep every weight that predict() uses in policy.state_dict()"
            expect(_same(expected, _actions(other)), "the same actions", "others", hint)

    def test_it_acts_on_the_observation_alone(self) -> None:
        for model in self._models():
            model.learn(_STEPS)
            _, memory = model.predict(_OBSERVATIONS, deterministic=True)
            hint = "a policy with a memory cannot be evaluated or exported"
            expect(memory is None, "None as the state of the policy", memory, hint)
            forward, backward = _actions(model), _actions(model, reverse=True)
            expect(_same(forward, backward), "actions in any order of observations", "others", hint)

    def test_the_same_seed_gives_the_same_agent(self) -> None:
        agents = [_actions(model.learn(_STEPS)) for model in self._models()]
        others = [_actions(model.learn(_STEPS)) for model in self._models()]
        hint = "draw all random numbers from the seed that the constructor is given"
        same = all(map(_same, agents, others))
        expect(same, "the same actions for the same seed", "others", hint)

    def _capabilities(self) -> Capabilities:
        algorithm: Any = self.algorithm()
        return capabilities_of(algorithm)

    def _models(self) -> Iterator[Any]:
        """A new model for each kind of action, made when it is its turn: the seed is global."""
        from rewardsmith.train.vec_reward import VecReward
        from rewardsmith.train.vectors import make_vec_env

        kinds = (False, True) if self.continuous is None else (self.continuous,)
        for kind in kinds:
            recorded = make_vec_env(toy_task(continuous=kind), _N_ENVS, seed=0)
            yield self._model(VecReward(recorded, None, gamma=0.99))

    def _model(self, venv: VecEnv, seed: int = 0) -> Any:
        settings = deepcopy(dict(self.hyperparameters))  # Stable-Baselines3 adds to them
        return self.algorithm()("MlpPolicy", venv, seed=seed, device="cpu", **settings)


def _actions(model: Any, reverse: bool = False) -> Array:
    """The action for each of some observations, one after the other."""
    order = _OBSERVATIONS[::-1] if reverse else _OBSERVATIONS
    actions = np.array([model.predict(obs, deterministic=True)[0] for obs in order])
    return actions[::-1] if reverse else actions


def _same(one: Array, other: Array) -> bool:
    return np.allclose(one, other, atol=1e-6)
