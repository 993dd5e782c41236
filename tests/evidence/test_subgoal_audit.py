"""CALM: subgoals are audited on recorded episodes, and refused before any training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardsmith as rs
from rewardsmith.episodes.random_policy import LABELLED_STEPS, collect_preflight
from rewardsmith.errors import BoundaryError, NoProgram, UsageError
from rewardsmith.evidence.subgoals import (
    Behaviour,
    concerns,
    false_alarms,
    summarise_subgoal,
)
from rewardsmith.maths.shaping import NEVER, first_steps
from rewardsmith.maths.statistics import most_likely_rate
from rewardsmith.run.events import Audited, fold
from rewardsmith.run.orders import Audit, Stop, Train, Write
from rewardsmith.run.outcomes import AuditState
from rewardsmith.run.records import SubgoalStatistics
from rewardsmith.strategy.calm import Calm, CalmOptions
from rewardsmith.task.loading import Task, load_task
from rewardsmith.types import Slot
from rewardsmith.writers.feedback.records import ReachSummary
from rewardsmith.writers.feedback.subgoals import SubgoalSteps, reach_summaries
from rewardsmith.writers.judge import answer_in
from tests.support.command_line import call, only_json
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import recorded, the_run
from tests.support.plays import checked, replied, trained
from tests.support.talkworld import write_task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return load_task(write_task(tmp_path_factory.mktemp("talk") / "talk"))


# --- On arrays


def test_the_bound_follows_from_the_counts() -> None:
    assert most_likely_rate(0, 2995) == pytest.approx(0.001, rel=1e-3)  # the rule of three
    assert most_likely_rate(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert most_likely_rate(3, 3) == most_likely_rate(0, 0) == 1.0
    # by the binomial distribution itself: so few or fewer of so many happen once in twenty
    rate = most_likely_rate(2, 50)
    few = sum(
        np.prod([(50 - i) / (i + 1) for i in range(k)]) * rate**k * (1 - rate) ** (50 - k)
        for k in range(3)
    )
    assert few == pytest.approx(0.05)


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=9), min_size=1, max_size=6))
def test_first_steps_are_those_of_each_episode(episodes: list[list[bool]]) -> None:
    holds = np.concatenate([np.array(one, bool) for one in episodes])
    found = first_steps(holds, np.array([len(one) for one in episodes]))
    assert found.tolist() == [one.index(True) if True in one else NEVER for one in episodes]


LENGTHS = np.array([4, 4, 4, 4])
LABEL = np.array([0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], bool)
SUCCESS = np.array([True, True, False, True])


def known(**labels: Any) -> Behaviour:
    return Behaviour(LENGTHS, SUCCESS, np.array([False, False, True, False]), labels)


def test_only_what_comes_before_the_label_is_a_false_alarm() -> None:
    event, state = LABEL.copy(), np.array([0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1], bool)
    negatives = 2 + 1 + 4 + 3
    assert (
        false_alarms(event, LABEL, LENGTHS) == false_alarms(state, LABEL, LENGTHS) == (0, negatives)
    )
    early = event | (np.arange(16) == 9)
    assert false_alarms(early, LABEL, LENGTHS) == (1, negatives)


def test_a_subgoal_is_compared_with_the_label_of_the_same_meaning() -> None:
    late = np.array([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], bool)
    found = summarise_subgoal("mine", LABEL, known(same=LABEL, later=late, other=~LABEL & False))
    assert (found.label, found.false, found.trust) == ("same", 0, "labels")
    assert summarise_subgoal("mine", LABEL & False, known(same=LABEL)).label is None, (
        "it misses what the label sees"
    )
    assert summarise_subgoal("mine", LABEL, known()).trust == "behaviour"


def test_an_earlier_stage_is_no_false_alarm_of_a_later_one() -> None:
    """It holds until the label does (at the door), or from some steps before on (half way): another thing each time."""
    at_the_door = np.array([0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], bool)
    half_way = at_the_door | LABEL
    for holds in (at_the_door, half_way):
        assert summarise_subgoal("before", holds, known(opened=LABEL)).label is None
    noisy = LABEL | (np.arange(16) == 9)
    found = summarise_subgoal("opened", noisy, known(opened=LABEL))
    assert (found.label, found.false, found.negatives) == ("opened", 1, 10)


def codes(one: SubgoalStatistics) -> dict[str, str]:
    return {found.code: found.severity for found in concerns(one)}


USUAL = SubgoalStatistics(
    name="x", random=0.1, failures=0.2, successes=1.0, at_once=0.0, early=1.0, step=5.0
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"label": "y", "false": 0, "negatives": 4000}, {}),
        ({"label": "y", "false": 4, "negatives": 4000}, {}),
        ({"label": "y", "false": 40, "negatives": 4000}, {"RS511": "error"}),
        ({"successes": 0.0, "early": None}, {"RS512": "error"}),
        ({"successes": None}, {}),
        ({"at_once": 0.95, "random": 1.0}, {"RS513": "error"}),
        ({"random": 0.9}, {"RS513": "warning"}),
        ({"early": 0.0}, {"RS514": "warning"}),
        ({"votes": (2, 9)}, {"RS515": "error"}),
        ({"votes": (8, 9)}, {}),
        ({"votes": (2, 9), "label": "y", "negatives": 4000}, {}),
    ],
)
def test_concerns_about_a_subgoal(change: dict[str, Any], expected: dict[str, str]) -> None:
    assert codes(USUAL.model_copy(update=change)) == expected


def test_subgoals_that_trained_agents_reached() -> None:
    rows = reach_summaries(
        [
            SubgoalSteps({"a": [3, None], "b": [None, None]}, [True, False]),
            SubgoalSteps({"a": [5, 7], "b": [1, None]}, None),
        ]
    )
    assert rows[0] == ReachSummary("a", 0.75, 2 / 3, 5.0)
    assert rows[1] == ReachSummary("b", 0.25, 1 / 3, 1.0)


# --- What the strategy decides


def calm(**options: Any) -> Calm:
    return Calm(CalmOptions(**{"rounds": 2, "repairs": 0, "seeds": 1, **options}), 100)


def audit_event(program: str, verdict: Literal["passed", "refused"]) -> Audited:
    return Audited(audit=AuditState(program=program, verdict=verdict))


def test_a_refused_program_gets_feedback_and_no_training() -> None:
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a", "subgoals")]
    assert calm().plan(fold(events)) == [Audit("a", 0.001)]
    events.append(audit_event("a", "refused"))
    (order,) = calm().plan(fold(events))
    assert (
        isinstance(order, Write)
        and order.turns[0].feedback == ("subgoals",)
        and fold(events).skipped() == ["a"]
    )
    events += [
        replied(Slot(1, 0)),
        checked(Slot(1, 0), "b", "subgoals"),
        audit_event("b", "passed"),
    ]
    assert calm().plan(fold(events)) == [Train("b", (0,), "selection", 100)]
    events.append(trained("b", 0, 0.5))
    assert calm().plan(fold(events)) == [Stop("all rounds are done")]


def test_a_program_without_subgoals_is_trained_without_an_audit() -> None:
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a", "reward")]
    assert calm().plan(fold(events)) == [Train("a", (0,), "selection", 100)]


def test_the_feedback_on_a_trained_program_has_the_reached_subgoals() -> None:
    events = [
        replied(Slot(0, 0)),
        checked(Slot(0, 0), "a", "subgoals"),
        audit_event("a", "passed"),
        trained("a", 0, 0.5),
    ]
    (order,) = calm().plan(fold(events))
    assert isinstance(order, Write) and order.turns[0].feedback == ("process", "subgoals")


# --- Whole runs

FOUND = """
def found(first_instruction, next_below):
    numbers = np.array([0, 6, 5, 3, 4, -1])[next_below]  # what the words below are in the instruction
    return np.all(numbers == first_instruction[:, 2:], axis=1)
"""
GOOD = f"import numpy as np\n\n{FOUND}\n\ndef subgoals(first_instruction, next_below):\n    return {{'found': found(first_instruction, next_below)}}\n"
# One false alarm in a hundred transitions or so: a place where the agent seldom is, with nothing
# there.
ALARMS = f"""import numpy as np

{FOUND}

def subgoals(first_instruction, next_below, next_place):
    alarm = (next_place[:, 0] >= 4) & ~np.any(next_below > 0, axis=1)
    return {{'found': found(first_instruction, next_below) | alarm}}
"""


def test_false_alarms_are_refused_and_repaired(task: Task, tmp_path: Path) -> None:
    replies = recorded([
        {"round": 0, "sample": 0, "text": f"```python\n{ALARMS}```"},
        {"round": 1, "sample": 0, "text": f"```python\n{GOOD}```"},
    ])  # fmt: skip
    run = rs.design(
        task,
        replies=replies,
        strategy="calm",
        options={"seeds": 1},
        report_seeds=0,
        steps=1024,
        runs=tmp_path / "runs",
    )
    state = run.state
    first, second = sorted(state.programs, key=lambda program: state.programs[program])
    assert state.audits[first].refused and not state.audits[second].refused
    assert not state.trials_of(first, "selection") and state.trials_of(second, "selection")
    told = run.folder.audit(first)
    assert told is not None
    (row,) = told.rows
    assert (
        row.label == "found" and row.negatives >= 3000 and 0.002 < row.false / row.negatives < 0.05
    )
    asked = json.loads(run.folder.llm_log.read_text("utf-8").splitlines()[1])["request"][
        "messages"
    ][-1]["content"]
    assert "gives false alarms" in asked and "no agent was trained" in asked
    trusted = run.folder.audit(second)
    assert trusted is not None and trusted.rows[0].false == 0
    assert (trusted.rows[0].bound or 1.0) <= 0.001, "none in at least 3,000 transitions"
    assert state.audits[second].trust == {"found": "labels"}
    page = run.report(tmp_path / "report.html").read_text()
    assert "the task&#39;s labels" in page and "not trained: a subgoal cannot be trusted" in page
    assert "RS511" in page and "1 of 2" in page


def test_with_the_refusal_off_it_is_trained(task: Task, tmp_path: Path) -> None:
    replies = recorded([{"round": 0, "sample": 0, "text": f"```python\n{ALARMS}```"}])
    options = {"rounds": 1, "seeds": 1, "most_false": 1.0}
    run = rs.design(
        task,
        replies=replies,
        strategy="calm",
        options=options,
        report_seeds=0,
        steps=512,
        runs=tmp_path / "runs",
    )
    assert not next(iter(run.state.audits.values())).refused and run.state.trials


def test_a_labelled_task_has_a_long_preflight(task: Task) -> None:
    collected = collect_preflight(task)
    assert sum(len(episode) for episode in collected.behaviour.episodes) >= LABELLED_STEPS


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            "def labels(episode):\n    return {'found': [True]}\n",
            r"'found' has shape \(1,\), expected",
        ),
        ("def labels(episode):\n    return episode.nothing\n", "AttributeError"),
    ],
)
def test_labels_that_are_wrong_are_not_blamed_on_the_program(
    tmp_path: Path, labels: str, message: str
) -> None:
    folder = write_task(tmp_path / "talk")
    (folder / "labels.py").write_text(labels)
    replies = recorded([{"round": 0, "sample": 0, "text": f"```python\n{GOOD}```"}])
    with pytest.raises(BoundaryError, match=message):
        rs.design(
            load_task(folder), replies=replies, strategy="calm", options={"rounds": 1}, report_seeds=0,
            runs=tmp_path / "runs",
        )  # fmt: skip


def test_missing_labels_are_a_usage_error(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "talk")
    (folder / "labels.py").unlink()
    with pytest.raises(UsageError, match=r"labels\.py does not exist"):
        collect_preflight(load_task(folder))


def test_check_shows_the_audit(task: Task, tmp_path: Path) -> None:
    (tmp_path / "alarms.py").write_text(ALARMS)
    done = call(tmp_path, "check", "alarms.py", "--task", str(task.folder))
    assert done.returncode == 0 and "false alarms" in done.stdout and "RS511" in done.stdout
    (one,) = only_json(call(tmp_path, "check", "alarms.py", "--task", str(task.folder), "--json"))[
        "subgoals"
    ]
    assert one["label"] == "found" and one["false"] > 0


# --- A model as the judge

GUESSED = f"""import numpy as np

{FOUND}

def subgoals(first_instruction, next_below, next_place):
    return {{"found": found(first_instruction, next_below), "nearly_there": next_place[:, 0] == 5}}
"""


def judging(body: dict[str, Any]) -> str:
    """Says yes if the name of the subgoal is right, and sometimes neither yes nor no."""
    asked = body["messages"][-1]["content"]
    if "Is the subgoal reached" not in asked:
        return f"```python\n{GUESSED}```"
    return "Yes, it stands there." if "Subgoal: found" in asked else "No: nothing says so."


@pytest.fixture
def unlabelled(tmp_path: Path) -> str:
    folder = write_task(tmp_path / "talk")
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(text.replace('labels = "labels.py:labels"\n', ""))
    return str(folder)


def judged_run(fake: FakeLLM, task: str, tmp_path: Path, **settings: Any) -> rs.Run:
    options = {"rounds": 1, "seeds": 1, "votes": 3}
    given = {
        "model": "openai/fake",
        "base_url": fake.url + "/v1",
        "strategy": "calm",
        "options": options,
    }
    return rs.design(task, report_seeds=0, steps=256, runs=tmp_path / "runs", **given, **settings)


def test_without_labels_a_model_may_judge(unlabelled: str, tmp_path: Path) -> None:
    with FakeLLM(judging) as fake, pytest.raises(NoProgram):
        judged_run(fake, unlabelled, tmp_path)
    run = the_run(tmp_path)
    state, (program,) = run.state, list(run.state.programs)
    told = run.folder.audit(program)
    assert told is not None and state.audits[program].refused
    rows = {row.name: row for row in told.rows}
    yes, asked = rows["found"].votes
    assert rows["found"].trust == "judge" and yes == asked and 3 <= asked <= 12 and asked % 3 == 0
    assert rows["nearly_there"].votes[0] == 0 and any(
        "RS515" in concern for concern in told.concerns
    )
    questions = [r["body"]["messages"][-1]["content"] for r in fake.requests[1:]]
    assert (
        len(questions)
        == state.requests - 1
        == len(state.consulted)
        == sum(row.votes[1] for row in rows.values())
    )
    assert all(
        "take the " in text and "| below |" in text and "agent's action" in text
        for text in questions
    )
    assert len(set(questions)) * 3 == len(questions), (
        "each step is asked about as often as there are votes"
    )
    assert state.tokens > 0 and not state.trials


def test_the_budget_bounds_what_is_asked(unlabelled: str, tmp_path: Path) -> None:
    with FakeLLM(judging) as fake:
        run = judged_run(fake, unlabelled, tmp_path, budget=rs.Budget(calls=4))
    assert len(fake.requests) == run.state.requests == 4 and len(run.state.consulted) == 3


def test_a_writer_that_cannot_judge_is_not_asked(task: Task) -> None:
    with pytest.raises(UsageError, match="votes need a model"):
        rs.plan(task, strategy="calm", ask=True, options={"votes": 1})
    assert (answer_in("**Yes**, because"), answer_in("no."), answer_in("Perhaps")) == (
        True,
        False,
        None,
    )
