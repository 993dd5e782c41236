"""What reset and step return, in the kinds that Gymnasium promises.

Environments are often a little off: a reward that is an array of one number, or None where they
leave it to others; None for an empty info. What is clear is converted, and all else is refused.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rewardsmith.errors import BoundaryError
from rewardsmith.task.values import numbers

MIGRATION = "see https://gymnasium.farama.org/introduction/migration_guide"
OLD_GYM = f"it uses the old interface of Gym; {MIGRATION}"
Reset = tuple[Any, dict[str, Any]]
_INFO = (dict, type(None))
Step = tuple[Any, float, bool, bool, dict[str, Any]]


def reset_result(result: Any) -> Reset:
    """(observation, info); an info of None is empty.

    Raises:
        BoundaryError: reset returned anything else.
    """
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], _INFO):
        return result[0], result[1] or {}
    raise _other("reset", result, "(observation, info)")


def step_result(result: Any) -> Step:
    """(observation, reward, terminated, truncated, info).

    A reward may be a number, an array of one, or None, which is 0; so may the two ends, for which
    None is False. An info of None is empty.

    Raises:
        BoundaryError: step returned anything else.
    """
    if isinstance(result, tuple) and len(result) == 5 and isinstance(result[4], _INFO):
        obs, reward, terminated, truncated, info = result
        if type(reward) is not float:
            reward = 0.0 if reward is None else _one("reward", reward)
        if type(terminated) is not bool:
            terminated = terminated is not None and bool(_one("terminated", terminated))
        if type(truncated) is not bool:
            truncated = truncated is not None and bool(_one("truncated", truncated))
        return obs, reward, terminated, truncated, {} if info is None else info
    raise _other("step", result, "(observation, reward, terminated, truncated, info)")


def _one(what: str, value: Any) -> float:
    if isinstance(value, float | bool | int | Decimal):
        return float(value)
    found = numbers(value)
    if found is None or found.size > 1:
        raise BoundaryError(
            f"the environment's step returned {value!r} as {what}, expected one number",
            "return a float as reward, and True or False as terminated and truncated",
            where="environment",
        )
    return float(found.item())


def _other(what: str, result: Any, expected: str) -> BoundaryError:
    found = f"{len(result)} values" if isinstance(result, tuple) else f"a {type(result).__name__}"
    return BoundaryError(
        f"the environment's {what} returned {found}, expected {expected}",
        OLD_GYM,
        where="environment",
    )
