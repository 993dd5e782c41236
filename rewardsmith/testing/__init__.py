"""Contract tests for plugins: subclass one in your own pytest suite.

    from rewardsmith.testing import ProviderContract

    class TestMyProvider(ProviderContract):
        def provider(self):
            return MyProvider()

Each class has one method to override, which returns the plugin, and inherits tests of what the rest
of rewardsmith relies on. Attributes of the class adapt the tests to the plugin.

Names are imported when they are first used: a worker process that imports the environment in
:mod:`rewardsmith.testing.toy` needs no pytest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers; _WHERE says the same to Python
    from rewardsmith.testing.algorithm import AlgorithmContract as AlgorithmContract
    from rewardsmith.testing.executor import ExecutorContract as ExecutorContract
    from rewardsmith.testing.provider import FailingProvider as FailingProvider
    from rewardsmith.testing.provider import ProviderContract as ProviderContract
    from rewardsmith.testing.strategy import StrategyContract as StrategyContract
    from rewardsmith.testing.task import TaskContract as TaskContract
    from rewardsmith.testing.term import TermContract as TermContract
    from rewardsmith.testing.trainer import TrainerContract as TrainerContract

_WHERE = {
    "AlgorithmContract": "algorithm",
    "ExecutorContract": "executor",
    "FailingProvider": "provider",
    "ProviderContract": "provider",
    "StrategyContract": "strategy",
    "TaskContract": "task",
    "TermContract": "term",
    "TrainerContract": "trainer",
}

__all__ = sorted(_WHERE)


if not TYPE_CHECKING:  # else a misspelt name would pass as Any

    def __getattr__(name: str) -> Any:
        if name not in _WHERE:
            raise AttributeError(f"module 'rewardsmith.testing' has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
