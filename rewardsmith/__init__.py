"""rewardsmith: rewards for reinforcement learning, written by a language model, checked, trained and proven.

    import rewardsmith as rs
    run = rs.design("mountain-car", model="anthropic/…", budget=rs.Budget(tokens=200_000))
    run.export("exported")

Names are imported when they are first used, so ``import rewardsmith`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "BoundaryError": "errors",
    "Budget": "config",
    "Episode": "types",
    "Finding": "types",
    "NoProgram": "errors",
    "RewardWrapper": "wrapper",
    "RewardsmithError": "errors",
    "Run": "api",
    "RunError": "errors",
    "Task": "task.loading",
    "TrainResult": "training_runs",
    "UsageError": "errors",
    "VecReward": "train.vec_reward",
    "Verdict": "program",
    "Search": "search",
    "check_program": "api",
    "design": "api",
    "load_episodes": "episodes",
    "load_program": "wrapper",
    "load_run": "api",
    "load_task": "task.loading",
    "make_vec_env": "train.vectors",
    "plan": "planning",
    "QPairs": "train.q_prior",
    "q_shaped": "train.q_shaping",
    "record": "recording",
    "replay": "api",
    "resolve_task": "task.resolving",
    "resume": "api",
    "say": "api",
    "task_from_env": "task.drafting",
    "train_program": "training_runs",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'rewardsmith' has no attribute {name!r}")
    return getattr(importlib.import_module(f"rewardsmith.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
