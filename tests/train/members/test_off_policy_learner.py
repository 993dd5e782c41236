"""Whole trainings of off-policy members: their memories, their steps, and their independence."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DDPG, DQN, SAC, TD3
from stable_baselines3.common.envs import IdentityEnv, IdentityEnvBox
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecEnvWrapper, VecNormalize

from rewardsmith.errors import ProgramError
from rewardsmith.train.members.environments import Environments
from rewardsmith.train.members.exploring import ScaledActions
from rewardsmith.train.members.off_policy_learner import OffPolicyMembers
from rewardsmith.train.members.replay import Batch, Replay
from rewardsmith.train.members.weights import NotHere
from rewardsmith.types import Array

SMALL = {"policy_kwargs": {"net_arch": [16, 16]}, "learning_starts": 20, "batch_size": 16}
NOISE = NormalActionNoise(np.zeros(1), np.full(1, 0.3))
KINDS: dict[str, tuple[type[OffPolicyAlgorithm], str, dict[str, Any]]] = {
    "sac": (SAC, "Pendulum-v1", {"train_freq": 2, "gradient_steps": -1}),
    "td3": (TD3, "Pendulum-v1", {"action_noise": NOISE}),
    "ddpg": (DDPG, "Pendulum-v1", {"learning_rate": lambda left: 1e-3 * left}),
    "dqn": (DQN, "CartPole-v1", {"target_update_interval": 30, "exploration_fraction": 0.5}),
}
LENGTH = 120


class Breaking(VecEnvWrapper):
    """Raises in one of its steps what a program that breaks raises."""

    def __init__(self, venv: VecEnv, at: int) -> None:
        super().__init__(venv)
        self._left = at

    def reset(self) -> Any:
        return self.venv.reset()

    def step_wait(self) -> Any:
        stepped = self.venv.step_wait()
        self._left -= 1
        if self._left == 0:
            raise ProgramError("it broke")
        return stepped


class Parts(gym.Env[Any, Any]):
    """Observations in parts, one of which is a choice."""

    observation_space = spaces.Dict(
        {"kind": spaces.Discrete(3), "place": spaces.Box(-10, 10, (2,), np.float64)}
    )
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**options)
        self._left = 7
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        reward = float(self.np_random.normal(3, 2))
        return self._seen(), reward, reward > 6, self._left == 0, {}

    def _seen(self) -> Any:
        kind, place = self.np_random.integers(3), self.np_random.normal(1, 3, 2)
        return {"kind": kind, "place": place}


def environments(name: str, seed: int, normalise: bool = True) -> VecEnv:
    venv: VecEnv = DummyVecEnv([lambda: gym.make(name, max_episode_steps=12) for _ in range(2)])
    venv.seed(seed)
    return VecNormalize(venv) if normalise else venv


def model_of(kind: str, seed: int, venv: VecEnv | None = None) -> OffPolicyAlgorithm:
    algorithm, name, settings = KINDS[kind]
    venv = venv or environments(name, seed)
    return algorithm("MlpPolicy", venv, seed=seed, device="cpu", **deepcopy(SMALL | settings))


def weights(model: OffPolicyAlgorithm) -> dict[str, Array]:
    found = {name: tensor.numpy().copy() for name, tensor in model.policy.state_dict().items()}
    if isinstance(model, SAC):
        assert model.log_ent_coef is not None
        found["log_ent_coef"] = model.log_ent_coef.detach().numpy().copy()
    return found


def train(members: OffPolicyMembers, until: int = LENGTH) -> None:
    while members.steps < until:
        for _ in range(members.train_freq):
            assert not members.step()
        members.update()


def trained(kind: str, seeds: list[int]) -> dict[int, dict[str, Array]]:
    """The weights of members that are trained together, by seed."""
    members = OffPolicyMembers([model_of(kind, seed) for seed in seeds], seeds, LENGTH)
    members.begin()
    train(members)
    for place in range(len(seeds)):
        members.write(place)
    return {seed: weights(model) for seed, model in zip(seeds, members.models, strict=True)}


def same(one: dict[str, Array], other: dict[str, Array]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_is_bit_for_bit_the_same_alone_and_beside_others(kind: str) -> None:
    torch.set_num_threads(1)
    together, alone = trained(kind, [4, 5, 6]), trained(kind, [5])
    assert same(together[5], alone[5])
    assert not same(together[4], alone[5])
    assert not same(weights(model_of(kind, 5)), alone[5]), "nothing was learned"


@pytest.mark.parametrize("kind", KINDS)
def test_members_that_are_kept_go_on_as_if_nothing_had_happened(kind: str) -> None:
    seeds = [4, 5, 6]
    members = OffPolicyMembers([model_of(kind, seed) for seed in seeds], seeds, LENGTH)
    members.begin()
    train(members, 60)
    members.keep([1])
    train(members)
    members.write(0)
    assert same(weights(members.models[0]), trained(kind, [5])[5])


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_that_breaks_leaves_the_others_as_they_are(kind: str) -> None:
    name = KINDS[kind][1]
    broken = model_of(kind, 4, Breaking(environments(name, 4), at=21))
    members = OffPolicyMembers([broken, model_of(kind, 5)], [4, 5], LENGTH)
    members.begin()
    errors: dict[int, ProgramError] = {}
    while members.steps < LENGTH:
        for _ in range(members.train_freq):
            errors |= (found := members.step())
            if found:
                members.keep([1])
        members.update()
    members.write(0)
    assert list(errors) == [0]
    assert same(weights(members.models[0]), trained(kind, [5])[5])


@pytest.mark.parametrize("kind", KINDS)
def test_weights_pass_through_members_unchanged(kind: str) -> None:
    model, other = model_of(kind, 4), model_of(kind, 5)
    for networks in (model, other):  # targets that differ from what they follow
        with torch.no_grad():
            for parameter in networks.policy.parameters():
                parameter.add_(torch.rand_like(parameter))
    before = weights(other)
    members = OffPolicyMembers([model, other], [0, 1], LENGTH)
    members.write(1)
    assert same(weights(other), before)
    assert not same(weights(model), before)


def stored(venv: VecEnv, steps: int) -> tuple[SAC, Batch]:
    """A model that took random steps, and the batch that members draw after the same steps.

    Both hold all transitions, in the order in which they were taken.
    """
    policy = "MultiInputPolicy" if isinstance(venv.observation_space, spaces.Dict) else "MlpPolicy"
    model = SAC(policy, venv, learning_starts=10**6, buffer_size=40, device="cpu", seed=0)
    actions: list[Array] = []
    step = venv.step_async
    venv.step_async = lambda given: (actions.append(given), step(given))  # type: ignore[method-assign, func-returns-value, assignment, return-value]
    venv.seed(9)
    model.learn(steps * venv.num_envs)
    venv.step_async = step  # type: ignore[method-assign]
    again = normalised_again(venv)
    ours = Environments(again, again if isinstance(again, VecNormalize) else None, True)
    again.seed(9)
    ours.begin()
    inputs = ours.seen.shape[1]
    replay = Replay(1, 40, venv.num_envs, inputs, 1)
    for taken in actions:
        before = ours.original
        again.step_async(taken)
        replay.add(0, before, model.policy.scale_action(taken), *ours.finish_step())
        replay.advance()
    n = min(40, steps * venv.num_envs)

    class InOrder:
        def integers(self, low: int, high: int, size: int) -> Array:
            assert (low, high) == (0, n)
            return np.arange(n)

    batch = replay.sample([InOrder()], n)  # type: ignore[list-item]
    ours.normalise(batch.of(0))
    return model, batch.of(0)


def normalised_again(venv: VecEnv) -> VecEnv:
    """The same environments, with new statistics."""
    return VecNormalize(venv.venv, **OPTIONS) if isinstance(venv, VecNormalize) else venv


OPTIONS: dict[str, Any] = {"clip_obs": 1.5, "clip_reward": 0.7}


@pytest.mark.parametrize("steps", [15, 33], ids=["half full", "full"])
@pytest.mark.parametrize("kind", ["plain", "normalised", "parts"])
def test_the_memory_holds_what_that_of_stable_baselines3_holds(kind: str, steps: int) -> None:
    venv: VecEnv = DummyVecEnv([Parts, Parts])
    if kind != "parts":
        venv = environments("Pendulum-v1", 0, normalise=False)
    if kind != "plain":
        keys = {"norm_obs_keys": ["place"]} if kind == "parts" else {}
        OPTIONS.update(keys or {"norm_obs_keys": None})
        venv = VecNormalize(venv, **OPTIONS)
    model, batch = stored(venv, steps)
    buffer = model.replay_buffer
    assert buffer is not None
    flat = lambda rows: rows.reshape(-1, rows.shape[-1])[: len(batch.rows)]  # noqa: E731
    normalising = model.get_vec_normalize_env()
    for ours, name in ((batch.observations, "observations"), (batch.next_observations, "next_observations")):  # fmt: skip
        theirs = getattr(buffer, name)
        if isinstance(theirs, dict):
            assert normalising is not None
            theirs = normalising.normalize_obs({key: flat(rows) for key, rows in theirs.items()})
            kinds = np.eye(3)[theirs["kind"][:, 0]]
            theirs = np.concatenate([kinds, theirs["place"]], axis=1)
        elif normalising is not None:
            theirs = normalising.normalize_obs(flat(theirs))
        else:
            theirs = flat(theirs)
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    np.testing.assert_allclose(batch.actions, flat(buffer.actions), atol=1e-6)
    rewards = buffer.rewards.ravel()[: len(batch.rows)]
    if normalising is not None:
        rewards = normalising.normalize_reward(rewards)
    np.testing.assert_allclose(batch.rewards, rewards, atol=1e-6)
    dones = (buffer.dones * (1 - buffer.timeouts)).ravel()[: len(batch.rows)]
    np.testing.assert_array_equal(batch.dones, dones)
    assert buffer.timeouts.any()
    assert kind != "parts" or dones.any()


REFUSED: dict[str, dict[str, Any]] = {
    "use_sde": {"use_sde": True},
    "action_noise": {"action_noise": OrnsteinUhlenbeckActionNoise(np.zeros(1), np.ones(1))},
    "episodes": {"train_freq": (1, "episode")},
    "no hidden layer": {"policy_kwargs": {"net_arch": []}},
    "GELU": {"policy_kwargs": {"activation_fn": torch.nn.GELU}},
    "optimiser": {"policy_kwargs": {"optimizer_class": torch.optim.SGD}},
    "replay buffer": {"n_steps": 3},
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_members_do_not_know_is_refused(why: str) -> None:
    model = SAC("MlpPolicy", gym.make("Pendulum-v1"), device="cpu", buffer_size=10, **REFUSED[why])
    with pytest.raises(NotHere, match=why):
        OffPolicyMembers([model], [0], LENGTH)


class Own(SAC):
    """An algorithm of one's own may learn otherwise."""


class Pixels(gym.Env[Any, Any]):
    observation_space = spaces.Box(0, 255, (40, 40, 3), np.uint8)
    action_space = spaces.Discrete(2)


def test_other_classes_and_convolutions_are_refused() -> None:
    own = Own("MlpPolicy", gym.make("Pendulum-v1"), device="cpu", buffer_size=10)
    with pytest.raises(NotHere, match="Own"):
        OffPolicyMembers([own], [0], LENGTH)
    seeing = DQN("CnnPolicy", Pixels(), device="cpu", buffer_size=10)
    with pytest.raises(NotHere, match="images"):
        OffPolicyMembers([seeing], [0], LENGTH)


def test_stored_actions_are_scaled_to_the_bounds_of_the_space() -> None:
    low, high = np.array([[-2, 0], [1, -9]], np.float32), np.array([[1, 3], [2, 9]], np.float32)
    form = ScaledActions(spaces.Box(low, high), (np.full(4, 5.0), np.zeros(4)))
    ends = np.array([[-1, -1, -1, -1], [1, 1, 1, 1]], np.float32)
    np.testing.assert_array_equal(form.taken(ends), [low, high])
    rng = np.random.default_rng(0)
    drawn = form.random(rng, 1000)
    assert abs(drawn).max() <= 1 and (drawn.std(axis=0) > 0.5).all()
    np.testing.assert_array_equal(form.disturbed(rng, drawn), np.ones((1000, 4)))


def test_targets_of_dqn_are_copied_when_stable_baselines3_copies_them() -> None:
    """30 steps are 15 vector steps of two environments."""
    members = OffPolicyMembers([model_of("dqn", 4)], [4], LENGTH)
    members.begin()
    copied = []
    for vector_step in range(1, 50):
        members.step()
        members.write(0)
        model = members.models[0]
        assert isinstance(model, DQN)
        pairs = zip(model.q_net.parameters(), model.q_net_target.parameters(), strict=True)
        if all(torch.equal(one, other) for one, other in pairs):
            copied.append(vector_step)
        members.update()
    assert [step for step in copied if step > 11] == [15, 30, 45]  # before, nothing is learned


FAST = {"learning_starts": 100, "policy_kwargs": {"net_arch": [32, 32]}, "learning_rate": 3e-3}
NOISY = NormalActionNoise(np.zeros(1), np.full(1, 0.2))
SIMPLE: dict[str, tuple[type[OffPolicyAlgorithm], type[gym.Env[Any, Any]], dict[str, Any]]] = {
    "sac": (SAC, IdentityEnvBox, {"gamma": 0.0}),
    "td3": (TD3, IdentityEnvBox, {"gamma": 0.0, "action_noise": NOISY}),
    "ddpg": (DDPG, IdentityEnvBox, {"gamma": 0.0, "action_noise": NOISY}),
    "dqn": (DQN, IdentityEnv, {"gamma": 0.4, "target_update_interval": 100, "train_freq": 1}),
}


@pytest.mark.parametrize("kind", SIMPLE)
def test_a_simple_task_is_learned(kind: str) -> None:
    """In each of 100 steps the right action, which the observation says, gives 1."""
    algorithm, make, settings = SIMPLE[kind]
    options: Any = {"eps": 0.3} if make is IdentityEnvBox else {"dim": 3}
    models = [
        algorithm(
            "MlpPolicy", make(**options), seed=seed, device="cpu", **deepcopy(FAST | settings)
        )
        for seed in range(2)
    ]
    members = OffPolicyMembers(models, [0, 1], length=1000)
    members.begin()
    train(members, 1000)
    for place, model in enumerate(members.models):
        before, _ = evaluate_policy(model, Monitor(make(**options)), n_eval_episodes=3)
        members.write(place)
        after, _ = evaluate_policy(model, Monitor(make(**options)), n_eval_episodes=3)
        assert before < 80, "the task would need no learning"
        assert after > 90
