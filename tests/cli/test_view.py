"""The live view of a run: table, bars, plain lines, and the time left."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from rewardsmith.cli import pace as pace_module
from rewardsmith.cli.lines import describe
from rewardsmith.cli.pace import Pace
from rewardsmith.cli.view import bars, program_table, trial_table
from rewardsmith.run.event import Event
from rewardsmith.run.events import Checked, Replied, Trained, Worked, fold
from rewardsmith.run.judge_events import Learned
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.scores import native_difference
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import TrialProgress
from rewardsmith.run.wording import duration, place, proof, short_finding, short_score
from rewardsmith.strategy.base import Shape
from rewardsmith.types import Difference, Interval, Slot

A, B = "a" * 12, "b" * 12
FINDING = "RS108 error (line 2): reward asks for 'positon', which this task does not have — did you mean 'position'?"


def replied(*slot: int) -> Event:
    return Replied(slot=Slot(*slot), request="r", occurrence=0, tokens=10)


def checked(
    program: str | None, accepted: bool, *slot: int, findings: tuple[str, ...] = ()
) -> Event:
    return Checked(
        slot=Slot(*slot),
        program=program,
        accepted=accepted,
        outcome="code" if program is not None else "no_code",
        findings=findings,
    )


def trained(program: str, seed: int, rung: str, fitness: float | None, **more: Any) -> Event:
    outcome = {"status": "finished", "wall_s": 1.0, "success_rate": 0.5, "steps": 100} | more
    trial = TrialState(program=program, seed=seed, rung=rung, fitness=fitness, **outcome)
    return Trained(trial=trial)


SEARCH = [
    replied(0, 0, 0),
    checked(A, True, 0, 0, 0),
    replied(0, 1, 0),
    checked(None, False, 0, 1, 0, findings=(FINDING,)),
    replied(0, 1, 1),
    checked(B, True, 0, 1, 1),
    trained(A, 0, "selection", 0.25),
    trained(A, 1, "selection", 0.75),
]
REPORT = [
    trained(A, 1000, "report", 0.5),
    trained(A, 1001, "report", 0.6),
    trained("native", 1000, "report", 0.1),
    trained("native", 1001, "report", 0.2),
]
RUNNING = TrialProgress(B, 0, "selection", 50, 100, 0.125)


def shown(renderable: Any, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


def test_the_table_has_the_outcome_of_every_request() -> None:
    lines = shown(program_table(fold(SEARCH), [RUNNING])).splitlines()
    assert (
        lines[1].startswith("* 1.1")
        and "2 seeds, 50 % solved" in lines[1]
        and "0.5 ±3.2" in lines[1]
    )
    assert lines[2].startswith("  1.2 ") and "refused: RS108 line 2: reward asks for" in lines[2]
    assert "did you mean" not in lines[2]
    assert lines[3].startswith("  1.2 r1") and "in training" in lines[3]


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_keeps_a_line_for_each_and_whole_ids_in_narrow_terminals(width: int) -> None:
    lines = shown(program_table(fold([*SEARCH, *REPORT]), [RUNNING]), width).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= width
    assert A in lines[1] and "0.55 ±0.64" in lines[1]
    assert lines[4].split()[0] == "native" and "0.15" in lines[4]


def test_the_oldest_rows_give_way_but_never_the_best() -> None:
    text = shown(program_table(fold(SEARCH), [], most=1))
    assert A in text and B in text and "RS108" not in text
    assert "2 earlier" in text


def test_a_program_that_broke_and_one_written_twice() -> None:
    again = [
        replied(1, 0, 0),
        checked(A, True, 1, 0, 0),
        trained(B, 0, "selection", None, status="program_failed", message="boom"),
    ]
    text = shown(program_table(fold([*SEARCH, *again])))
    assert "training failed: boom" in text
    assert "the same as 1.1" in text


def test_bars_tell_how_far_and_the_last_fitness() -> None:
    waiting, measured = (
        RUNNING._replace(seed=1, steps=0, fitness=None),
        RUNNING._replace(seed=2, steps=100),
    )
    text = shown(bars([RUNNING, waiting, measured], 3, ascii_only=True))
    assert "############------------" in text and "50 %" in text and "fitness 0.125" in text
    assert "waiting" in text and "evaluating" in text
    assert "and 2 more" in shown(bars([RUNNING, waiting, measured], 1))


def test_trials_are_listed_selection_first() -> None:
    lines = shown(trial_table(fold([*REPORT[:1], *SEARCH]))).splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["selection", "selection", "report"]


def test_small_words() -> None:
    assert (duration(5), duration(65), duration(3700)) == ("5 s", "1 min 05 s", "1 h 01 min")
    assert (place(Slot(0, 1)), place(Slot(2, 0, 1))) == ("1.2", "3.1 r1")
    assert short_score(Interval(0.5, None, None, 1)) == "0.5" and short_score(None) == ""
    assert (
        short_finding(FINDING)
        == "RS108 line 2: reward asks for 'positon', which this task does not have"
    )
    assert short_finding("odd") == "odd"


def test_differences_to_the_native_reward_are_paired_and_say_when_they_prove_nothing() -> None:
    found = native_difference(fold([*SEARCH, *REPORT]), A)
    assert (
        found is not None and found.mean == pytest.approx(0.4) and found.low == pytest.approx(0.4)
    )
    assert "about 4 more seeds would decide it" in proof(found, "the native reward")  # two seeds
    proven = Difference(0.4, 0.3, 0.5, 6, p=0.03, further_seeds=0)
    assert "better than the native reward by 0.4" in proof(proven, "the native reward")
    assert "worse" in proof(replace(proven, mean=-0.4))
    assert "probably not" in proof(replace(proven, p=0.9, further_seeds=None))
    assert native_difference(fold([*SEARCH, *REPORT[:3]]), A) is None


def test_events_in_a_line() -> None:
    assert describe(SEARCH[1]) == f"round 1 sample 1: program {A} accepted"
    assert describe(SEARCH[3]).startswith("round 1 sample 2: refused, RS108 line 2:")
    assert "did you mean" in describe(SEARCH[3], verbose=True)
    assert (
        describe(SEARCH[6])
        == f"program {A}, selection seed 0: fitness 0.25, 50 % solved (100 environment steps with evaluation, 1 s)"
    )
    failed = describe(trained("native", 0, "report", None, status="failed", message="gone"))
    assert failed == "native reward, report seed 0: failed: gone"
    assert describe(Worked(wall_s=1.0)) == ""
    assert describe(SEARCH[6], has_fitness=False).endswith(
        "seed 0: trained (100 environment steps with evaluation, 1 s)"
    )
    learned = Learned(round=0, program=A, pairs=40, accuracy=0.9)
    assert describe(learned).startswith(f"program {A} learned from 40 judged pairs; it orders 90%")
    assert describe(Learned(round=0, program=None)).startswith("no reward was learned")


class Clock:
    """Time that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(pace_module.time, "monotonic", lambda: self.now)


def test_time_left_comes_from_trainings_owed_and_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, pace, state = Clock(monkeypatch), Pace(), RunState()
    pace.shape, pace.report_trials = Shape(rounds=1, samples=2, seeds=1), 2
    assert pace.left_s(state, []) is None
    state = fold(SEARCH[:6])
    pace.update(state, [RUNNING._replace(program=A, steps=0)])
    clock.now += 10.0
    state = fold([*SEARCH[:6], trained(A, 0, "selection", 0.5)])
    pace.update(state, [RUNNING._replace(steps=0)])
    assert pace.elapsed_s == 10.0
    assert pace.steps_per_s == pytest.approx(10.0)
    assert pace.left_s(state, [RUNNING._replace(steps=0)]) == pytest.approx(
        30.0
    )  # B, and one for the report on each side
