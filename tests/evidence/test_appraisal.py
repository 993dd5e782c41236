"""Comparison of programs: distances, also on unvisited transitions, and reasons for missing ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rewardsmith.api import runs as api
from rewardsmith.cli.comparison import comparison_table
from rewardsmith.episodes.bank import Bank
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.evidence.appraisal import appraise_in_run, random_bank, summary_rows
from rewardsmith.evidence.recombining import epic_apart
from rewardsmith.program import CheckedProgram
from rewardsmith.sandbox.behaviour.for_training import check_against_preflight
from rewardsmith.task.loading import load_task
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import recorded
from tests.support.lineworld import write_task

HEAD = "import numpy as np\n\n\n"
PLAIN = HEAD + (
    "def reward(position, next_position, action):\n"
    "    return {'progress': next_position - position, 'push': -0.1 * action[:, 0] ** 2}\n"
)
SHAPED = HEAD + (
    "def reward(position, next_position, action):\n    plain = next_position - position - 0.1 * action[:, 0] ** 2\n"
    "    return {'plain': 3 * plain, 'shaping': 0.95 * next_position**2 - position**2, 'shift': np.ones(len(plain))}\n"
)
WITH_POTENTIAL = PLAIN + "\n\ndef potential(position):\n    return 4.0 * np.abs(position)\n"
NEVER_FAR = HEAD + (
    "def reward(position, next_position):\n    if np.any(np.abs(next_position - position) > 0.3):\n"
    "        raise ValueError('too far')\n    return {'progress': next_position - position}\n"
)
ONLY_POTENTIAL = HEAD + "def potential(position):\n    return position\n"

Checking = Callable[[str], CheckedProgram]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checking, Bank]:
    task = load_task(write_task(tmp_path_factory.mktemp("task") / "line"))
    look = collect_preflight(task)

    def checked(source: str) -> CheckedProgram:
        verdict = check_against_preflight(source, look.report, look.transitions)
        assert verdict.accepted, verdict.findings
        return CheckedProgram.of(source, verdict)

    return checked, random_bank(task, look)


def test_shaping_and_scale_change_no_epic_distance(line: tuple[Checking, Bank]) -> None:
    checked, bank = line
    for other in (SHAPED, WITH_POTENTIAL):
        found, why = epic_apart(checked(PLAIN), checked(other), bank, 0.95)
        assert found == pytest.approx(0.0, abs=1e-6) and why == ""
    turned = PLAIN.replace("next_position - position", "position - next_position").replace(
        "-0.1", "0.1"
    )
    assert epic_apart(checked(PLAIN), checked(turned), bank, 0.95)[0] == pytest.approx(1.0)
    # Progress is shaping but for a twentieth, so what pushing costs decides.
    other, _ = epic_apart(checked(PLAIN), checked(PLAIN.replace("-0.1", "0.1")), bank, 0.95)
    assert other is not None and 0.1 < other < 1.0


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (NEVER_FAR, "breaks on transitions that never happened: ValueError: too far"),
        (ONLY_POTENTIAL, "writes no reward"),
    ],
)
def test_where_there_is_no_epic_distance_it_is_said_why(
    line: tuple[Checking, Bank], source: str, reason: str
) -> None:
    checked, bank = line
    found, why = epic_apart(checked(PLAIN), checked(source), bank, 0.95)
    assert found is None and reason in why


def test_programs_of_different_runs_are_kept_apart(tmp_path: Path, executor: FakeExecutor) -> None:
    task = str(write_task(tmp_path / "line"))
    texts = {"one": (PLAIN, SHAPED), "other": (NEVER_FAR, NEVER_FAR)}
    runs = []
    for name, sources in texts.items():
        replies = recorded(
            [
                {"round": n, "sample": 0, "text": f"```python\n{s}\n```"}
                for n, s in enumerate(sources)
            ]
        )
        options = {"rounds": 2, "samples": 1, "seeds": 1}
        runs.append(
            api.design(
                task,
                replies=replies,
                options=options,
                report_seeds=0,
                runs=tmp_path / name,
                executor=executor,
            )
        )
    one, other = runs
    second = max(one.state.programs, key=lambda program: one.state.programs[program])
    found = appraise_in_run(one.folder, one.state, second)
    assert found is not None and found.quality.epic_from_parent == pytest.approx(0.0, abs=1e-6)
    assert "EPIC distance to its parent" in dict(summary_rows(found))
    beside = appraise_in_run(one.folder, one.state, second, (other.folder, other.best.id))
    assert (
        beside is not None
        and beside.quality.from_parent is not None
        and beside.quality.epic_from_parent is None
    )
    assert beside.quality.unsaid[-1].startswith(
        "EPIC distance to its parent: one breaks on transitions that never"
    )
    rows = one.compare(one)
    assert (
        rows[0].apart_epic is None
        and list(comparison_table(rows).columns[0].cells)[-1] == "EPIC distance"
    )


def test_a_parent_that_breaks_hides_nothing_else(tmp_path: Path, executor: FakeExecutor) -> None:
    task = str(write_task(tmp_path / "line"))
    sources = (PLAIN, SHAPED)
    replies = recorded(
        [{"round": n, "sample": 0, "text": f"```python\n{s}\n```"} for n, s in enumerate(sources)]
    )
    options = {"rounds": 2, "samples": 1, "seeds": 1}
    run = api.design(
        task,
        replies=replies,
        options=options,
        report_seeds=0,
        runs=tmp_path / "runs",
        executor=executor,
    )
    first, second = sorted(run.state.programs, key=lambda program: run.state.programs[program])
    file = run.folder.program_folder(first) / "program.py"
    file.write_text(
        PLAIN.replace("    return", "    raise ValueError('boom')\n    return"), encoding="utf-8"
    )
    found = appraise_in_run(run.folder, run.state, second)
    assert found is not None and found.quality.tau is not None and found.quality.from_parent is None
    assert (
        found.quality.unsaid[-1]
        == "distance to its parent: the parent fails on the recorded episodes: ValueError: boom"
    )
