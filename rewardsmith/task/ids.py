"""Gymnasium ids: the module that registers one, and what to do if none does."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator

import gymnasium as gym

from rewardsmith.errors import UsageError
from rewardsmith.task.modules import warning_filters_kept

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

# A module, and what pip installs, where the names differ.
_INSTALLED_BY = {
    "Box2D": '"gymnasium[box2d]"',
    "PIL": "pillow",
    "cv2": "opencv-python",
    "pkg_resources": '"setuptools<81"',
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
_VERSION = re.compile(r"-v\d+$")


def is_registered(env_id: str) -> bool:
    """Whether it is a Gymnasium id (also ``module:Id-v0``); otherwise it is ``module:Class``."""
    return bool(_REGISTERED.match(env_id)) or env_id in gym.registry or _is_registered_by(env_id)


def _is_registered_by(env_id: str) -> bool:
    """Whether ``module:Id`` is an id without a version that the module registers."""
    module, _, name = env_id.rpartition(":")
    if not module or module.endswith(".py"):
        return False
    try:
        imported = importlib.import_module(module)
    except Exception:  # whoever makes the environment reports it
        return False
    return name in gym.registry and not hasattr(imported, name)


def qualified(env_id: str) -> str:
    """The id as ``module:Id``, if an installed package must be imported to register it."""
    if not _REGISTERED.match(env_id) or ":" in env_id or env_id in gym.registry:
        return env_id
    if _near(env_id):  # a spelling mistake is more likely than another package
        return env_id
    for module in _candidates(env_id):
        if not _import_failure(module) and env_id in gym.registry:
            return f"{_owner(env_id, module)}:{env_id}"
    return env_id


def _owner(env_id: str, module: str) -> str:
    """The package that an id belongs to; importing ``module`` may import it on the way."""
    entry = gym.registry[env_id].entry_point
    owner = registering_module(env_id, entry) if isinstance(entry, str) else module
    return owner if owner in _candidates(env_id) else module


def _import_failure(module: str) -> str:
    """Why a module cannot be imported, with what to do; empty if it can be."""
    try:
        with warning_filters_kept():
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        return f"it needs the module {missing!r}: {how_to_install(missing)}"
    except Exception as error:  # one of many packages; it need not be the one
        return f"{type(error).__name__}: {error}"
    return ""


def how_to_install(module: str) -> str:
    """The command that installs a missing module."""
    top = module.partition(".")[0]
    return f"pip install {_INSTALLED_BY.get(top, top)}"


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


def place_of(name: str) -> str:
    """Where an environment that is neither registered nor importable may be found."""
    return _near_ids(name) or (
        "give module:Id for an id that a module registers, or module:Class; "
        'list the ids of Gymnasium with: python -c "import gymnasium; gymnasium.pprint_registry()"'
    )


def _place(name: str) -> str:
    """Where the environment of an id may be found instead."""
    importable = qualified(name)
    if importable != name:
        return f"did you mean {importable!r}?"
    failures = {module: _import_failure(module) for module in _candidates(name)}
    broken = [f"{module} ({why})" for module, why in failures.items() if why]
    if broken and not _near_ids(name):
        return f"packages that may register it cannot be imported: {', '.join(broken)}"
    return place_of(name)


def _near_ids(name: str) -> str:
    """A sentence naming the registered ids with a similar name, whatever the version, if any."""
    stems = {_VERSION.sub("", registered): registered for registered in sorted(gym.registry)}
    near = difflib.get_close_matches(_VERSION.sub("", name), stems, n=3, cutoff=0.6)
    named = " or ".join(repr(stems[stem]) for stem in near)
    return f"did you mean {named}?" if near else ""


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
