"""Columns, histories and rewards of recorded environments against a loop written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from rewardsmith.episodes.columns import episode_columns, joined_columns
from rewardsmith.episodes.files import load_episodes, save_episodes
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.episodes.recorder import History, recorded_env
from rewardsmith.errors import BoundaryError, ProgramError, UsageError
from rewardsmith.task.environment import make_env
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import make_vec_env
from rewardsmith.types import Columns, Episode, Output
from tests.support import toy_envs

FIELDS = [
    {"name": "who", "source": "obs[0]"},
    {"name": "place", "source": "obs[1:3]"},
    {"name": "number", "source": 'info["episode_number"]', "at_reset": True},
    {"name": "doubled", "source": 'info["doubled"][0]'},
    {"name": "force", "source": 'info["force"]'},
]


def counter_task(
    fields: list[dict[str, Any]] = FIELDS, wrappers: tuple[str, ...] = (), **kwargs: Any
) -> Task:
    spec = {
        "goal": "count",
        "env": {"id": "tests.support.toy_envs:Counter", "kwargs": kwargs, "wrappers": wrappers},
        "fields": fields,
        "fitness": {"source": 'info["is_success"]'},
    }
    return Task("toy", parse_spec(spec, "toy"))


class Said:
    """An evaluator whose reward is a function of the columns."""

    def __init__(self, function: Any, *arguments: str) -> None:
        self.function, self.arguments = function, arguments

    def __call__(self, columns: Columns) -> Output:
        total = np.asarray(self.function(*(columns[name] for name in self.arguments)), np.float64)
        return Output(total, {"all": total})


# ------------------------------------------------------------------------------------ one loop,
# written by hand


def by_hand(task: Task, n: int, actions: list[Any], seed: int) -> list[list[dict[str, Any]]]:
    """For each environment its transitions: what every argument should be, step by step."""
    found = []
    for row in range(n):
        env = make_env(task)
        obs, info = env.reset(seed=seed + row)
        first, first_info, previous, rows = np.array(obs), info, None, []
        for step in actions:
            action = np.array(step[row])
            before, before_info = np.array(obs), info
            obs, native, terminated, truncated, info = env.step(step[row].copy())
            after = np.array(obs)
            rows.append(
                {
                    "who": before[0], "next_who": after[0], "first_who": first[0],
                    "place": before[1:], "next_place": after[1:], "first_place": first[1:],
                    "number": before_info["episode_number"], "next_number": info["episode_number"],
                    "first_number": first_info["episode_number"],
                    "next_doubled": info["doubled"][0], "next_force": info["force"],
                    "action": action, "prev_action": action if previous is None else previous,
                    "terminated": terminated, "obs": before, "next_obs": after,
                    "_native": native, "_done": terminated or truncated, "_truncated": truncated,
                }
            )  # fmt: skip
            previous = action
            if terminated or truncated:
                obs, info = env.reset()
                first, first_info, previous = np.array(obs), info, None
        found.append(rows)
    return found


def play(
    task: Task, n: int, actions: list[Any], seed: int
) -> tuple[list[Columns], list[tuple[int, Episode]], Any]:
    """The same through recorded environments: columns of each step, and the history's episodes."""
    venv = make_vec_env(task, n, seed)
    venv.seed(seed)
    venv.reset()
    venv.buffers.begin()
    history, columns, episodes = History(venv.buffers), [], []
    names = venv.layout.arguments
    for step in actions:
        _, _, dones, infos = venv.step(step.copy())
        columns.append(
            {name: values.copy() for name, values in venv.buffers.columns(names).items()}
        )
        columns[-1]["_native"] = venv.buffers.native_reward.copy()
        assert not any("episode" in info for info in infos)
        episodes += history.add(dones)
        venv.buffers.advance()
    return columns, episodes, venv


def random_actions(n: int, steps: int, seed: int = 0) -> list[Any]:
    return list(np.random.default_rng(seed).uniform(-1, 1, (steps, n, 2)).astype(np.float32))


def split(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Whole episodes of one environment's transitions."""
    episodes: list[list[dict[str, Any]]] = [[]]
    for row in rows:
        episodes[-1].append(row)
        if row["_done"]:
            episodes.append([])
    return episodes[:-1]


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    n=st.integers(1, 4),
    steps=st.integers(1, 24),
    shared=st.booleans(),
    greedy=st.booleans(),
)
def test_columns_and_episodes_are_what_a_loop_sees(
    lengths: Any, n: int, steps: int, shared: Any, greedy: Any
) -> None:
    task = counter_task(lengths=tuple(lengths), shared=shared, greedy=greedy)
    actions = random_actions(n, steps)
    expected = by_hand(task, n, actions, 5)
    columns, episodes, venv = play(task, n, actions, 5)
    assert set(venv.layout.arguments) == {
        name for name in expected[0][0] if not name.startswith("_")
    }
    for step, found in enumerate(columns):
        for name, values in found.items():
            assert np.array_equal(
                values, np.stack([expected[row][step][name] for row in range(n)])
            ), (name, step)
    per_row: list[list[Episode]] = [[e for row, e in episodes if row == i] for i in range(n)]
    for row in range(n):
        whole = split(expected[row])
        assert len(whole) == len(per_row[row])
        for by_loop, episode in zip(whole, per_row[row], strict=True):
            same_episode(by_loop, episode, venv.layout.arguments)


def same_episode(rows: list[dict[str, Any]], episode: Episode, arguments: tuple[str, ...]) -> None:
    assert len(episode) == len(rows)
    for name, values in episode_columns(episode, arguments).items():
        assert np.array_equal(values, np.stack([row[name] for row in rows])), name
    assert episode.native_rewards.tolist() == [row["_native"] for row in rows]
    assert (episode.terminated, episode.truncated) == (
        rows[-1]["terminated"],
        rows[-1]["_truncated"],
    )
    assert len(episode.fields["place"]) == len(rows) + 1 and len(episode.fields["doubled"]) == len(
        rows
    )
    assert episode.fields["_success"].tolist() == [False] * (len(rows) - 1) + [len(rows) > 2]


@pytest.mark.parametrize("lengths", [(1000,), (3,), (5, 900), (300, 2, 700)])
def test_histories_stay_right_when_old_steps_are_dropped(lengths: tuple[int, ...]) -> None:
    task, n = counter_task(lengths=lengths), 3
    actions = random_actions(n, 2100)
    expected = by_hand(task, n, actions, 0)
    _, episodes, venv = play(task, n, actions, 0)
    for row in range(n):
        found = [episode for i, episode in episodes if i == row]
        for by_loop, episode in zip(split(expected[row]), found, strict=True):
            same_episode(by_loop, episode, venv.layout.arguments)


def test_histories_do_not_grow_without_need() -> None:
    venv = make_vec_env(counter_task(lengths=(3, 4)), 2, 0)
    venv.reset()
    venv.buffers.begin()
    history = History(venv.buffers)
    for action in random_actions(2, 3000):
        history.add(venv.step(action)[2])
        venv.buffers.advance()
    assert len(history._steps[0]) <= 512


def test_episodes_are_copies() -> None:
    _, episodes, venv = play(counter_task(), 1, random_actions(1, 7), 0)
    first = {name: values.copy() for name, values in episodes[0][1].fields.items()}
    for rows in (*venv.buffers.first, *venv.buffers.after, venv.buffers.action):
        rows[...] = 77
    assert all(
        np.array_equal(first[name], values) for name, values in episodes[0][1].fields.items()
    )


def test_episodes_survive_the_disk(tmp_path: Path) -> None:
    _, episodes, venv = play(counter_task(), 2, random_actions(2, 9), 0)
    whole = [episode for _, episode in episodes]
    save_episodes(tmp_path / "e.npz", whole)
    before = joined_columns(whole, venv.layout.arguments)
    after = joined_columns(load_episodes(tmp_path / "e.npz"), venv.layout.arguments)
    assert all(
        np.array_equal(before[name], after[name]) and before[name].dtype == after[name].dtype
        for name in before
    )


@pytest.mark.parametrize(
    ("form", "source", "expected", "dtype"),
    [
        ("dict", 'obs["who"]', 5, np.int64),
        ("dict", 'obs["place"][1]', 2, np.float64),
        ("nested", 'obs["outer"]["inner"][0:2]', [5, 1], np.float64),
        ("nested", 'obs["flag"]', toy_envs.bits(2), np.int64),
        ("discrete", "obs", 2, np.int64),
        ("multidiscrete", "obs[2]", 2, np.int64),
        ("multibinary", "obs[1]", 1, np.int64),
    ],
)
def test_every_kind_of_space(form: str, source: str, expected: Any, dtype: Any) -> None:
    wrappers = ("gymnasium.wrappers:FlattenObservation",) if form == "nested" else ()
    task = counter_task([{"name": "value", "source": source}], wrappers, form=form, lengths=(2,))
    columns, _, venv = play(task, 1, random_actions(1, 2), 5)
    last = columns[-1]["next_value"]  # at the end of an episode, after which came a reset
    assert last[0].tolist() == np.asarray(expected).tolist() and last.dtype == dtype
    assert (venv.layout.shape("next_value"), venv.layout.dtype("next_value")) == (
        last.shape[1:],
        last.dtype,
    )
    plain = "obs" in venv.layout.arguments
    assert plain == (form not in ("dict", "nested"))


def test_a_dict_in_a_dict_needs_a_wrapper() -> None:
    with pytest.raises(UsageError, match="nested") as caught:
        make_vec_env(counter_task([{"name": "flag", "source": 'obs["flag"]'}], form="nested"), 1, 0)
    assert "FlattenObservation" in caught.value.hint


def test_functions_of_the_task(tmp_path: Path) -> None:
    toy_envs.copy_to(tmp_path)
    (tmp_path / "fields.py").write_text(
        "import numpy as np\ndef both(env, obs, info):\n    return np.array([obs[2], env._step, len(info) > 2])\n"
    )
    spec = {
        "goal": "count", "env": {"id": "env.py:Counter"}, "fitness": {"source": "native_return"},
        "fields": [{"name": "both", "source": "fields.py:both"}],
    }  # fmt: skip
    columns, _, _ = play(Task("toy", parse_spec(spec, "toy"), tmp_path), 2, random_actions(2, 4), 0)
    assert [c["both"][0].tolist() for c in columns] == [[0, 0, 0], [1, 1, 1], [2, 2, 1], [0, 0, 0]]
    assert [c["next_both"][0].tolist() for c in columns] == [
        [1, 1, 1],
        [2, 2, 1],
        [3, 3, 1],
        [1, 1, 1],
    ]


def test_a_failing_function_is_the_environments_fault(tmp_path: Path) -> None:
    toy_envs.copy_to(tmp_path)
    (tmp_path / "fields.py").write_text("def late(env, obs, info):\n    return 1 / (2 - obs[2])\n")
    spec = {
        "goal": "count", "env": {"id": "env.py:Counter"}, "fitness": {"source": "native_return"},
        "fields": [{"name": "late", "source": "fields.py:late"}],
    }  # fmt: skip
    with (
        np.errstate(all="raise"),
        pytest.raises(BoundaryError, match=r"late\(\) after step 2") as caught,
    ):
        play(Task("toy", parse_spec(spec, "toy"), tmp_path), 1, random_actions(1, 4), 0)
    assert caught.value.where == "environment"


def test_fields_that_the_environment_does_not_have() -> None:
    for source, form, hint in [
        ('info["episode_numbr"]', "box", "episode_number"),
        ("obs[7]", "box", ""),
        ('obs["plac"]', "dict", "'place'"),
        ('obs["outer"]', "nested", ""),
        ('info["unlike"]', "box", ""),
    ]:
        with pytest.raises(UsageError) as caught:
            task = counter_task([{"name": "value", "source": source}], form=form)
            make_layout(task, make_env(task))
        assert "value" in caught.value.message and hint in caught.value.hint


def test_images_are_not_offered_but_their_numbers_are() -> None:
    spec = {
        "goal": "see",
        "env": {"id": "tests.support.toy_envs:Pixels"},
        "fitness": {"source": "native_return"},
    }
    with pytest.raises(UsageError, match="programs can read nothing"):
        task = Task("toy", parse_spec(spec, "toy"))
        make_layout(task, make_env(task))
    fields = [
        {"name": "light", "source": 'info["light"]', "at_reset": True},
        {"name": "m", "source": 'info["moved"]'},
    ]
    task = Task("toy", parse_spec({**spec, "fields": fields}, "toy"))
    layout = make_layout(task, make_env(task))
    assert layout.arguments == (
        "action",
        "first_light",
        "light",
        "next_light",
        "next_m",
        "prev_action",
        "terminated",
    )


# ----------------------------------------------------------------------------------- what is
# offered, and to whom


def test_hidden_fields_are_recorded_but_not_offered() -> None:
    task = counter_task(
        [{"name": "who", "source": "obs[0]", "hidden": True}, {"name": "step", "source": "obs[2]"}]
    )
    _, episodes, venv = play(task, 1, random_actions(1, 3), 5)
    assert venv.layout.arguments == (
        "action",
        "first_step",
        "next_step",
        "prev_action",
        "step",
        "terminated",
    )
    assert venv.layout.hidden == ("who",)
    assert episodes[0][1].fields["who"].tolist() == [5, 5, 5, 5]
    with pytest.raises(KeyError):
        venv.buffers.column("obs")


def test_wrappers_change_what_the_policy_sees_and_not_the_fields() -> None:
    plain, _, bare = play(counter_task(), 2, random_actions(2, 7), 5)
    wrapped, _, venv = play(
        counter_task(wrappers=("tests.support.toy_envs:Halved",)), 2, random_actions(2, 7), 5
    )
    for a, b in zip(plain, wrapped, strict=True):
        assert all(np.array_equal(a[name], b[name]) for name in a)
    assert bare.observation_space.shape == (3,) and venv.observation_space.shape == (2,)
    episode = float(plain[-1]["next_place"][0][0])
    assert venv.reset()[0].tolist() == [(episode + 1) / 2, 0.0]


# --------------------------------------------------------------------------------------------------- VecReward


def test_rewards_terms_and_returns() -> None:
    program = Said(
        lambda p, after, a: after[:, 1] + 10 * p[:, 1] + a[:, 0], "place", "next_place", "action"
    )
    venv = VecReward(make_vec_env(counter_task(lengths=(3, 2)), 2, 5), program, 0.9, history=True)
    venv.seed(5)
    venv.reset()
    actions = random_actions(2, 9)
    expected = by_hand(counter_task(lengths=(3, 2)), 2, actions, 5)
    paid: list[list[float]] = [[], []]
    for i, step in enumerate(actions):
        _, rewards, dones, infos = venv.step(step)
        assert rewards.dtype == np.float32
        for row in range(2):
            e = expected[row][i]
            want = e["next_place"][1] + 10 * e["place"][1] + e["action"][0]
            assert rewards[row] == pytest.approx(want, rel=1e-6)
            paid[row].append(float(want))
            assert dones[row] == e["_done"] and ("episode" in infos[row]) == e["_done"]
            if e["_done"]:
                assert infos[row]["episode"]["r"] == pytest.approx(sum(paid[row]))
                paid[row].clear()
    finished = venv.take_finished()
    assert venv.take_finished() == [] and len(finished) == sum(
        len(split(rows)) for rows in expected
    )
    for one in finished:
        assert one.episode is not None and one.length == len(one.episode)
        assert one.native_return == pytest.approx(one.episode.native_rewards.sum())
        assert one.terms == pytest.approx({"all": one.own_return})


def test_the_native_reward_can_stay() -> None:
    venv = VecReward(make_vec_env(counter_task(), 1, 0), None, 0.9)
    venv.reset()
    assert [float(venv.step(a)[1][0]) for a in random_actions(1, 4)] == [1.5, 2.5, 3.5, 1.5]
    assert venv.take_finished()[0].native_return == 7.5 and venv.term_names == []


def test_a_reset_by_hand_forgets_the_episode_under_way() -> None:
    venv = VecReward(make_vec_env(counter_task(), 2, 0), None, 0.9, history=True)
    venv.reset()
    venv.step(random_actions(2, 1)[0])
    venv.reset()
    for action in random_actions(2, 3):
        venv.step(action)
    assert [(one.length, len(one.episode or ())) for one in venv.take_finished()] == [
        (3, 3),
        (3, 3),
    ]


def test_a_reward_that_is_not_finite_is_the_programs_fault() -> None:
    program = Said(lambda place: np.where(place[:, 1] == 1, np.nan, 1.0), "place")
    venv = VecReward(make_vec_env(counter_task(), 2, 0), program, 0.9)
    venv.reset()
    venv.step(random_actions(2, 1)[0])
    with pytest.raises(ProgramError, match=r"nan during training.*'place': \[1.0, 1.0\]"):
        venv.step(random_actions(2, 1)[0])


def test_it_must_stand_directly_above_recorded_environments() -> None:
    base = make_vec_env(counter_task(), 2, 0)
    for wrapper in (VecNormalize(base), VecFrameStack(base, 2)):
        with pytest.raises(UsageError, match="cannot stand above") as caught:
            VecReward(wrapper, None, 0.9)
        assert "below" in caught.value.hint
    with pytest.raises(UsageError, match="no recorder") as caught:
        VecReward(DummyVecEnv([lambda: make_env(counter_task())]), None, 0.9)
    assert "make_vec_env" in caught.value.hint


@pytest.mark.parametrize("shared", [False, True])
def test_the_learner_bootstraps_from_the_true_last_observation(
    shared: bool, monkeypatch: Any
) -> None:
    """Where a time limit cuts an episode PPO adds gamma * V(last observation): it must be given that one."""
    venv = VecReward(
        make_vec_env(counter_task(lengths=(3,), shared=shared), 1, 0),
        Said(lambda w: 0 * w, "who"),
        0.5,
    )
    model = PPO(
        "MlpPolicy", venv, n_steps=8, batch_size=8, n_epochs=1, gamma=0.5, seed=0, device="cpu"
    )
    asked: list[list[float]] = []
    kept = model.policy.obs_to_tensor
    monkeypatch.setattr(
        model.policy, "obs_to_tensor", lambda obs: asked.append(np.ravel(obs).tolist()) or kept(obs)
    )
    model.learn(8)
    assert [row[1:] for row in asked] == [
        [1, 3]
    ]  # the first episode is truncated, the second terminates
    rewards = model.rollout_buffer.rewards[:, 0]
    assert rewards[2] != 0 and np.count_nonzero(rewards) == 1


class Fractions(toy_envs.Counter):
    """Shows a whole number in its first step and fractions after it."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        return obs, reward, terminated, truncated, {**info, "left": 1 if self._step == 1 else 0.5}


def test_fractions_after_a_whole_number_are_recorded_as_they_are() -> None:
    spec = counter_task([{"name": "left", "source": 'info["left"]'}]).spec
    task = Task(
        "toy",
        spec.model_copy(
            update={
                "env": spec.env.model_copy(update={"id": "tests.episodes.test_recorder:Fractions"})
            }
        ),
    )
    env, buffers = recorded_env(task)
    env.reset(seed=0)
    buffers.begin()
    seen = []
    for _ in range(2):
        env.step(env.action_space.sample())
        seen.append(float(buffers.column("next_left")[0]))
        buffers.advance()
    assert seen == [1.0, 0.5]


class Twice(gym.Wrapper[Any, Any, Any, Any]):
    """Repeats each action."""

    def step(self, action: Any) -> Any:
        self.env.step(action)
        return self.env.step(action)


class Nudged(gym.Wrapper[Any, Any, Any, Any]):
    """Takes a step within reset."""

    def reset(self, **kwargs: Any) -> Any:
        self.env.reset(**kwargs)
        obs, _, _, _, info = self.env.step(self.env.action_space.sample())
        return obs, info


@pytest.mark.parametrize("wrapper", ["Twice", "Nudged"])
def test_wrappers_that_step_more_than_once_are_refused(wrapper: str) -> None:
    spec = counter_task([]).spec
    wrapped = spec.env.model_copy(update={"wrappers": (f"tests.episodes.test_recorder:{wrapper}",)})
    venv = make_vec_env(Task("toy", spec.model_copy(update={"env": wrapped})), 2, 0)
    rewarded = VecReward(venv, None, 0.99)
    with pytest.raises(UsageError, match="steps the environment several times"):
        rewarded.reset()
        for _ in range(3):
            rewarded.step(np.stack([env.action_space.sample() for env in venv.envs]))


class Flagged(toy_envs.Counter):
    """Reports success in the last step of an episode only, as Stable-Baselines3 expects it."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, _ = super().step(action)
        return (
            obs,
            reward,
            terminated,
            truncated,
            {"is_success": True} if terminated or truncated else {},
        )


def test_a_success_flag_that_comes_at_the_end_only() -> None:
    spec = counter_task([]).spec
    flagged = spec.env.model_copy(update={"id": "tests.episodes.test_recorder:Flagged"})
    fitness = spec.fitness.model_copy(update={"source": 'info["is_success"]'})
    task = Task("toy", spec.model_copy(update={"env": flagged, "fitness": fitness}))
    collected = collect_preflight(task)
    assert collected.report.random_fitness == (1.0,) * len(collected.behaviour.episodes)


@pytest.mark.parametrize(
    "space", [gym.spaces.Discrete(2, start=1), gym.spaces.Tuple((gym.spaces.Discrete(2),))]
)
def test_actions_that_no_learner_can_take(space: gym.Space[Any]) -> None:
    env = toy_envs.Counter()
    env.action_space = space
    with pytest.raises(UsageError, match=r"the actions of .* (start at 1|are a Tuple)"):
        make_layout(counter_task([]), env)
