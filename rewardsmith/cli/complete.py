"""Shell completion: names of tasks, runs and strategies that begin as typed."""

from __future__ import annotations

from pathlib import Path


def task_names(incomplete: str) -> list[str]:
    """Shipped tasks."""
    from rewardsmith.task.loading import shipped_tasks

    return [name for name in shipped_tasks() if name.startswith(incomplete)]


def run_names(incomplete: str) -> list[str]:
    """Runs below the working folder."""
    return [path.parent.name for path in Path("runs").glob("*/run.json") if path.parent.name.startswith(incomplete)]


def strategy_names(incomplete: str) -> list[str]:
    """Strategies."""
    from rewardsmith.strategy import STRATEGIES

    return [name for name in STRATEGIES.names() if name.startswith(incomplete)]
