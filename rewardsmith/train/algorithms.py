"""Which learning algorithms there are, by the name that a task gives: Stable-Baselines3's, and those of other packages.

Another package adds one through the entry-point group ``rewardsmith.trainers``: a class in the form
of Stable-Baselines3's ``BaseAlgorithm`` whose policy acts on the observation alone, e.g. ``TQC =
"sb3_contrib:TQC"``.
"""

from __future__ import annotations

from stable_baselines3.common.base_class import BaseAlgorithm

from rewardsmith.plugins import Registry

ALGORITHMS = Registry(
    "algorithm",
    {name: f"stable_baselines3:{name}" for name in ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")},
    "rewardsmith.trainers",
)


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """The class behind an algorithm's name.

    Raises:
        UsageError: there is none of that name.
    """
    found: type[BaseAlgorithm] = ALGORITHMS.get(name)
    return found


def is_on_policy(name: str) -> bool:
    """Whether it learns from whole rollouts of its own."""
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    return issubclass(algorithm_class(name), OnPolicyAlgorithm)
