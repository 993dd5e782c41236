"""Fields of the hopper that its observation does not contain."""

from typing import Any


def foot_clearance(env: Any, obs: Any, info: dict[str, Any]) -> float:
    """Height of the lowest point of the foot over the ground."""
    foot = env.model.geom("foot_geom")
    radius, half_length = foot.size[:2]  # a capsule, which lies along its own third axis
    centre = env.data.geom("foot_geom").xpos[2]
    slope = env.data.geom("foot_geom").xmat[8]
    return float(centre - half_length * abs(slope) - radius)
