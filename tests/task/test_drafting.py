"""Tasks drafted from an environment, and written as folders."""

from __future__ import annotations

import ast
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import RunError, UsageError
from rewardsmith.task.drafting import draft_task, task_from_env, write_task
from rewardsmith.task.environment import guarded_reset, longest_episode, make_env
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.writers.card import task_card
from tests.support.lineworld import write_task as write_line_task
from tests.support.places import SUPPORT

GOAL = 'do "it"\nwell'


class Odd(gym.Env[Any, Any]):
    """Awkward keys: nested, equal after tidying, reserved, quoted, and some that give the answer away."""

    def __init__(self, dictionary: bool = True, paid: float = 0.0) -> None:
        one = gym.spaces.Box(-1, 1, (2,), np.float32)
        inner = gym.spaces.Dict({"b": one, 'q"uote': one})
        image = gym.spaces.Box(0, 255, (40, 40, 3), np.uint8)
        both = gym.spaces.Dict({"a": inner, "a_b": one, "action": one, "image": image})
        self.observation_space = both if dictionary else one
        self.action_space = gym.spaces.Discrete(2)
        self._paid = paid

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {"where": 1.0}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        info = {
            "where": 1.0, "class": 2, "Speed (m/s)": 3.0, "text": "no", "big": np.zeros(20_000), "_private": 1.0,
            "reward_forward": 1.0, "grasp_reward": 1.0, "episode": 1.0, "episode_return": 1.0, "fitness_now": 1.0,
            "TimeLimit.left": 1.0,
        }  # fmt: skip
        return (
            self.observation_space.sample(),
            self._paid,
            False,
            bool(self.np_random.random() < 0.1),
            info,
        )


class Succeeds(Odd):
    """It also says whether it succeeded."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = super().step(action)
        return obs, reward, terminated, truncated, {**info, "is_success": True, "Success_rate": 0.5}


def draft(env_id: str, **kwargs: Any) -> Task:
    return task_from_env(env_id, GOAL, **kwargs)


def names(task: Task) -> list[str]:
    return [field.name for field in task.spec.fields]


def arguments(task: Task) -> tuple[str, ...]:
    env = make_env(task)
    try:
        return make_layout(task, env).arguments
    finally:
        env.close()


def test_cart_pole() -> None:
    task = draft("CartPole-v1")
    assert names(task) == ["cart_position", "cart_velocity", "pole_angle", "pole_angular_velocity"]
    assert task.spec.fitness.source == "native_return" and task.spec.fitness.solved == 475
    assert task.spec.action.names == ("Push cart to the left", "Push cart to the right")
    assert {"next_pole_angle", "first_cart_position", "obs", "terminated"} <= set(arguments(task))


@pytest.mark.filterwarnings("ignore:.*is out of date")
@pytest.mark.parametrize(
    ("env_id", "found"),
    [
        ("Pendulum-v1", ["x_cos", "y_sin", "angular_velocity"]),
        ("Acrobot-v1", ["cosine_theta1", "sine_theta1", "cosine_theta2", "sine_theta2"]),
        ("FrozenLake-v1", ["prob"]),
        ("Taxi-v4", ["action_mask", "prob"]),
    ],
)
def test_others_of_gymnasium(env_id: str, found: list[str], tmp_path: Path) -> None:
    task = draft(env_id)
    assert names(task)[: len(found)] == found
    assert "next_obs" in arguments(task)
    assert task.spec.training.policy == "MlpPolicy"
    written_and_loaded(task, tmp_path)


def test_a_dict_with_awkward_keys(tmp_path: Path) -> None:
    task = draft("tests.task.test_drafting:Odd", paid=1.0)
    assert names(task) == [
        "a_b_0",
        "a_q_uote",
        "a_b_2",
        "env_action",
        "speed_m_s",
        "env_class",
        "where",
    ]
    assert [field.at_reset for field in task.spec.fields][-2:] == [False, True]
    assert task.spec.env.wrappers == ("gymnasium.wrappers:FlattenObservation",)
    assert task.spec.training.policy == "MlpPolicy"
    offered = arguments(task)
    assert {"next_env_class", "where", "a_q_uote"} <= set(offered) and not {
        "obs",
        "env_class",
    } & set(offered)
    written_and_loaded(task, tmp_path)


def test_what_looks_like_the_answer_is_never_offered() -> None:
    for env_id in ("tests.task.test_drafting:Odd", "tests.task.test_drafting:Succeeds"):
        task = draft(env_id, fitness="native_return")
        text = " ".join(arguments(task)).lower()
        assert not any(
            word in text
            for word in ("success", "reward", "episode", "fitness", "timelimit", "private")
        )


def test_a_success_key_becomes_the_fitness(tmp_path: Path) -> None:
    task = draft("tests.task.test_drafting:Succeeds", dictionary=False)
    assert (task.spec.fitness.source, task.spec.fitness.solved) == ('info["is_success"]', 0.9)
    wanted = 'info["where"]'
    assert draft("tests.task.test_drafting:Succeeds", fitness=wanted).spec.fitness.source == wanted
    written_and_loaded(task, tmp_path)


def test_what_it_cannot_draft() -> None:
    with pytest.raises(UsageError, match="no goal"):
        task_from_env("CartPole-v1", " ")
    with pytest.raises(UsageError, match="nothing measures success") as caught:
        draft("tests.task.test_drafting:Odd")
    assert "tasks new" in caught.value.hint and "info holds class" not in caught.value.message
    assert "Speed (m/s)" in caught.value.message, "what it saw"
    with pytest.raises(UsageError, match="info has no") as caught:
        draft("tests.task.test_drafting:Odd", fitness='info["were"]')
    assert 'info["where"]' in caught.value.hint
    with pytest.raises(UsageError, match="has no environment") as caught:
        draft("CartPol-v1")
    assert "CartPole-v1" in caught.value.hint
    with pytest.raises(UsageError, match="no module"):
        draft("no_such_module:Odd")
    with pytest.raises(UsageError, match="has no 'Od'") as caught:
        draft("tests.task.test_drafting:Od")
    assert "'Odd'" in caught.value.hint


def test_what_measures_success_is_not_offered() -> None:
    task = draft("tests.task.test_drafting:Odd", fitness='info["where"]')
    assert "where" not in names(task) and "where" in names(
        draft("tests.task.test_drafting:Odd", fitness="native_return")
    )


def test_a_draft_is_written_where_nothing_measures_success(tmp_path: Path) -> None:
    """The user writes it in fitness.py; a mistyped class is an error before anything is made."""
    file = SUPPORT / "lineworld.py"
    own = tmp_path / "mine.py"
    own.write_text(file.read_text().replace("float(arrived), arrived", "0.0, arrived"))
    task, folder, _ = draft_task(f"{own}:LineWorld", "walk", tmp_path / "task")
    assert (
        task.spec.fitness.source == "fitness.py:fitness"
        and "Make it graded" in (folder / "fitness.py").read_text()
    )
    assert 'source = "fitness.py:fitness"\n' in (folder / "task.toml").read_text()
    with pytest.raises(UsageError, match="has no class or function 'LineWord'") as caught:
        draft_task(f"{own}:LineWord", "walk", tmp_path / "other")
    assert "LineWorld" in caught.value.hint


def test_a_drafted_goal_can_be_said_later(tmp_path: Path) -> None:
    from rewardsmith.task.resolving import resolve_task

    _, folder, _ = draft_task("CartPole-v1", None, tmp_path / "task")
    with pytest.raises(UsageError, match="goal is empty"):
        resolve_task(str(folder))
    assert resolve_task(str(folder), "stay up").goal == "stay up"


def written_and_loaded(task: Task, tmp_path: Path) -> None:
    folder = write_task(task, tmp_path / task.name)
    assert load_task(folder).spec == task.spec
    ast.parse((folder / "fitness.py").read_text(encoding="utf-8"))
    with pytest.raises(RunError, match="exists"):
        write_task(task, folder)


def test_arguments_of_the_environment_are_written_down(tmp_path: Path) -> None:
    task = draft("FrozenLake-v1", is_slippery=False, map_name="8x8")
    assert task.spec.env.kwargs == {"is_slippery": False, "map_name": "8x8"}
    written_and_loaded(task, tmp_path)


def test_an_environment_in_a_file_is_copied_into_its_task(tmp_path: Path) -> None:
    source = (write_line_task(tmp_path / "line") / "env.py").read_text(encoding="utf-8")
    (tmp_path / "walk.py").write_text(source, encoding="utf-8")
    task, folder, _ = draft_task(
        f"{tmp_path / 'walk.py'}:LineWorld", "Walk right.", tmp_path / "drafted"
    )
    assert (folder / "walk.py").read_text(encoding="utf-8") == source
    loaded = load_task(folder)
    assert loaded.env_id == "walk.py:LineWorld" == task.env_id and loaded.goal == "Walk right."
    assert guarded_reset(make_env(loaded), 0)
    with pytest.raises(UsageError, match="no file"):
        draft_task("nowhere.py:LineWorld", "Walk right.", tmp_path / "other")


class Flat(gym.Env[Any, Any]):
    """A vector that nothing names: place, speed, a constant, an echo of the action, noise."""

    observation_space = gym.spaces.Box(-9, 9, (5,), np.float32)

    def __init__(self, discrete: bool = False) -> None:
        box = gym.spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(3) if discrete else box

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps, self.place, self.speed = 0, 0.0, 0.0
        return np.array([0, 0, 1, 0, 0], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        push = float(action) - 1 if np.ndim(action) == 0 else float(action[1])
        self.speed += 0.1 * push
        self.place += 0.1 * self.speed
        row = [self.place, self.speed, 1, push, np.clip(self.np_random.normal(), -9, 9)]
        done = self.steps == 30
        return np.array(row, np.float32), 0.0, done, False, {"is_success": done, "height": 2.0}


FLAT = "tests.task.test_drafting:Flat"


def test_numbers_without_a_name_are_listed_with_what_moves_them(tmp_path: Path) -> None:
    task, folder, _ = draft_task(FLAT, "Go far.", tmp_path / "task")
    assert names(task) == [*(f"obs_{at}" for at in range(5)), "height"]
    assert load_task(folder).spec == task.spec
    text = (folder / "task.toml").read_text()
    lines = [line for line in text.splitlines() if line.startswith('source = "obs[')]
    assert "moved by action[1]" in lines[1] and "moved by action[1]" in lines[3]
    assert "constant: 1 in 2000 random steps" in lines[2]
    assert "no action was seen to move it" in lines[4]
    assert names(draft(FLAT)) == ["height"], "a task without a file reads the observation whole"
    _, folder, _ = draft_task(FLAT, "Go.", tmp_path / "other", kwargs={"discrete": True})
    assert "moved by the action: down most by 0, up most by 2" in (folder / "task.toml").read_text()


@pytest.mark.parametrize(
    ("env_id", "name"),
    [("line.py:Line", "line"), ("worlds.py:Line", "worlds-line"), ("CartPole-v1", "cartpole-v1")],
)
def test_a_class_named_like_its_file_gives_its_name_once(
    env_id: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = (Path(__file__).parents[1] / "support" / "lineworld.py").read_text()
    Path(env_id.partition(":")[0]).write_text(source.replace("LineWorld", "Line"))
    assert draft_task(env_id, "Go.", None).folder == Path("tasks") / name


def test_a_folder_that_is_no_task_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draft_task("CartPole-v1", "Stand.", Path("tasks/cart"))
    with pytest.raises(UsageError, match="'tasks/card' is no task folder") as refusal:
        resolve_task("tasks/card")
    assert refusal.value.hint == "did you mean 'tasks/cart'?"
    with pytest.raises(UsageError, match="'tasks' is no task folder") as refusal:
        resolve_task("tasks")
    assert "no task.toml" in refusal.value.hint
    with pytest.raises(UsageError, match="not installed"):
        resolve_task("ALE/Pong-v5", "Win.")


def test_the_draft_says_when_a_success_flag_counts(tmp_path: Path) -> None:
    _, folder, _ = draft_task(FLAT, "Go far.", tmp_path / "task")
    text = (folder / "task.toml").read_text()
    assert 'at = "end"   # "end": the flag counts' in text
    assert "deterministic = true   # true: the policy takes" in text
    _, folder, _ = draft_task("CartPole-v1", "Stay up.", tmp_path / "other")
    assert "at = " not in (folder / "task.toml").read_text()


@pytest.mark.parametrize(
    ("goal", "asks"),
    [
        ("Reach the mark quickly.", "quickly"),
        ("Arrive within 1,000 steps.", "within 1,000 steps"),
        ("Use little Energy.", "Energy"),
        ("Hold the pole; stay at the accosted breakfast.", None),
    ],
)
def test_a_goal_of_time_or_cost_beside_a_success_flag_is_noted(
    goal: str, asks: str | None, tmp_path: Path
) -> None:
    _, folder, notes = draft_task(FLAT, goal, tmp_path / "task")
    found = [note for note in notes if "only says whether an episode succeeded" in note]
    assert len(found) == (asks is not None)
    assert all(f"the goal says {asks!r}" in note for note in found)
    assert all(f"# Note: {note}" in (folder / "task.toml").read_text() for note in found)
    _, _, notes = draft_task(FLAT, goal, tmp_path / "own", fitness="native_return")
    assert not any("succeeded" in note for note in notes)


def limited() -> gym.Env[Any, Any]:
    """An environment with a time limit that no registration declares."""
    return gym.wrappers.TimeLimit(Flat(), 300)


def test_the_time_limit_of_a_wrapper_is_known_where_episodes_end_before() -> None:
    task = draft("tests.task.test_drafting:limited")
    with closing(make_env(task)) as env:
        assert longest_episode(task, env) == 300
    report = collect_preflight(task).report
    assert report.episode_length == 30 and task_card(task.spec, report, 100).time_limit == 300
