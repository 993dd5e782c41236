"""Episodes of more than 20,000 steps that end by themselves, and those that never end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rewardsmith.episodes.random_policy import random_behaviour
from rewardsmith.errors import UsageError
from rewardsmith.task import environment
from tests.support.cases import new_task


def test_an_episode_that_ends_by_itself(tmp_path: Path) -> None:
    task, notes = new_task("line.py:Year", tmp_path)
    assert "if none ends by itself, set [env] max_episode_steps" in notes
    assert len(random_behaviour(task, episodes=1).episodes[0]) == 25_000


def test_a_declared_limit_may_be_longer(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(environment, "LONGEST_EPISODE", 100)

    def limited(text: str) -> str:
        return text.replace("# max_episode_steps = 500", "max_episode_steps = 300")

    task, _ = new_task("line.py:Endless", tmp_path, limited)
    assert len(random_behaviour(task, episodes=1).episodes[0]) == 300


def test_an_episode_that_does_not_end(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(environment, "LONGEST_EPISODE", 100)
    task, _ = new_task("line.py:Endless", tmp_path)
    with pytest.raises(UsageError, match="did not end within 100 steps") as caught:
        random_behaviour(task)
    assert "max_episode_steps" in caught.value.hint
