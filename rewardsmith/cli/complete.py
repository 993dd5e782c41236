"""Shell completion of the names of tasks, runs and strategies; reads only folders, to be fast."""

from __future__ import annotations

from pathlib import Path


def task_names(incomplete: str) -> list[str]:
    """Shipped tasks that begin with the typed text."""
    from rewardsmith.assets import asset_folder

    names = sorted(path.parent.name for path in asset_folder("tasks").glob("*/task.toml"))
    return [name for name in names if name.startswith(incomplete)]


def run_names(incomplete: str) -> list[str]:
    """Runs in ``./runs`` whose name, or its last part, begins with the typed text."""
    return _names(incomplete, "run.json")


def result_names(incomplete: str) -> list[str]:
    """The same with the results of ``rewardsmith train``."""
    return _names(incomplete, "run.json", "train.json")


def _names(incomplete: str, *manifests: str) -> list[str]:
    paths = [path for manifest in manifests for path in Path("runs").glob(f"*/{manifest}")]
    names = sorted(path.parent.name for path in paths)
    return [
        name
        for name in names
        if name.startswith(incomplete) or name.rpartition("-")[2].startswith(incomplete)
    ]


def strategy_names(incomplete: str) -> list[str]:
    """Strategies that begin with the typed text."""
    from rewardsmith.strategy import STRATEGIES

    return [name for name in STRATEGIES.names() if name.startswith(incomplete)]
