"""The episodes that feedback shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rewardsmith.llm.replay import Tape
from tests.support.line_runs import design, recorded
from tests.support.lineworld import write_task

PROGRAM = """```python
def reward(position, next_position):
    return {"gain": next_position - position, "place": next_position}
```"""


def test_the_worst_episode_is_that_of_all_seeds(tmp_path: Path) -> None:
    """A writer that sees the best seed alone never sees how the others fail."""
    task = write_task(tmp_path / "line")
    spec = (task / "task.toml").read_text().replace("steps = 256", "steps = 64")
    (task / "task.toml").write_text(spec)
    texts = [PROGRAM, PROGRAM.replace("gain", "progress")]
    replies = [{"round": number, "sample": 0, "text": text} for number, text in enumerate(texts)]
    run = design(
        str(task), tmp_path, strategy="eureka", options={"rounds": 2, "samples": 1, "seeds": 3},
        replies=recorded(replies), executor="local", report_seeds=1,
    )  # fmt: skip
    first = min(run.state.programs, key=lambda name: run.state.programs[name])
    results = [run.folder.trial(one).result() for one in run.state.trials_of(first, "selection")]
    fitness = [value for result in results if result is not None for value in result.fitness]
    assert len(fitness) == 9 and len(set(fitness)) > 3
    text = list(Tape(run.folder.llm_log))[1].request.messages[-1].content
    shown = [float(value) for value in re.findall(r"steps, fitness (-?[\d.]+)", text)]
    assert shown == pytest.approx([max(fitness), min(fitness)], rel=2e-2, abs=2e-3)
