"""The vector environments of shipped tasks: each row is a single environment."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from rewardsmith.task.environment import longest_episode, make_env
from rewardsmith.task.loading import Task, load_task

CLASSES = {
    "mountain-car": "MountainCars",
    "mountain-car-continuous": "MountainCars",
    "pendulum": "Pendulums",
    "acrobot": "Acrobots",
    "cart-pole-swing-up": "CartPoleSwingUps",
}
SEEDS = [3, 1, 4, 15, 92]
SKILLED = [
    0.0,
    0.0,
    0.5,
    0.8,
    1.0,
]  # share of actions that are the yardstick's: some rows terminate
STEPS = 1100  # more than the longest time limit


class Step(NamedTuple):
    """A step of all rows; shape (n, ...) each."""

    action: Any
    obs: Any
    reward: Any
    terminated: Any
    shown: Any  # the observation after ended rows were reset


@pytest.fixture(params=CLASSES)
def task(request: pytest.FixtureRequest) -> Task:
    return load_task(request.param)


def make(task: Task, rows: int, **kwargs: Any) -> Any:
    return task.function("vector.py", CLASSES[task.name])(num_envs=rows, **kwargs)


def flat(obs: Any) -> Any:
    """One array of an observation of one or of n environments."""
    return np.concatenate(list(obs.values()), axis=-1) if isinstance(obs, dict) else np.array(obs)


class Player:
    """Acts at random, with the yardstick's actions mixed in."""

    def __init__(self, task: Task, row: int) -> None:
        self._expert, self._space = (
            task.function("expert.py", "policy"),
            make_env(task).action_space,
        )
        self._space.seed(row)
        self._random, self._share = np.random.default_rng(row), SKILLED[row]

    def __call__(self, obs: Any) -> Any:
        expert = self._random.random() < self._share
        action = self._expert(obs) if expert else self._space.sample()
        return np.asarray(action, self._space.dtype)


def play(task: Task, rows: list[int]) -> tuple[Any, list[Step]]:
    """The first observation and the steps of some rows in one vector environment."""
    env, players = make(task, len(rows)), [Player(task, row) for row in rows]
    limit = longest_episode(task, make_env(task))
    obs, infos = env.reset(seed=[SEEDS[row] for row in rows])
    first, lengths, steps = flat(obs), np.zeros(len(rows), int), []
    assert infos == {} and obs in env.observation_space
    for _ in range(STEPS):
        views = [
            {key: of[i] for key, of in obs.items()} if isinstance(obs, dict) else obs[i]
            for i in range(len(rows))
        ]
        actions = np.stack([player(view) for player, view in zip(players, views, strict=True)])
        obs, rewards, terminated, truncated, infos = env.step(actions)
        assert rewards.dtype == float and terminated.dtype == truncated.dtype == bool
        assert infos == {} and not truncated.any()
        lengths += 1
        ended, before = terminated | (lengths == limit), flat(obs)
        if ended.any():
            obs, _ = env.reset(options={"reset_mask": ended})
            lengths[ended] = 0
        steps.append(Step(actions, before, rewards, terminated, flat(obs)))
    return first, steps


def test_each_row_is_a_single_environment(task: Task) -> None:
    first, steps = play(task, list(range(len(SEEDS))))
    for row, seed in enumerate(SEEDS):
        env = make_env(task)
        obs, _ = env.reset(seed=seed)
        assert flat(obs) == pytest.approx(first[row], abs=1e-6)
        for step in steps:
            obs, reward, terminated, truncated, _ = env.step(step.action[row])
            assert flat(obs) == pytest.approx(step.obs[row], abs=1e-6)
            assert reward == pytest.approx(step.reward[row], abs=1e-6)
            assert terminated == step.terminated[row]
            if terminated or truncated:
                obs, _ = env.reset()
            assert flat(obs) == pytest.approx(step.shown[row], abs=1e-6)
    if task.name != "pendulum":  # which never terminates
        assert any(step.terminated.any() for step in steps)


def test_a_row_does_not_depend_on_the_others(task: Task) -> None:
    (first, steps), (alone, single) = play(task, [0, 1, 2, 3]), play(task, [2])
    assert (alone[0] == first[2]).all()
    for step, one in zip(steps, single, strict=True):
        assert all((many[2] == own[0]).all() for many, own in zip(step, one, strict=True))


def test_spaces_and_mode_are_those_of_n_single_environments(task: Task) -> None:
    env, single = make(task, 3), make_env(task)
    assert isinstance(env, gym.vector.VectorEnv)
    assert env.num_envs == 3 and env.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    assert env.single_observation_space == single.observation_space
    assert env.single_action_space == single.action_space
    twin = gym.vector.SyncVectorEnv([lambda: make_env(task)] * 3)
    assert (env.observation_space, env.action_space) == (
        twin.observation_space, twin.action_space,
    )  # fmt: skip


def test_seeds_are_counted_on_and_streams_go_on(task: Task) -> None:
    counted, listed = make(task, 3), make(task, 3)
    obs, _ = counted.reset(seed=7)
    again, _ = listed.reset(seed=[7, 8, 9])
    assert (flat(obs) == flat(again)).all()
    kept, _ = counted.reset()
    other, _ = listed.reset(seed=[None, 8, None])
    assert (flat(kept)[[0, 2]] == flat(other)[[0, 2]]).all()
    assert (flat(other)[1] == flat(again)[1]).all() and (flat(kept)[1] != flat(obs)[1]).any()


def test_results_are_new_arrays(task: Task) -> None:
    env = make(task, 2)
    results = [env.reset(seed=1)[0]]
    copies = [flat(results[0])]
    for _ in range(3):
        step = env.step(env.action_space.sample())
        results += [step[0], *step[1:4]]
        copies += [flat(each).copy() for each in step[:4]]
    env.reset(seed=2)
    assert all((flat(one) == copy).all() for one, copy in zip(results, copies, strict=True))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("mountain-car", {"goal_velocity": 0.03}),
        ("mountain-car-continuous", {"goal_velocity": 0.03}),
        ("pendulum", {"g": 3.7}),
    ],
)
def test_arguments_are_those_of_the_single_environment(name: str, kwargs: dict[str, Any]) -> None:
    task = load_task(name)
    env, single = make(task, 1, **kwargs), gym.make(task.spec.env.id, **kwargs)
    player = Player(task, 4)
    obs, _ = single.reset(seed=1)
    env.reset(seed=1)
    for _ in range(150):
        action = player(obs)
        obs, _, terminated, truncated, _ = single.step(action)
        seen, _, ended, _, _ = env.step(action[None])
        assert seen[0] == pytest.approx(obs, abs=1e-6) and ended[0] == terminated
        if terminated or truncated:
            break


def test_the_acrobots_field_is_that_of_its_task() -> None:
    task = load_task("acrobot")
    env, tip_height = make(task, 4), task.function("fields.py", "tip_height")
    obs, _ = env.reset(seed=5)
    for _ in range(20):
        heights = env.field("tip_height")
        assert heights.shape == (4,)
        assert heights.tolist() == [tip_height(None, row, {}) for row in obs]
        obs, *_ = env.step(env.action_space.sample())
    with pytest.raises(KeyError):
        env.field("tip")
