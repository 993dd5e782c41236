"""Which learning algorithms there are, and one table of what each can do.

Ours are those of Stable-Baselines3 and of sb3-contrib. Another package adds one through the
entry-point group ``rewardsmith.algorithms``: a class in the form of Stable-Baselines3's
``BaseAlgorithm`` whose policy acts on the observation alone. It inherits what the class below it
can do, or says it in an attribute ``rewardsmith_capabilities``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.plugins import Registry

_PACKAGES = {
    "stable_baselines3": ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3"),
    "sb3_contrib": ("CrossQ", "MaskablePPO", "QRDQN", "TQC", "TRPO"),
}
ALGORITHMS = Registry(
    "algorithm",
    {name: f"{package}:{name}" for package, names in _PACKAGES.items() for name in names},
    "rewardsmith.algorithms",
)


@dataclass(frozen=True)
class Capabilities:
    """What a learning algorithm can do.

    Attributes:
        on_policy: whether it learns from whole rollouts of its own policy.
        n_steps: of an on-policy algorithm, steps per environment and rollout by default.
        learns_q: whether it has a critic of states and actions.
        takes_prior: whether :func:`rewardsmith.q_shaped` can shape that critic.
        gpu_batch: batch size from which a GPU gains more than copying costs; None where it never
            does. (A policy with convolutions gains in any case.)
        steps_per_s: environment steps per second and core, low and high, with a fast environment.
    """

    on_policy: bool
    n_steps: int | None = None
    learns_q: bool = False
    takes_prior: bool = False
    gpu_batch: int | None = None
    steps_per_s: tuple[float, float] = (40, 400)


_LARGE_BATCH = 4096
_ACTOR_CRITIC = Capabilities(
    on_policy=False, learns_q=True, takes_prior=True, gpu_batch=_LARGE_BATCH
)
_OFF_POLICY = Capabilities(on_policy=False, learns_q=True, gpu_batch=_LARGE_BATCH)
_ON_POLICY = Capabilities(on_policy=True, n_steps=2048, steps_per_s=(800, 10_000))
CAPABILITIES = {
    "A2C": Capabilities(on_policy=True, n_steps=5, steps_per_s=(800, 10_000)),
    # the high ends of these are those of the fast trainer
    "PPO": replace(_ON_POLICY, steps_per_s=(800, 30_000)),
    "DQN": replace(_ACTOR_CRITIC, steps_per_s=(300, 8_000)),
    "DDPG": replace(_ACTOR_CRITIC, steps_per_s=(40, 1_000)),
    "TD3": replace(_ACTOR_CRITIC, steps_per_s=(40, 1_000)),
    "SAC": replace(_ACTOR_CRITIC, steps_per_s=(40, 800)),
    **dict.fromkeys(("CrossQ", "QRDQN", "TQC"), _OFF_POLICY),
    **dict.fromkeys(("MaskablePPO", "TRPO"), _ON_POLICY),
}
# Arguments of an algorithm's class that a task does not set.
_OURS = {"policy", "env", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model"}
# Of Stable-Baselines3's base classes, for algorithms that are below none of the above.
_BASES = {"OnPolicyAlgorithm": _ON_POLICY, "OffPolicyAlgorithm": _OFF_POLICY}


def capabilities(name: str) -> Capabilities:
    """What an algorithm can do, by the name that a task gives.

    Raises:
        UsageError: there is no algorithm of that name, or its package cannot be imported.
    """
    return CAPABILITIES.get(name) or capabilities_of(ALGORITHMS.get(name))


def proper_name(name: str) -> str:
    """The name of an algorithm as it is registered, from any mixture of capitals."""
    ours = {known.upper(): known for known in CAPABILITIES}
    return ours.get(name.upper(), name.upper())


def hyperparameters_of(name: str) -> set[str]:
    """The names of an algorithm's hyper-parameters.

    Raises:
        UsageError: there is no algorithm of that name, or its package cannot be imported.
    """
    return set(inspect.signature(ALGORITHMS.get(name)).parameters) - _OURS


def check_names(algorithm: str, names: Iterable[str]) -> None:
    """Refuse hyper-parameters that an algorithm does not have.

    Raises:
        UsageError: with the nearest names; or there is no such algorithm.
    """
    known = hyperparameters_of(algorithm)
    for name in names:
        if name not in known:
            raise UsageError(
                f"{algorithm} has no hyper-parameter {name!r}", did_you_mean(name, known)
            )


def names_that_take_a_prior() -> list[str]:
    """Our algorithms that can use a prior on Q."""
    return [name for name, can in CAPABILITIES.items() if can.takes_prior]


@cache
def capabilities_of(algorithm: type[Any]) -> Capabilities:
    """What another package's class can do: as it says, else as the nearest class of the table."""
    declared = getattr(algorithm, "rewardsmith_capabilities", None)
    if isinstance(declared, Capabilities):
        return declared
    known = {**CAPABILITIES, **_BASES}
    parents = [parent for parent in algorithm.__mro__ if _is_of_stable_baselines(parent)]
    found = next((known[parent.__name__] for parent in parents if parent.__name__ in known), None)
    inherited = found or _BASES["OffPolicyAlgorithm"]
    own = inspect.signature(algorithm).parameters.get("n_steps")
    if inherited.on_policy and own is not None and isinstance(own.default, int):
        return replace(inherited, n_steps=own.default)
    return inherited


def _is_of_stable_baselines(parent: type[Any]) -> bool:
    return parent.__module__.startswith("stable_baselines3.")
