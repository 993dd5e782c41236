"""A run that begins with the user's own reward, and exports of other programs and policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.errors import UsageError
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import asked_of, design
from tests.support.lineworld import write_task

REPLY = "```python\ndef reward(next_position):\n    return next_position\n```"


def test_a_run_begins_with_the_users_reward_which_no_model_is_asked_for(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text("def reward(position):\n    return {'mine': position}\n")
    task = str(write_task(tmp_path / "line"))
    asked: list[str] = []

    def answer(body: dict[str, Any]) -> str:
        asked.append(json.dumps(body))
        return REPLY

    with FakeLLM(answer) as fake:
        options = {"rounds": 2, "samples": 1, "repairs": 0, "seeds": 1}
        run = asked_of(fake, task, tmp_path, options=options, start=own)
    first = next(program for program, slot in run.state.programs.items() if slot.round == 0)
    assert "'mine'" in run.folder.program(first).source
    assert run.state.trials_of(first, "selection")
    assert len(asked) == 1 and "'mine'" in asked[0], "the second round shows it to the model"
    assert run.folder.config().start == first


def test_export_of_another_program_and_seed(tmp_path: Path) -> None:
    run = design(str(write_task(tmp_path / "line")), tmp_path)
    other = next(name for name in run.state.ranked() if name != run.best.id)
    seed = run.state.trials_of(other, "selection")[0].seed
    folder = run.export(tmp_path / "other", program=other[:6], seed=seed, executor=FakeExecutor())
    facts = json.loads((folder / "reward.json").read_text())
    assert (facts["program"], facts["policy"]["seed"]) == (other, seed)
    assert facts["policy"]["fitness"] == run.state.trials[other, seed, "selection"].fitness
    with pytest.raises(UsageError, match="finished training seeds"):
        run.export(tmp_path / "none", program=other, seed=99)
    with pytest.raises(UsageError, match="no trained program"):
        run.export(tmp_path / "none", program="zz")
    with pytest.raises(UsageError, match="best program and policy"):
        run.export(program=other)
