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
    "Budget": "run.settings",
    "Call": "engine.workers.executor",
    "Episode": "types",
    "Executor": "engine.workers.executor",
    "Finding": "types",
    "NoProgram": "errors",
    "Resources": "engine.workers.executor",
    "RewardWrapper": "api.wrapper",
    "RewardsmithError": "errors",
    "Run": "api.runs",
    "RunError": "errors",
    "Task": "task.loading",
    "TrainResult": "api.training",
    "UsageError": "errors",
    "VecReward": "train.vec_reward",
    "Verdict": "program",
    "Search": "api.search",
    "check_program": "api.programs",
    "design": "api.runs",
    "load_episodes": "episodes.files",
    "load_program": "api.wrapper",
    "load_run": "api.runs",
    "load_task": "task.loading",
    "make_vec_env": "train.vectors",
    "plan": "api.planning",
    "QPairs": "train.prior.beliefs",
    "q_shaped": "train.prior.shaping",
    "record": "episodes.recording",
    "replay": "api.runs",
    "resolve_task": "task.resolving",
    "resume": "api.runs",
    "say": "api.runs",
    "task_from_env": "task.drafting",
    "train_program": "api.training",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'rewardsmith' has no attribute {name!r}")
    return getattr(importlib.import_module(f"rewardsmith.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
