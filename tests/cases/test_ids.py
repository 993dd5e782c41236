"""Ids of other packages, ids of the user's own code, and ids that are misspelt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from rewardsmith.api.export.example import example
from rewardsmith.errors import UsageError
from rewardsmith.task import ids
from rewardsmith.task.drafting import task_from_env
from rewardsmith.task.environment import guarded_reset, make_env
from rewardsmith.task.loading import Task
from tests.support.lineworld import LineWorld
from tests.support.trials import toy_task

LINE = "tests.support.lineworld:LineWorld"


def made(task: Task) -> gym.Env[Any, Any]:
    env = make_env(task)
    guarded_reset(env, 0)
    env.close()
    return env


def refused(env_id: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        task_from_env(env_id, "Do it well.")
    assert "python -m gymnasium" not in str(caught.value)
    return caught.value


def test_an_installed_package_is_imported() -> None:
    pytest.importorskip("minigrid")  # registers it
    task = task_from_env("MiniGrid-FourRooms-v0", "Reach the goal.", fitness="native_return")
    assert task.env_id == "minigrid:MiniGrid-FourRooms-v0"
    assert made(task).spec is not None


def test_the_package_of_an_id_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its namespace, or because it is built on Gymnasium."""
    monkeypatch.setattr(ids, "_PACKAGES", ())
    monkeypatch.setattr(ids, "_built_on_gymnasium", lambda: iter(["json", "shop"]))

    def register(name: str) -> None:
        if name == "shop":
            gym.register("Shop-v0", entry_point=LINE)

    monkeypatch.setattr(ids.importlib, "import_module", register)
    try:
        assert ids.qualified("Shop-v0") == "shop:Shop-v0"
        assert ids.qualified("Nothing-v0") == "Nothing-v0"
    finally:
        gym.registry.pop("Shop-v0", None)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Installed: ``shop`` registers two ids, ``mall`` imports it, and ``kiosk`` lacks a module."""
    register = "import gymnasium as gym\ngym.register('{}', entry_point='shop.envs:Sale')\n"
    envs = f"from {LineWorld.__module__} import LineWorld as Sale\n"
    for place, text in {
        "shop/__init__.py": register.format("Sale-v0") + register.format("Bargain"),
        "shop/envs.py": envs,
        "mall.py": "import shop\n",
        "kiosk.py": "import shop\nimport pkg_resources_of_kiosk\n",
    }.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(ids, "_built_on_gymnasium", lambda: iter(["kiosk", "mall", "shop"]))
    yield
    for name in ("Sale-v0", "Bargain"):
        gym.registry.pop(name, None)
    for name in ("kiosk", "mall", "shop", "shop.envs"):
        sys.modules.pop(name, None)


def test_an_id_is_named_after_its_own_package(packages: None) -> None:
    """And not after the first one that imports it, which may not even be complete."""
    assert ids.qualified("Sale-v0") == "shop:Sale-v0"


def test_an_id_of_a_module_needs_no_version(packages: None) -> None:
    task = task_from_env("shop:Bargain", "Walk right.", fitness="native_return")
    env = made(task)
    assert env.spec is not None and env.spec.id == "Bargain"
    assert 'gym.make("shop:Bargain")' in "\n".join(example(task, "reward", False))


def test_a_package_that_cannot_be_imported_is_named(packages: None) -> None:
    hint = refused("Discount-v0").hint
    assert "kiosk" in hint and "pip install pkg_resources_of_kiosk" in hint


def test_a_missing_module_is_named_by_what_pip_installs() -> None:
    assert ids.how_to_install("pkg_resources") == 'pip install "setuptools<81"'
    assert ids.how_to_install("simulator.core") == "pip install simulator"


@pytest.mark.parametrize(
    ("env_id", "package"),
    [
        ("highway-v0", "highway-env"),
        ("ALE/Pong-v5", "ale-py"),
        ("FetchReach-v4", "gymnasium-robotics"),
        ("PandaReach-v3", "panda-gym"),
    ],
)
def test_a_package_that_is_not_installed_is_named(env_id: str, package: str) -> None:
    error = refused(env_id)
    assert package in error.message and f'pip install "{package}"' in error.hint


@pytest.mark.parametrize(
    ("env_id", "near"),
    [
        ("CartPol-v1", "CartPole-v1"),
        ("cartpole-v1", "CartPole-v1"),
        ("LunarLandr-v3", "LunarLander-v3"),
        ("Hopper-v9", "Hopper-v5"),
        ("CartPol", "CartPole-v1"),
    ],
)
def test_a_misspelt_id_gets_near_ones_and_no_package(env_id: str, near: str) -> None:
    error = refused(env_id)
    assert near in error.hint and "pip install" not in error.hint


def test_ids_are_compared_without_their_versions(packages: None) -> None:
    gym.register("racetrack-v1", entry_point=LINE)
    try:
        assert "racetrack" not in refused("CrafterReward-v1").hint
    finally:
        del gym.registry["racetrack-v1"]


@pytest.mark.filterwarnings("ignore:.*is out of date")
def test_an_old_version_names_the_new_one() -> None:
    assert "LunarLander-v3" in str(refused("LunarLander-v2"))


def test_a_module_that_does_not_exist() -> None:
    error = refused("no_such_package:Thing-v0")
    assert "no module 'no_such_package'" in error.message and "box2d" not in error.hint


def test_a_module_that_does_not_register_it() -> None:
    assert "no environment 'json:Thing-v0'" in refused("json:Thing-v0").message


def test_a_hand_written_task_is_told_the_whole_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "qualified", lambda name: f"shop:{name}")
    with pytest.raises(UsageError, match="no environment 'Unheard-v0'") as caught:
        make_env(toy_task("Unheard-v0"))
    assert "'shop:Unheard-v0'" in caught.value.hint


def test_ids_that_the_users_code_registered(tmp_path: Path) -> None:
    """Trainings do not run the user's script, so the id becomes what it was registered with."""
    gym.register(
        "tests/Mine-v0",
        entry_point=LineWorld,
        kwargs={"discrete": True},
        max_episode_steps=7,
        reward_threshold=0.5,
    )
    try:
        task = task_from_env("tests/Mine-v0", "Walk right.", fitness="native_return")
    finally:
        del gym.registry["tests/Mine-v0"]
    env = task.spec.env
    assert env.id.endswith("lineworld.py:LineWorld") and env.max_episode_steps == 7
    assert env.kwargs == {"discrete": True} and task.spec.fitness.source == "native_return"
    assert isinstance(made(task).action_space, gym.spaces.Discrete)
