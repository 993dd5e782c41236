"""QShape: each function of a program is trained alone, and harmful ones are dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.api import runs as api
from rewardsmith.api.planning import plan
from rewardsmith.engine.checking import keep_functions
from rewardsmith.errors import UsageError
from rewardsmith.llm.replay import Tape
from rewardsmith.program import NATIVE, CheckedProgram, EntryPoint, Verdict
from rewardsmith.run.events import Derived, fold
from rewardsmith.run.orders import Derive, Stop, Train, Turn, Write
from rewardsmith.strategy.qshape import QShape, QShapeOptions
from rewardsmith.types import Slot
from tests.support.line_runs import recorded
from tests.support.lineworld import write_task
from tests.support.plays import checked, replied, trained

SOURCE = '''"""Knowledge."""
import numpy as np

GOAL = 1.0  # where the line ends


# pays for the way
def reward(position, next_position):
    return {"progress": next_position - position}


def potential(position):
    return -distance(position)


def distance(x):
    return np.abs(GOAL - x)
'''
AWAY = SOURCE.replace("next_position - position}", "position - next_position}")


def qshape(**options: int) -> QShape:
    return QShape(
        QShapeOptions(**{"rounds": 2, "samples": 1, "repairs": 0, "seeds": 1, **options}), 100
    )


def derived(whole: str, keep: str, program: str | None) -> Derived:
    return Derived(whole=whole, kept=(keep,), program=program, seal="s")


def test_the_whole_each_part_and_the_native_reward_are_tried() -> None:
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a", "reward", "potential")]
    assert qshape().plan(fold(events)) == [Derive("a", ("reward",)), Derive("a", ("potential",))]
    events += [derived("a", "reward", "r"), derived("a", "potential", None)]
    assert qshape().plan(fold(events)) == [
        Train(name, (0,), "selection", 50) for name in (NATIVE, "a", "r")
    ]
    events += [trained(NATIVE, 0, 0.0), trained("a", 0, 0.5), trained("r", 0, 0.9)]
    (write,) = qshape().plan(fold(events))
    assert isinstance(write, Write) and write.turns == (
        Turn("a", ("process", "ablation", "prior"), Slot(0, 0)),
    )
    assert fold(events).ranked()[0] == "r", "the best is a part"
    assert isinstance(qshape(rounds=1).plan(fold(events))[0], Stop)


def test_a_program_of_one_function_is_not_taken_apart() -> None:
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a", "potential")]
    assert qshape().plan(fold(events)) == [
        Train(NATIVE, (0,), "selection", 50),
        Train("a", (0,), "selection", 50),
    ]


def test_what_is_left_is_a_program_that_reads_like_the_whole() -> None:
    entries = {name: EntryPoint(name, ("position",), name) for name in ("reward", "potential")}
    kept = keep_functions(
        CheckedProgram.of(SOURCE, Verdict("accepted", entries=entries)), ("potential",)
    )
    assert "def reward" not in kept and "def potential" in kept and "def distance" in kept
    assert "# where the line ends" in kept and '"""Knowledge."""' in kept


def test_a_harmful_part_is_dropped_and_reported_to_the_writer(tmp_path: Path) -> None:
    """The reward leads away from the goal; the potential, alone, helps."""
    replies = [{"round": n, "sample": 0, "text": f"```python\n{AWAY}```"} for n in range(2)]
    task = write_task(tmp_path / "line")
    run = api.design(
        str(task), replies=recorded(replies), strategy="qshape", produce="reward,potential", report_seeds=1,
        options={"rounds": 2, "samples": 1, "seeds": 2, "share": 1.0}, steps=3000, runs=tmp_path / "runs",
    )  # fmt: skip
    state, best = run.state, run.best
    assert (
        len(state.derived) == 2
        and "def reward" not in best.source
        and "def potential" in best.source
    )
    assert "def reward" not in (run.export(tmp_path / "out") / "reward.py").read_text()
    last = list(Tape(run.folder.llm_log))[-1].request
    assert (
        "| potential | " in last.messages[-1].content
        and "| reward + potential | " in last.messages[-1].content
    )
    assert "def potential(some_field" in last.system and "def subgoals" not in last.system
    assert "only its potential" in run.report().read_text()


@pytest.mark.parametrize(
    ("produce", "expected"),
    [
        ("all", ("reward", "potential", "subgoals")),
        (None, ("reward", "potential", "subgoals")),
        ("subgoals,reward", ("reward", "subgoals")),
        (["potential"], ("potential",)),
    ],
)
def test_what_is_produced(tmp_path: Path, produce: str | None, expected: tuple[str, ...]) -> None:
    planned = plan(str(write_task(tmp_path / "line")), ask=True, strategy="qshape", produce=produce)
    assert planned.config.produce == expected


def test_functions_that_cannot_be_produced_are_errors(tmp_path: Path) -> None:
    task = str(write_task(tmp_path / "line"))
    with pytest.raises(UsageError, match="PPO learns no Q"):
        plan(task, ask=True, produce="q_prior")
    with pytest.raises(UsageError, match="cannot define 'rewards'"):
        plan(task, ask=True, produce="rewards")
    assert (
        plan(task, ask=True, produce="all", training={"algorithm": "SAC"}).config.produce[-1]
        == "q_prior"
    )
