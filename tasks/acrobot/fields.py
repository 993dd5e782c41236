"""Fields of the acrobot that its observation contains only in parts."""

from typing import Any


def tip_height(env: Any, obs: Any, info: dict[str, Any]) -> float:
    """Height of the free end over the bar, in lengths of a link."""
    upper_cosine, upper_sine, joint_cosine, joint_sine = obs[:4]
    # The lower link's angle from straight down is the sum of both angles.
    lower_cosine = upper_cosine * joint_cosine - upper_sine * joint_sine
    return float(-upper_cosine - lower_cosine)
