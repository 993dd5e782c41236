"""Gymnasium ids: the module that registers one, and what to do if none does."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from contextlib import suppress

import gymnasium as gym

from rewardsmith.errors import UsageError, did_you_mean

_REGISTERED = re.compile(r"^([\w.]+:)?([\w.:-]+/)?[\w.-]+-v\d+$")
_NOT_ENVIRONMENTS = {"rewardsmith", "stable-baselines3", "sb3-contrib", "rl-zoo3"}
# Beginning of an id, the module that registers it, and what pip installs.
_PACKAGES = (
    (r"ALE/", "ale_py", "ale-py"),
    (r"(MiniGrid|BabyAI)-", "minigrid", "rewardsmith[minigrid]"),
    (r"Meta-World/", "metaworld", "rewardsmith[metaworld]"),
    (
        r"(highway|merge|roundabout|parking|intersection|racetrack|exit|two-way|u-turn)-",
        "highway_env",
        "highway-env",
    ),
    (
        r"(Fetch|HandReach|HandManipulate|PointMaze|AntMaze|AdroitHand|FrankaKitchen)",
        "gymnasium_robotics",
        "gymnasium-robotics",
    ),
    (r"Panda", "panda_gym", "panda-gym"),
    (r"dm_control/", "shimmy", "shimmy[dm-control]"),
    (r"FlappyBird", "flappy_bird_gymnasium", "flappy-bird-gymnasium"),
    (r"PyFlyt/", "PyFlyt.gym_envs", "pyflyt"),
    (r"Safety", "safety_gymnasium", "safety-gymnasium"),
    (r"\w+BulletEnv", "pybullet_envs_gymnasium", "pybullet-envs-gymnasium"),
    (r"(stocks|forex)-", "gym_anytrading", "gym-anytrading"),
    (r"Eplus-", "sinergym", "sinergym"),
    (r"mo-", "mo_gymnasium", "mo-gymnasium"),
)


def is_registered(env_id: str) -> bool:
    """Whether it is a Gymnasium id (also ``module:Id-v0``); otherwise it is ``module:Class``."""
    # an id need not have a version
    return bool(_REGISTERED.match(env_id)) or env_id in gym.registry


def qualified(env_id: str) -> str:
    """The id as ``module:Id``, if an installed package must be imported to register it."""
    if not _REGISTERED.match(env_id) or ":" in env_id or env_id in gym.registry:
        return env_id
    if _near(env_id):  # a spelling mistake is more likely than another package
        return env_id
    for module in _candidates(env_id):
        with suppress(Exception):  # one of many packages; it need not be the one
            importlib.import_module(module)
        if env_id in gym.registry:
            return f"{module}:{env_id}"
    return env_id


def registering_module(env_id: str, entry_point: str) -> str:
    """The module whose import registers an id of an installed package."""
    listed = [module for beginning, module, _ in _PACKAGES if re.match(beginning, env_id)]
    return next(iter(listed), entry_point.partition(":")[0].partition(".")[0])


def lacks_module(env_id: str) -> bool:
    """Whether there is no module as ``module:Id`` names it."""
    module = env_id.rpartition(":")[0]
    return bool(module) and not _is_installed(module)


def unknown(env_id: str) -> UsageError:
    """The error for an id that is not registered, with what to do about it."""
    module, _, name = env_id.rpartition(":")
    if lacks_module(env_id):
        hint = f"run from the folder that holds it, or install it; {_place(name)}"
        return UsageError(f"there is no module {module!r}", hint)
    for beginning, registers, package in _PACKAGES:
        if re.match(beginning, name) and not _is_installed(registers):
            return UsageError(
                f"{name} is an environment of {package}, which is not installed",
                f'pip install "{package}"',
            )
    return UsageError(f"Gymnasium has no environment {env_id!r}", _place(name))


def _place(name: str) -> str:
    """Where the environment may be found instead."""
    importable = qualified(name)
    if importable != name:
        return f"did you mean {importable!r}?"
    near = did_you_mean(name, [str(registered) for registered in gym.registry])
    if near.startswith("did you mean"):
        return near
    return (
        "give module:Id for an id that a module registers, or module:Class; "
        'list the ids of Gymnasium with: python -c "import gymnasium; gymnasium.pprint_registry()"'
    )


def _near(env_id: str) -> bool:
    """Whether a registered id differs in a few letters only."""
    known = [str(registered).lower() for registered in gym.registry]
    return bool(difflib.get_close_matches(env_id.lower(), known, cutoff=0.85))


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def _candidates(env_id: str) -> Iterator[str]:
    """Installed modules that may register an id, the most likely first."""
    listed = [module for beginning, module, _ in _PACKAGES if re.match(beginning, env_id)]
    namespace = env_id.partition("/")[0].replace("-", "_") if "/" in env_id else ""
    for module in [*listed, namespace]:
        if module and _is_installed(module):
            yield module
    yield from _built_on_gymnasium()


def _built_on_gymnasium() -> Iterator[str]:
    """Modules of the installed packages that require Gymnasium."""
    modules: dict[str, list[str]] = {}
    for module, packages in importlib.metadata.packages_distributions().items():
        for package in packages:
            modules.setdefault(package.lower().replace("_", "-"), []).append(module)
    for package in sorted(modules.keys() - _NOT_ENVIRONMENTS):
        needs = importlib.metadata.requires(package) or []
        if any(re.match(r"gymnasium\b", need) for need in needs):
            yield from sorted(modules[package])
