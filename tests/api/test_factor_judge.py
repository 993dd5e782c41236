"""Ranked factors compare episodes of a run: by hand on recorded episodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rewardsmith as rs
from rewardsmith.api.factor_judge import FACTORS, Factor, judge_by_factors, read_factor
from rewardsmith.errors import UsageError
from rewardsmith.run.judgements import Judgement
from rewardsmith.types import Episode
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import copied, design
from tests.support.lineworld import write_task


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> rs.Run:
    folder = tmp_path_factory.mktemp("made")
    task = write_task(folder / "line")
    with (task / "task.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[fields]]\nname = "both"\nsource = "obs[0:2]"\n')
    return design(str(task), folder, executor=FakeExecutor(varied=True))


@pytest.fixture
def run(made: rs.Run, tmp_path: Path) -> rs.Run:
    return copied(made, tmp_path)


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("fuel:low", Factor("fuel", "low")),
        ("speed:high:0.5", Factor("speed", "high", margin=0.5)),
        ("speed:high:last", Factor("speed", "high", "last")),
        ("joints[2]:low:max:1", Factor("joints[2]", "low", "max", 1.0)),
        ("speed:1:high", Factor("speed", "high", margin=1.0)),
    ],
)
def test_a_factor_is_read_from_a_text(text: str, factor: Factor) -> None:
    assert read_factor(text) == factor == read_factor(str(factor))


@pytest.mark.parametrize(
    "text",
    ["", "speed", "speed:0.5", ":high", "speed:high:median", "a:low:-1", "a:low:nan", "a:low:inf"],
)
def test_what_is_no_factor_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="factor"):
        read_factor(text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("positon", "there is no field 'positon'"),
        ("both", "the field 'both' has 2 numbers"),
        ("both[2]", r"both\[2\] is not one of them"),
    ],
)
def test_a_field_that_cannot_be_compared_is_refused(run: rs.Run, name: str, message: str) -> None:
    judge_by_factors(run.folder, [Factor("fitness", "high")], pairs=3)
    before = run.state.known_judgements()
    with pytest.raises(UsageError, match=message):
        judge_by_factors(run.folder, [Factor(name, "high")])
    assert run.state.known_judgements() == before, "the earlier answers are kept"


def sides(run: rs.Run, found: Judgement) -> tuple[Episode, Episode]:
    """The better and the worse episode."""
    assert found.better is not None
    worse = found.second if found.better == found.first else found.first
    first, second = (run.folder.trial_at(one.trial).episodes()[0] for one in (found.better, worse))
    return first, second


def answers(run: rs.Run) -> list[Judgement]:
    return [one for one in run.state.known_judgements() if one.answer != "withdrawn"]


@pytest.mark.parametrize(
    ("factor", "value"),
    [
        (Factor("position", "high", "last"), lambda one: one.fields["position"][-1]),
        (Factor("position", "high", "max"), lambda one: one.fields["position"][1:].max()),
        (Factor("position", "low"), lambda one: -one.fields["position"][1:].mean()),
        (
            Factor("secret_distance", "low", "sum"),
            lambda one: -one.fields["secret_distance"][1:].sum(),
        ),
        (Factor("both[1]", "low", "min"), lambda one: -one.fields["both"][1:, 1].min()),
    ],
)
def test_the_better_episode_has_more_or_less_of_the_factor(
    run: rs.Run, factor: Factor, value: object
) -> None:
    assert callable(value)
    report = judge_by_factors(run.folder, [factor], pairs=10)
    assert report.answered + report.abstained == 10 and report.answered > 5
    assert report.decided == {str(factor): report.answered} and report.cycles == 0
    found = answers(run)
    assert len(found) == report.answered and {one.by for one in found} == {FACTORS}
    assert all(value(better) > value(worse) for better, worse in (sides(run, one) for one in found))


def test_the_next_factor_decides_within_the_margin_of_the_first(run: rs.Run) -> None:
    """All episodes are equally long; then the position decides outside of its margin."""
    factors = [
        Factor("length", "low"),
        Factor("position", "high", "last", 1.0),
        Factor("native", "high"),
        Factor("position", "low", "last"),
    ]
    report = judge_by_factors(run.folder, factors, pairs=1000)
    length, far, native, near = report.decided.values()
    assert length == native == 0 and far > 0 and near > 0
    trials = {one.trial for found in answers(run) for one in found.pair}
    ends = [run.folder.trial_at(key).episodes()[0].fields["position"][-1] for key in sorted(trials)]
    margin = float(np.std(np.ravel(ends)))
    for found in answers(run):
        better, worse = (float(one.fields["position"][-1]) for one in sides(run, found))
        assert (better > worse) == (abs(better - worse) > margin)
        by = factors[1] if better > worse else factors[3]
        assert found.words.startswith(f"{by} decides: ")


def test_cycles_are_reported(run: rs.Run) -> None:
    factors = [Factor("position", "high", "last", 1.0), Factor("position", "low", "last")]
    assert judge_by_factors(run.folder, factors, pairs=1000).cycles > 0
    assert judge_by_factors(run.folder, factors[1:], pairs=1000).cycles == 0


def test_a_new_call_replaces_the_answers_of_the_last_one(run: rs.Run) -> None:
    judge_by_factors(run.folder, [Factor("fitness", "high")], pairs=6)
    first = {one.pair: one.better for one in answers(run)}
    judge_by_factors(run.folder, [Factor("fitness", "low")], pairs=3)
    second = {one.pair: one.better for one in answers(run)}
    assert len(first) == 6 and len(second) == 3
    assert all(second[pair] != first[pair] for pair in second)


def test_without_factors_nothing_is_compared(run: rs.Run) -> None:
    with pytest.raises(UsageError, match="no factors"):
        judge_by_factors(run.folder, [])
