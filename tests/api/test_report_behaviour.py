"""Charts of an episode: every number under its own title, from the same start as the native one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rewardsmith.api.report.behaviour import behaviour_charts, parts
from rewardsmith.run.best import native_beside, shipped_trial
from tests.support.line_runs import design
from tests.support.lineworld import write_task


def titles(values: np.ndarray, names: tuple[str, ...] = ()) -> list[str]:
    return [title for title, _ in parts("temperature", " (C)", values, names)]


def test_each_component_is_drawn_with_its_sign() -> None:
    rooms = np.array([[20.0, -10.0], [21.0, -9.0]])
    drawn = dict(parts("temperature", " (C)", rooms))
    assert list(drawn) == ["temperature[0] (C)", "temperature[1] (C)"]
    np.testing.assert_array_equal(drawn["temperature[1] (C)"], [-10.0, -9.0])


def test_a_number_an_action_with_names_and_a_long_vector() -> None:
    assert titles(np.zeros(5)) == ["temperature (C)"]
    assert titles(np.zeros((5, 2)), ("left", "right")) == [
        "temperature: left",
        "temperature: right",
    ]
    assert titles(np.zeros((5, 40))) == ["length of temperature, 40 numbers (C)"]


def test_a_report_draws_fields_and_actions(tmp_path: Path) -> None:
    run = design(str(write_task(tmp_path / "line")), tmp_path)
    charts = behaviour_charts(run.folder, run.state, run.best.id)
    assert [title for title, _ in charts] == ["position (m)", "action[0]"]
    assert all("designed" in chart and "native" in chart for _, chart in charts)


def test_the_native_agent_beside_has_the_same_seed(tmp_path: Path) -> None:
    run = design(str(write_task(tmp_path / "line")), tmp_path)
    shipped = shipped_trial(run.state, run.best.id)
    beside = native_beside(run.state, shipped)
    assert beside is not None and (beside.seed, beside.rung) == (shipped.seed, shipped.rung)
