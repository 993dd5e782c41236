"""Priors on Q in NumPy: the numbers of the shaper of Stable-Baselines3, for each member alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3 import DDPG, DQN, SAC, TD3
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

import rewardsmith as rs
from rewardsmith.errors import ProgramError
from rewardsmith.task.training import PriorPart
from rewardsmith.train.members.off_policy_learner import OffPolicyMembers
from rewardsmith.train.prior.fields import PriorOfFields
from rewardsmith.train.prior.gradients import actor_gradient, critic_gradient
from rewardsmith.train.prior.losses import actor_loss, critic_loss
from rewardsmith.train.prior.member import MemberShaper
from rewardsmith.train.prior.options import shaping_options
from rewardsmith.train.prior.values import PriorBatch
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import RecordedVecEnv, make_vec_env
from rewardsmith.types import Array, Columns, Output
from tests.support.q_learners import SMALL
from tests.support.trials import toy_task

KINDS: dict[str, type[OffPolicyAlgorithm]] = {"DQN": DQN, "SAC": SAC, "TD3": TD3, "DDPG": DDPG}
PARTS: tuple[PriorPart, ...] = ("q", "states", "actions")
LAST = 8  # place of the chain
GAMMA = 0.9


# --- Losses


def values_of(n: int, m: int, seed: int) -> tuple[Array, Array]:
    """Values of two critics, and of a prior that does not know all."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(2, n, m)).astype(np.float32)
    wanted = rng.normal(size=(n, m)).astype(np.float32)
    unknown = rng.random((n, m)) < 0.3
    unknown[:, 0] = False
    wanted[unknown] = np.nan
    return found, wanted


@given(st.sampled_from(PARTS), st.integers(1, 9), st.integers(1, 5), st.integers(0, 99))
def test_gradients_of_critics_are_those_of_torch(
    part: PriorPart, n: int, m: int, seed: int
) -> None:
    found, wanted = values_of(n, m, seed)
    tensor = torch.tensor(found, requires_grad=True)
    losses = [critic_loss(one, torch.tensor(wanted), part, GAMMA) for one in tensor]
    (expected,) = torch.autograd.grad(torch.stack(losses).sum(), tensor)
    gradient = critic_gradient(found, wanted, part, GAMMA)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, expected.numpy(), atol=1e-5)


@given(st.integers(2, 30), st.integers(1, 5), st.integers(0, 99))
def test_the_gradient_of_an_actor_is_that_of_torch(n: int, m: int, seed: int) -> None:
    """Also near the worst action, and at it, where the distance has no slope."""
    rng = np.random.default_rng(seed)
    mean = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    actions = (mean[:, None] + 0.3 * rng.normal(size=(n, m, 2))).astype(np.float32)
    values = rng.normal(size=(n, m)).astype(np.float32)
    actions[0, values[0].argmin()] = mean[0]
    tensor = torch.tensor(mean, requires_grad=True)
    loss = actor_loss(tensor, PriorBatch(None, torch.tensor(actions), torch.tensor(values)))
    (expected,) = torch.autograd.grad(loss, tensor)
    gradient = actor_gradient(mean, PriorBatch(None, actions, values))
    np.testing.assert_allclose(gradient, expected.numpy(), atol=1e-5)


# --- Learners


class Places:
    """A program in place of a host: moves to the end are worth more, or less."""

    def __init__(self, discrete: bool, scale: float = 1.0) -> None:
        self.arguments = ("place",) if discrete else ("place", "action")
        self.scale, self.calls = scale, 0

    def __call__(self, columns: Columns) -> Output:
        self.calls += 1
        place = columns["place"]
        if "action" in columns:
            return Output(self.scale * of_actions(place, columns["action"]))
        return Output(self.scale * of_choices(place))


def of_choices(place: Array) -> Array:
    return np.stack([GAMMA ** (LAST + 1 - place), GAMMA ** (LAST - place)], axis=1)


def of_actions(place: Array, action: Array) -> Array:
    return 0.1 * place + 0.2 * np.clip(action[:, 0], -1, 1)


def environments(
    kind: str, seed: int = 0, normalise: bool = False
) -> tuple[VecEnv, RecordedVecEnv]:
    """Two chains, and the recorded environments below them."""
    field = {"name": "place", "source": "obs[0]", "range": [0.0, LAST], "doc": "place"}
    task = toy_task(
        "tests.support.q_learners:Chain", [field], {"discrete": kind == "DQN", "last": LAST}
    )
    base = make_vec_env(task, 2, seed)
    venv: VecEnv = VecReward(base, None, GAMMA)
    return VecNormalize(venv, gamma=GAMMA) if normalise else venv, base


def settings(**more: Any) -> dict[str, Any]:
    net = {"policy_kwargs": {"net_arch": [16], "activation_fn": torch.nn.Tanh}}
    return deepcopy({**SMALL, **net, "gamma": GAMMA, **more})


def members_of(
    kind: str,
    priors: Mapping[int, Places],
    seeds: tuple[int, ...] = (0,),
    length: int = 400,
    normalise: bool = False,
    learner: Mapping[str, Any] | None = None,
    **options: Any,
) -> tuple[OffPolicyMembers, dict[int, MemberShaper]]:
    """Members with these seeds, and the shapers of those with priors, by seed."""
    options = {"until": 1.0, "prove": 0.0, **options}
    made = [environments(kind, seed, normalise) for seed in seeds]
    models = [
        KINDS[kind]("MlpPolicy", venv, **settings(**{**(learner or {}), "seed": seed}))
        for seed, (venv, _) in zip(seeds, made, strict=True)
    ]
    members = OffPolicyMembers(models, seeds, length)
    shapers = {}
    for place, (seed, (_, base)) in enumerate(zip(seeds, made, strict=True)):
        if seed in priors:
            prior = PriorOfFields(priors[seed], base)
            shapers[seed] = MemberShaper(members, place, prior, shaping_options(prior, options))
            members.set_shaper(place, shapers[seed])
    members.begin()
    return members, shapers


def train(members: OffPolicyMembers, until: int, after: Callable[[], None] = lambda: None) -> None:
    while members.steps < until:
        for _ in range(members.train_freq):
            assert not members.step()
        members.update()
        after()


def weights(members: OffPolicyMembers, place: int = 0) -> dict[str, Array]:
    members.write(place)
    state = members.models[place].policy.state_dict()
    return {name: tensor.numpy().copy() for name, tensor in state.items()}


def same(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


# --- The same steps as with Stable-Baselines3


def shaped_models(
    kind: str, normalise: bool, **options: Any
) -> tuple[OffPolicyMembers, MemberShaper, OffPolicyAlgorithm]:
    """A member and a model with the same weights, which hold the same transitions."""
    idle = {"learning_starts": 10**6, "learning_rate": 1e-3}
    options = {"follow": 0.0, "steps": 400, **options}
    members, shapers = members_of(
        kind, {0: Places(kind == "DQN", 3.0)}, normalise=normalise, learner=idle, **options
    )
    venv = members.models[0].get_env()

    def prior(obs: Array, action: Array | None = None) -> Array:
        place = obs[:, 0]
        return 3.0 * (of_choices(place) if action is None else of_actions(place, action))

    make = rs.q_shaped(KINDS[kind], q_prior=prior, until=1.0, prove=0.0, **options)
    model = make("MlpPolicy", venv, **settings(seed=0, **idle))
    train(members, 160)
    memory, buffer = members.memory_of(0), deepcopy(model.replay_buffer)
    assert buffer is not None
    for place in range(memory.size()):
        seen, action = memory.observations[place], memory.actions[place]
        buffer.add(seen, seen, action, np.zeros(2), np.zeros(2), [{}, {}])
    model.replay_buffer, model.num_timesteps = buffer, members.steps
    return members, shapers[0], model


@pytest.mark.parametrize("normalise", [False, True], ids=["plain", "normalised"])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", ["DQN", "SAC", "TD3"])
def test_steps_beside_updates_are_those_of_stable_baselines3(
    kind: str, part: str, normalise: bool
) -> None:
    members, ours, model = shaped_models(kind, normalise, part=part, weight=0.7)
    theirs, before = model.q_shaper, weights(members)  # type: ignore[attr-defined]
    assert ours.weight == theirs.weight == pytest.approx(0.7 * 0.6)
    for shaper in (ours, theirs):
        shaper.after_updates(5, 64)
    after, expected = weights(members), model.policy.state_dict()
    assert not same(before, after)
    for name, values in after.items():
        if part == "actions" and kind != "DQN" and name.endswith("2.bias"):
            continue  # an order has no gradient there but rounding, which Adam makes a whole step
        np.testing.assert_allclose(values, expected[name].numpy(), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_prefill_is_that_of_stable_baselines3(kind: str) -> None:
    """Critic, actor and targets."""
    members, ours, model = shaped_models(kind, True, mode="prefill", fit_steps=5)
    before = weights(members)
    for shaper in (ours, model.q_shaper):  # type: ignore[attr-defined]
        shaper.before_updates(64)
        assert shaper.decision.filled
    after, expected = weights(members), model.policy.state_dict()
    unmoved = ("log_std",) if kind == "SAC" else ()
    assert all(
        np.array_equal(before[name], after[name]) == (name.split(".")[1] in unmoved)
        for name in after
    )
    for name, values in after.items():
        np.testing.assert_allclose(values, expected[name].numpy(), atol=1e-5, err_msg=name)


# --- Each member alone


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_that_is_kept_takes_its_prior_along(kind: str) -> None:
    """The steps towards the prior have an optimiser whose state must come along, too."""
    priors = {seed: Places(kind == "DQN") for seed in (1, 2)}
    members, shapers = members_of(kind, priors, seeds=(0, 1, 2))
    train(members, 120)
    members.keep([2])
    train(members, 200)
    alone, of_alone = members_of(kind, {2: priors[2]}, seeds=(2,))
    train(alone, 200)
    assert shapers[2].weight == of_alone[2].weight > 0
    assert same(weights(members), weights(alone))
    plain, _ = members_of(kind, {}, seeds=(2,))
    train(plain, 200)
    assert not same(weights(plain), weights(alone)), "the prior changed nothing"


@pytest.mark.parametrize("kind", KINDS)
def test_the_actions_of_a_prior_are_stored_and_it_is_asked_once_a_step(kind: str) -> None:
    prior = Places(kind == "DQN")
    members, _ = members_of(kind, {0: prior}, follow=1.0, learner={"learning_starts": 10**6})
    train(members, 8)
    first = members.memory_of(0).actions[:4, 0, 0]  # the first environment begins with the prior
    assert (first == 1).all() if kind == "DQN" else (first > 0.0).mean() >= 0.5
    expected = 4 if kind == "DQN" else 8  # of a box once more where it acts
    assert prior.calls == expected


@pytest.mark.parametrize("mode", ["anneal", "prefill"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_rejected_prior_leaves_no_trace(kind: str, mode: str) -> None:
    """Whatever it said of values; and from then on learning is that without a prior."""

    def trained(scale: float, drop: bool = False) -> tuple[dict[str, Array], Places]:
        prior = Places(kind == "DQN", scale)
        members, shapers = members_of(kind, {0: prior}, mode=mode, prove=0.2, length=800)

        def forget() -> None:
            if drop and shapers[0].decision.rejected:
                members.set_shaper(0, None)

        train(members, 800, forget)
        decision = shapers[0].decision
        assert decision.rejected and not decision.accepted and shapers[0].optimiser is None
        assert decision.outcome is not None and decision.outcome.steps < 800
        return weights(members), prior

    (one, prior), (other, _), (dropped, _) = trained(-1.0), trained(-100.0), trained(-1.0, True)
    assert same(one, other) and same(one, dropped)
    assert prior.calls <= 800, "it is not evaluated again"


def test_a_right_prior_is_accepted_and_ends() -> None:
    members, shapers = members_of(
        "DQN", {0: Places(True)}, length=1600, until=0.5, prove=0.2, learner={"buffer_size": 2000}
    )
    train(members, 1600)
    decision = shapers[0].decision
    assert decision.accepted and decision.outcome is not None
    assert decision.outcome.guided > decision.outcome.own
    assert shapers[0].weight == 0.0 and shapers[0].optimiser is None


def test_a_prior_that_is_not_finite_is_a_fault_of_the_program() -> None:
    members, _ = members_of("SAC", {0: Places(False, np.inf)}, follow=1.0)
    error = members.step()[0]
    assert isinstance(error, ProgramError) and "not finite" in error.message


# --- Learning


def steps_to_solve(prior: Places | None, seed: int, cap: int = 3000, **options: Any) -> int:
    """Steps until the greedy policy walks the chain to its end, looked at every 50 steps."""
    learner = {"learning_rate": 3e-3, "target_update_interval": 50, "train_freq": 1,
               "exploration_fraction": 0.5, "buffer_size": 2000}  # fmt: skip
    priors = {} if prior is None else {seed: prior}
    members, _ = members_of("DQN", priors, (seed,), cap, learner=learner, **options)
    places = np.arange(LAST, dtype=np.float32)[:, None]
    for steps in range(50, cap, 50):
        train(members, steps)
        members.write(0)
        if (members.models[0].predict(places, deterministic=True)[0] == 1).all():
            return steps
    return cap


def test_a_good_prior_is_learned_from_sooner_and_a_bad_one_is_overcome() -> None:
    plain = [steps_to_solve(None, seed) for seed in range(3)]
    filled = {"mode": "prefill", "fit_steps": 300}
    good = [steps_to_solve(Places(True), seed, **filled) for seed in range(3)]
    bad = [steps_to_solve(Places(True, -1.0), seed, until=0.2) for seed in range(3)]
    assert np.median(good) < 0.5 * np.median(plain)
    assert max(bad) < 3000, "solved by every seed within the steps"
