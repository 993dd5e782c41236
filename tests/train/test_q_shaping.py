"""Q-shaped training against plain training: calls of the prior, its effect, and its end."""

from __future__ import annotations

import inspect
from copy import deepcopy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3 import DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import VecNormalize

import rewardsmith as rs
from rewardsmith.errors import UsageError
from rewardsmith.train.prior.losses import actor_loss, order_loss
from rewardsmith.train.prior.values import OTHERS, PriorBatch, QPairs
from tests.support.q_learners import SMALL, Asked, chain, net, parameters, same

KINDS = {"DQN": DQN, "TD3": TD3, "SAC": SAC}


def made(
    kind: str, prior: Any, n_envs: int = 1, venv: Any = None, settings: Any = None, **options: Any
) -> Any:
    options = {"until": 1.0, "prove": 0.0, **options}  # of proving see tests/train/test_reuse.py
    make = rs.q_shaped(KINDS[kind], q_prior=prior, **options)
    return make("MlpPolicy", venv or chain(kind, n_envs), **{**SMALL, **net(), **(settings or {})})


# --- What the prior is asked


@pytest.mark.parametrize("kind", ["TD3", "SAC"])
def test_actions_are_those_of_the_environment(kind: str) -> None:
    """The buffer holds them scaled to [-1, 1]; the box here is not symmetric."""
    prior = Asked(discrete=False)
    model = made(kind, prior, part="q", follow=0.0)
    model.learn(40)
    asked = np.concatenate(prior.actions)
    assert (
        asked.shape == (40 * (1 + OTHERS), 1)
        and asked.min() >= -1
        and asked.max() <= 3
        and asked.max() > 1.5
    )
    stored = model.policy.unscale_action(model.replay_buffer.actions[:40, 0])
    assert np.allclose(asked[:: 1 + OTHERS], stored, atol=1e-6)


@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_each_transition_is_asked_about_once_and_stored_at_its_place(
    kind: str, n_steps: int
) -> None:
    """Also where returns of several steps are learned from: the buffer holds single ones and adds up when it draws."""
    if "n_steps" not in inspect.signature(KINDS[kind]).parameters:
        pytest.skip("this Stable-Baselines3 learns from single steps")
    prior, several = Asked(discrete=kind == "DQN"), {"n_steps": n_steps} if n_steps > 1 else {}
    settings = {"gradient_steps": 4, **several}
    model = made(kind, prior, n_envs=2, settings=settings, part="q", follow=0.0)
    model.replay_buffer.buffer_size, few = 20, 64  # wraps around
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        setattr(model.replay_buffer, name, getattr(model.replay_buffer, name)[:20])
    model.q_shaper.prior.values = model.q_shaper.prior.values[:20]
    model.learn(few, log_interval=None)
    assert len(prior.obs) == few / 2, "once a vector step, however many updates there are"
    stored, buffer = model.q_shaper.prior, model.replay_buffer
    assert buffer.full and stored.size == 40
    if kind == "DQN":
        expected = prior(buffer.observations.reshape(-1, 1)).reshape(20, 2, 2)
        assert np.allclose(stored.values, expected, atol=1e-6)
    else:
        actions = model.policy.unscale_action(buffer.actions.reshape(-1, 1))
        expected = prior(buffer.observations.reshape(-1, 1), actions)
        assert np.allclose(stored.values[:, :, 0].ravel(), expected, atol=1e-5)


def test_the_prior_sees_what_the_environment_shows_though_the_networks_see_it_normalised() -> None:
    prior = Asked(discrete=True)
    venv = VecNormalize(chain("DQN"), gamma=0.99)
    model = made("DQN", prior, venv=venv)
    model.learn(80)
    seen = np.concatenate(prior.obs)
    assert set(np.unique(seen)) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    drawn = model.q_shaper.prior.batch(16, np.random.default_rng(0))
    batch = model.q_shaper.as_tensors(drawn)
    assert float(batch.obs.abs().max()) < 10 and not set(np.unique(batch.obs.numpy())) <= {
        0.0,
        1.0,
        2.0,
        3.0,
        4.0,
    }
    values = batch.values * np.sqrt(venv.ret_rms.var + venv.epsilon)
    assert np.allclose(
        sorted(set(np.round(values.numpy().ravel(), 4)))[-1],
        prior(np.array([[3.0]])).max(),
        atol=1e-3,
    )


# --- What it does


@pytest.mark.parametrize("kind", KINDS)
def test_prefill_fits_the_critic_and_its_target(kind: str) -> None:
    prior = Asked(discrete=kind == "DQN")
    model = made(kind, prior, mode="prefill", fit_steps=1500, settings=net(32, 32))
    model.learning_starts = 200
    model.learn(200)
    model.q_shaper.before_updates(64)
    places = torch.arange(4.0)[:, None]
    if kind == "DQN":
        found, target = model.q_net(places), model.q_net_target(places)
        assert torch.allclose(
            found, torch.as_tensor(prior(places.numpy()), dtype=torch.float32), atol=0.1
        )
    else:
        pushes = torch.tensor([[-1.0], [-0.5], [0.5], [1.0]])
        found, target = (
            model.critic(places, pushes)[0][:, 0],
            model.critic_target(places, pushes)[0][:, 0],
        )
        wanted = prior(places.numpy(), model.policy.unscale_action(pushes.numpy()))
        assert torch.allclose(found, torch.as_tensor(wanted, dtype=torch.float32), atol=0.1)
        actions, _ = model.predict(places.numpy(), deterministic=True)
        assert actions.mean() > 1.0, "the actor was moved to where the prior is high"
    assert torch.equal(found, target)


def prefilled(part: str) -> tuple[Any, Any]:
    """The values of two actions at 0, before and after a fit to a prior that says 5 and 7 everywhere."""
    valued = lambda obs: np.stack([5.0 + 0 * obs[:, 0], 7.0 + 0 * obs[:, 0]], axis=1)  # noqa: E731
    learner = net(32) | {"learning_rate": 1e-2}
    model = made("DQN", valued, mode="prefill", part=part, fit_steps=800, settings=learner)
    model.learn(32)
    before = model.q_net(torch.zeros(1, 1)).detach().numpy()[0]
    model.q_shaper.before_updates(32)
    return before, model.q_net(torch.zeros(1, 1)).detach().numpy()[0]


def test_only_the_value_of_states() -> None:
    _, after = prefilled("states")
    assert after.mean() == pytest.approx(6.0, abs=0.2)


def test_only_the_order_of_actions() -> None:
    """Neither values nor distances are kept: a distance would be added again at every backup."""
    before, after = prefilled("actions")
    assert 0.0 < after[1] - after[0] < 1.5
    assert after.mean() == pytest.approx(before.mean(), abs=1.0)


ROWS = st.lists(st.lists(st.floats(-5, 5), min_size=3, max_size=3), min_size=1, max_size=6)


@given(ROWS, ROWS)
def test_what_an_order_adds_to_one_action_it_takes_from_another(found: Any, wanted: Any) -> None:
    """Its gradient adds up to 0 over the actions of a state, and is 0 where the order holds by the margin."""
    n = min(len(found), len(wanted))
    values, valued = torch.tensor(found[:n], requires_grad=True), torch.tensor(wanted[:n])
    loss = order_loss(values, valued, share=0.01)
    (gradient,) = torch.autograd.grad(loss, values)
    assert torch.allclose(gradient.sum(dim=1), torch.zeros(n), atol=1e-4)
    with torch.no_grad():
        order = valued.argsort(dim=1).argsort(dim=1).float()
        assert order_loss(10 * order, valued, share=0.01) == 0.0, "the same order, far apart"


def test_an_order_says_nothing_of_what_is_not_known() -> None:
    values = torch.tensor([[1.0, 0.0, 0.0]])
    assert order_loss(values, torch.tensor([[0.0, float("nan"), float("nan")]]), share=0.1) == 0.0
    assert order_loss(values, torch.tensor([[0.0, 1.0, float("nan")]]), share=0.1) > 1.0


@pytest.mark.parametrize(("m", "grown"), [(2, 1.2), (5, 1.8)])
def test_an_order_that_is_wrong_about_equal_actions_raises_values_by_a_part_and_a_distance_by_far_more(
    m: int, grown: float
) -> None:
    """One state, m equally good actions, a reward of 1, discount 0.95: every value is 20."""
    valued = torch.arange(float(m))[None]

    def learned(pull: Any) -> float:
        values = torch.zeros(1, m, requires_grad=True)
        for _ in range(400):
            with torch.no_grad():
                values.copy_((1.0 + 0.95 * values.max()).expand(1, m))
            for _ in range(60):
                (gradient,) = torch.autograd.grad(pull(values), values)
                with torch.no_grad():
                    values.sub_(0.1 / m * gradient)
        return float(values.detach().max()) / 20.0

    by_order = learned(lambda values: order_loss(values, valued, share=0.2 * 0.05))
    by_distance = learned(
        lambda values: ((values - values.mean() - (valued - valued.mean())) ** 2).sum()
    )
    assert 1.0 < by_order < grown < by_distance


def test_pairs_are_used_by_default_and_say_no_order() -> None:
    pairs = QPairs(
        np.arange(4.0, dtype=np.float32)[:, None],
        np.array([1, 1, 0, 0]),
        np.array([5.0, 5.0, -5.0, -5.0]),
    )
    model, plain = made("DQN", pairs), DQN("MlpPolicy", chain("DQN"), **SMALL, **net())
    for each in (model, plain):
        each.learn(64)
    assert not same(parameters(model), parameters(plain))
    for wrong in ({"part": "actions"}, {"follow": 0.5}):
        with pytest.raises(UsageError, match="no order"):
            made("DQN", pairs, **wrong)


def test_ddpg_learns_with_a_prior_and_ends_as_a_plain_one(tmp_path: Path) -> None:
    def make() -> Any:
        return rs.q_shaped(DDPG, q_prior=Asked(False), until=0.5, prove=0.0, weight=3.0)(
            "MlpPolicy", chain("DDPG"), **SMALL, **net()
        )

    model, plain = make(), DDPG("MlpPolicy", chain("DDPG"), **SMALL, **net())
    assert isinstance(model, DDPG) and same(parameters(model), parameters(plain))
    model.learn(200)
    plain.learn(200)
    assert model.q_shaper.decision.accepted and model.q_shaper.weight == 0.0
    assert not same(parameters(model), parameters(plain))
    model.save(tmp_path / "ddpg.zip")
    loaded = DDPG.load(tmp_path / "ddpg.zip", device="cpu")
    assert type(loaded) is DDPG and same(parameters(loaded), parameters(model))


# --- When it acts

IDLE = {"learning_starts": 2000, "buffer_size": 2000}  # acting alone: without the prior at random


@pytest.mark.parametrize("kind", KINDS)
def test_the_prior_acts_at_first_in_every_second_episode_and_then_no_more(kind: str) -> None:
    model = made(kind, Asked(kind == "DQN"), n_envs=4, follow=1.0, until=0.5, settings=IDLE)
    model.learn(1600)
    actions = model.replay_buffer.actions[:400].reshape(400, 4)
    right = actions == 1 if kind == "DQN" else actions > 0.0  # of random ones a half
    assert right[:4, ::2].all() and not right[:4, 1::2].all(), (
        "first episodes, of four steps where they are led"
    )
    assert right[:200].mean() > 0.53 and right[200:].mean() == pytest.approx(0.5, abs=0.05)
    plain = made(kind, Asked(kind == "DQN"), n_envs=4, follow=0.0, settings=IDLE)
    plain.learn(1600)
    taken = plain.replay_buffer.actions[:400].reshape(400, 4)
    assert (taken == 1 if kind == "DQN" else taken > 0.0)[:4, ::2].mean() < 0.9


def test_a_prior_that_says_nothing_takes_nothing() -> None:
    """If all actions have the same value the learner acts: action 0 is not preferred."""
    flat = made("DQN", lambda obs: np.zeros((len(obs), 2)), follow=1.0, settings=IDLE)
    flat.learn(400)
    assert 0.4 < flat.replay_buffer.actions[:400].mean() < 0.6
    states = made("DQN", Asked(True), part="states", settings=IDLE)
    states.learn(400)
    assert 0.4 < states.replay_buffer.actions[:400].mean() < 0.6


def test_a_rejected_prior_is_not_evaluated_again() -> None:
    prior = Asked(True)
    model = made("DQN", prior, until=0.5)
    model.learn(100)
    calls = len(prior.obs)
    model.learn(100)
    assert model.q_shaper.weight == 0.0 and len(prior.obs) == calls


def test_actions_that_the_prior_takes_are_those_that_are_stored() -> None:
    model = made("TD3", Asked(False), follow=1.0, settings=IDLE)
    seen: list[float] = []
    step = model.env.envs[0].unwrapped.step
    model.env.envs[0].unwrapped.step = lambda action: (seen.append(float(action[0])), step(action))[
        1
    ]
    model.learn(400)
    stored = model.policy.unscale_action(model.replay_buffer.actions[:400, 0])[:, 0]
    assert np.allclose(stored, seen, atol=1e-6) and np.mean(np.array(seen) > 1.0) > 0.6


# --- When it stops


@pytest.mark.parametrize("kind", KINDS)
def test_after_its_end_learning_is_as_without_a_prior(kind: str) -> None:
    """From equal networks, optimisers and buffers, updates after ``until`` are equal to the last bit."""
    model = made(kind, Asked(discrete=kind == "DQN"), until=0.5, every=1)
    model.learn(80)
    assert model.q_shaper.weight == 0.0 and model.q_shaper.optimiser is None
    state = {name: values.clone() for name, values in model.policy.state_dict().items()}
    plain = KINDS[kind]("MlpPolicy", chain(kind), **SMALL, **net())
    plain.learn(1)
    plain.policy.load_state_dict(state)
    plain.replay_buffer = model.replay_buffer
    for name in ("optimizer",) if kind == "DQN" else ():
        getattr(plain.policy, name).load_state_dict(
            deepcopy(getattr(model.policy, name).state_dict())
        )
    if kind != "DQN":
        plain.critic.optimizer.load_state_dict(deepcopy(model.critic.optimizer.state_dict()))
        plain.actor.optimizer.load_state_dict(deepcopy(model.actor.optimizer.state_dict()))
    if kind == "SAC":
        plain.log_ent_coef.data.copy_(model.log_ent_coef.data)
        plain.ent_coef_optimizer.load_state_dict(deepcopy(model.ent_coef_optimizer.state_dict()))
    plain._n_updates, plain._current_progress_remaining = (
        model._n_updates,
        model._current_progress_remaining,
    )
    for each in (model, plain):
        np.random.seed(3)
        torch.manual_seed(3)
        each.train(20, 16)
    assert same(parameters(model), parameters(plain))


def test_before_its_end_it_changes_what_is_learned() -> None:
    one, other = (made("DQN", Asked(True, sign), until=1.0) for sign in (1.0, -1.0))
    for model in (one, other):
        model.learn(64)
    assert not same(parameters(one), parameters(other))
    again = made("DQN", Asked(True), until=1.0)
    again.learn(64)
    assert same(parameters(one), parameters(again)), "equal seeds, equal weights"


def test_a_shared_optimiser_would_have_leaked() -> None:
    """The mistake that the own optimiser avoids: with momentum, a step of gradient zero still moves."""
    weight = torch.nn.Parameter(torch.zeros(1))
    shared = torch.optim.Adam([weight], lr=0.1)
    (10 * weight).sum().backward()
    shared.step()
    before = weight.item()
    shared.zero_grad()
    (0 * weight).sum().backward()
    shared.step()
    assert abs(weight.item() - before) > 0.01


def test_a_prior_that_stays_is_refused() -> None:
    """It would change the optimal policy; the benchmark makes one for itself, as a control."""
    with pytest.raises(UsageError, match="mode"):
        rs.q_shaped(DQN, q_prior=Asked(True), mode="persistent")


# --- A model like any other


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_saved_and_loaded_as_the_class_it_is(kind: str, tmp_path: Path) -> None:
    prior = Asked(kind == "DQN")
    model = made(
        kind, lambda *asked: prior(*asked), mode="prefill"
    )  # a function that could not be pickled
    model.learn(40)
    model.save(tmp_path / "model.zip")
    loaded = KINDS[kind].load(tmp_path / "model.zip")
    assert type(loaded) is KINDS[kind] and not hasattr(loaded, "q_shaper")
    places = np.arange(4.0, dtype=np.float32)[:, None]
    assert np.array_equal(
        model.predict(places, deterministic=True)[0], loaded.predict(places, deterministic=True)[0]
    )


def test_mistakes_are_errors() -> None:
    with pytest.raises(UsageError, match="PPO has no Q"):
        rs.q_shaped(PPO, q_prior=Asked(True))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="q_shaped: weigth"):
        rs.q_shaped(DQN, q_prior=Asked(True), weigth=2)
    for values, problem in ((np.zeros((1, 3)), "shape"), (np.full((1, 2), np.nan), "not finite")):
        with pytest.raises(UsageError, match=problem):
            made("DQN", lambda obs, values=values: values).learn(2)
    with pytest.raises(UsageError, match="as many observations"):
        QPairs(np.zeros((2, 1)), np.zeros(2), np.zeros(3))
    with pytest.raises(UsageError, match="finite"):
        QPairs(np.zeros((2, 1)), np.zeros(2), np.array([1.0, np.inf]))


# --- Learning


def steps_to_solve(prior: Any, seed: int, cap: int, **options: Any) -> int:
    """Steps until the greedy policy walks a chain of 9 to its end, looked at every 50 steps."""
    settings = {"learning_rate": 3e-3, "target_update_interval": 50, "train_freq": 1, "exploration_fraction": 0.5,
                "gamma": 0.9, **net(32)}  # fmt: skip
    base = {**SMALL, "seed": seed, "buffer_size": 2000}
    if prior is None:
        model: Any = DQN("MlpPolicy", chain("DQN", last=8), **base, **settings)
    else:
        model = rs.q_shaped(DQN, q_prior=prior, **options)(
            "MlpPolicy", chain("DQN", last=8), **base, **settings
        )

    def solved(local: Any, _: Any) -> bool:
        if model.num_timesteps % 50:
            return True
        greedy = model.predict(np.arange(8.0, dtype=np.float32)[:, None], deterministic=True)[0]
        return not bool((greedy == 1).all())

    model.learn(cap, callback=solved)
    return int(model.num_timesteps)


def test_a_good_prior_is_learned_from_sooner_and_a_bad_one_is_overcome() -> None:
    plain = [steps_to_solve(None, seed, 3000) for seed in range(3)]
    filled = {"mode": "prefill", "fit_steps": 300, "prove": 0.0}
    good = [steps_to_solve(Asked(True), seed, 3000, **filled) for seed in range(3)]
    bad = [steps_to_solve(Asked(True, -1.0), seed, 3000, until=0.2) for seed in range(3)]
    assert np.median(good) < 0.5 * np.median(plain)
    assert max(bad) < 3000, "solved by every seed within the steps"


def test_pairs_teach_which_action_is_good() -> None:
    places = np.repeat(np.arange(8.0, dtype=np.float32), 2)[:, None]
    actions = np.tile([0, 1], 8)
    pairs = QPairs(places, actions, np.where(actions == 1, 1.0, -1.0))
    with_pairs = [
        steps_to_solve(pairs, seed, 3000, mode="prefill", fit_steps=300) for seed in range(3)
    ]
    assert np.mean(with_pairs) < np.mean([steps_to_solve(None, seed, 3000) for seed in range(3)])
    box = QPairs(
        places, np.where(actions == 1, 2.5, -0.5)[:, None], np.where(actions == 1, 1.0, -1.0)
    )
    model = made("TD3", box, mode="prefill", fit_steps=300)
    model.learn(40)
    assert model.predict(places, deterministic=True)[0].mean() > 1.5


# --- Where it meets others' data


@pytest.mark.parametrize("kind", KINDS)
def test_a_buffer_that_was_loaded_is_asked_about(kind: str, tmp_path: Path) -> None:
    before = KINDS[kind]("MlpPolicy", chain(kind), **SMALL, **net())
    before.learn(60)
    before.save_replay_buffer(tmp_path / "buffer.pkl")
    model = made(kind, Asked(discrete=kind == "DQN"), part="q", follow=0.0)
    model.load_replay_buffer(tmp_path / "buffer.pkl")
    model.learn(40)
    values = model.q_shaper.prior.values[: model.replay_buffer.size()]
    assert len(values) == 100 and np.isfinite(values).all()


@pytest.mark.parametrize("n_envs", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_buffer_is_learned_from_without_a_step(
    kind: str, n_envs: int, tmp_path: Path
) -> None:
    before = KINDS[kind]("MlpPolicy", chain(kind, n_envs), **SMALL, **net())
    before.learn(60)
    before.save_replay_buffer(tmp_path / "buffer.pkl")
    prior = Asked(discrete=kind == "DQN")
    model = made(kind, prior, n_envs=n_envs, part="q", follow=0.0)
    model.load_replay_buffer(tmp_path / "buffer.pkl")
    model._setup_learn(1)
    model.train(4, 16)
    stored, buffer = model.q_shaper.prior, model.replay_buffer
    seen, n = buffer.observations[: 60 // n_envs].reshape(-1, 1), 60
    if kind == "DQN":
        assert np.allclose(stored.values[: 60 // n_envs].reshape(n, 2), prior(seen), atol=1e-6)
    else:
        actions = model.policy.unscale_action(buffer.actions[: 60 // n_envs].reshape(-1, 1))
        assert np.allclose(
            stored.values[: 60 // n_envs, :, 0].ravel(), prior(seen, actions), atol=1e-5
        )


def test_a_prior_that_writes_into_what_it_is_given_changes_nothing_else() -> None:
    def writes(obs: Any) -> Any:
        obs[:] = 7.0
        return np.zeros((len(obs), 2))

    model = made("DQN", writes, part="q", follow=0.0)
    model.learn(40)
    assert model.replay_buffer.observations[:40].max() < 7.0
    model.replay_buffer = deepcopy(model.replay_buffer)  # as one that was loaded
    model.q_shaper.prior.batch(4, np.random.default_rng(0))
    assert model.replay_buffer.observations[:40].max() < 7.0


def test_the_losses_stay_on_the_device_of_the_batch() -> None:
    """Meta tensors mix with no other device, as those of a GPU."""
    for m in (1, 3):
        batch = PriorBatch(
            None, torch.zeros((5, m, 2), device="meta"), torch.zeros((5, m), device="meta")
        )
        assert actor_loss(torch.zeros((5, 2), device="meta"), batch).device.type == "meta"


# --- Pairs


class Spaces(gym.Env[Any, Any]):
    """Any spaces; ends after five steps."""

    def __init__(self, observed: gym.Space[Any], actions: gym.Space[Any]) -> None:
        self.observation_space, self.action_space, self._steps = observed, actions, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._steps = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        self._steps += 1
        return self.observation_space.sample(), 0.0, self._steps == 5, False, {}


BOX = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
WIDE = gym.spaces.Box(-1.0, 3.0, (2, 2), np.float32)


def from_pairs(observed: Any, actions: Any, pairs: QPairs) -> Any:
    """A short training on pairs, in an environment with these spaces."""
    kind = DQN if isinstance(actions, gym.spaces.Discrete) else SAC
    policy = "MultiInputPolicy" if isinstance(observed, gym.spaces.Dict) else "MlpPolicy"
    model: Any = rs.q_shaped(kind, q_prior=pairs, mode="prefill")(
        policy, Spaces(observed, actions), **SMALL, **net()
    )
    return model.learn(50)


def test_pairs_of_a_dict_and_of_actions_with_two_dimensions() -> None:
    n, keys = 4, gym.spaces.Dict({"a": BOX, "b": BOX})
    obs = {"a": np.zeros((n, 2)), "b": np.ones((n, 2))}
    model = from_pairs(keys, WIDE, QPairs(obs, np.full((n, 2, 2), 3.0), np.ones(n)))
    assert model.q_shaper.decision.filled
    batch = model.q_shaper.prior.batch(3, np.random.default_rng(0))
    assert batch.actions.shape == (3, 1, 4) and bool((batch.actions == 1.0).all()), (
        "scaled from [-1, 3]"
    )
    assert batch.obs["b"].shape == (3, 2)
    assert from_pairs(
        BOX, gym.spaces.Discrete(2), QPairs(np.zeros((2, 2)), np.array([[0], [1]]), np.ones(2))
    )


@pytest.mark.parametrize(
    ("obs", "actions", "message"),
    [
        (np.zeros((2, 2)), [0, -1], r"action -1 of pair 1 is not in Discrete\(2\)"),
        (np.zeros((2, 2)), [0.7, 1], "action 0.7 of pair 0"),
        (np.zeros((2, 2)), [0, 5], "action 5 of pair 1"),
        (np.zeros((2, 3)), [0, 1], r"observations of pairs must be numbers of shape \(n, 2\)"),
        ([["x", "y"]] * 2, [0, 1], "must be numbers"),
        ({"a": np.zeros((2, 2))}, [0, 1], "must be numbers"),
    ],
)
def test_pairs_of_other_spaces_are_refused(obs: Any, actions: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_pairs(BOX, gym.spaces.Discrete(2), QPairs(obs, np.array(actions), np.ones(2)))
    with pytest.raises(UsageError, match="is not in Box"):
        from_pairs(BOX, WIDE, QPairs(np.zeros((1, 2)), np.full((1, 2, 2), 9.0), np.ones(1)))
