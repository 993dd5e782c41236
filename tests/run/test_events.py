"""Every kind of event is read from the log as it was written; other lines are errors with a place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rewardsmith.episodes.preflight import Argument, Preflight
from rewardsmith.errors import RunError
from rewardsmith.run.event import Event
from rewardsmith.run.event_log import EventLog
from rewardsmith.run.events import (
    KINDS,
    Admitted,
    Audited,
    Checked,
    Consulted,
    Derived,
    ExploitsSearched,
    Exported,
    Extended,
    PreflightDone,
    Refused,
    Replied,
    Resumed,
    Screened,
    ScriptsPlayed,
    SimilarityMeasured,
    Stopped,
    Trained,
    Worked,
    fold,
)
from rewardsmith.run.judge_events import Compared, ComparisonsAsked, Learned
from rewardsmith.run.judgements import Clip, Judgement
from rewardsmith.run.outcomes import AuditState, ExploitState, ScreenState, TrialState
from rewardsmith.run.settings import Budget
from rewardsmith.run.user_events import BudgetRaised, Commented, Judged, Widened
from rewardsmith.types import Slot

FOUND = Preflight(
    arguments={"position": Argument(shape=(), dtype="float64", range=(0.0, 1.0), words=("red",))},
    hidden=("truth",),
    random_fitness=(0.5, -0.25),
    episode_length=10.5,
    time_limit=None,
    ended=0.75,
    steps=21,
    actions="Discrete(2)",
    n_actions=2,
    return_bound=1.5,
    observations="Box",
    warnings=("flat",),
)
TRIAL = TrialState(program="p", seed=0, rung="selection", status="finished", fitness=0.5, steps=7)
AUDIT = AuditState(program="p", verdict="refused", trust={"reached": "nothing"})
CLIP = Clip("p", 0, "selection")
EXPLOITS = ExploitState(
    program="p", verdict="exploited", margin=-0.5, successes=9, failures=30, finding="RS516 …"
)
EVENTS: tuple[Event, ...] = (
    PreflightDone(found=FOUND),
    Admitted(slots=(Slot(0, 0),), trials=((("p", 0, "selection"), 1000),)),
    Replied(slot=Slot(0, 0), request="r", occurrence=0, parents=("o",), tokens=5, usd=0.25),
    Checked(
        slot=Slot(0, 0),
        program="p",
        accepted=True,
        outcome="code",
        findings=("RS217 warning: slow",),
        functions=("reward", "potential"),
        seal="s",
    ),
    Derived(whole="p", kept=("reward",), program="q", seal="t"),
    SimilarityMeasured(program="p", similarity={"q": 0.5}),
    Screened(screen=ScreenState(program="p", verdict="failed", share=0.5, concerns=("RS503",))),
    ComparisonsAsked(round=1, pairs=((CLIP, CLIP._replace(start=5, steps=10)),), needed=1),
    Compared(round=1, answers=1),
    Learned(round=1, program="l", pairs=9, accuracy=0.75, seal="u", size=40),
    Consulted(program="p", request="j", occurrence=1, tokens=3),
    Audited(audit=AUDIT),
    Trained(trial=TRIAL, digest="d"),
    Worked(wall_s=1.5),
    Refused(reason="dear"),
    Stopped(reason="dear"),
    BudgetRaised(limits=Budget(tokens=10)),
    Resumed(),
    Exported(program="p"),
    ScriptsPlayed(steps=12),
    ExploitsSearched(found=EXPLOITS),
    Extended(reason="program p has an exploit"),
    Commented(program="p", words="It limps."),
    Judged(found=Judgement(first=CLIP, second=Clip("q", 0, "selection"), answer="first", by="Ann")),
    Widened(rounds=1, report_seeds=20),
)


def test_there_is_an_event_of_every_kind() -> None:
    assert {event.kind for event in EVENTS} == set(KINDS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_is_read_as_it_was_written(event: Event, tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    written = log.append(event)
    (read,) = log
    assert type(read) is type(event) and read == written
    assert read.model_copy(update={"at": ""}) == event


def test_the_state_of_a_log_is_that_of_its_events(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for event in EVENTS:
        log.append(event)
    state = fold(log)
    assert state == fold(EVENTS)
    assert (state.tokens, state.usd, state.unpriced, state.requests) == (8, 0.25, 1, 2)
    assert state.steps == FOUND.steps + TRIAL.steps + 12  # of the scripts
    assert state.programs == {"p": Slot(0, 0), "q": Slot(0, 0), "l": Slot(1, 0)}
    assert state.trials == {("p", 0, "selection"): TRIAL}
    assert state.raised == Budget(tokens=10) and state.refused is None and state.stopped is None
    assert state.comments == {"p": ["It limps."]}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_a_missing_key_is_an_error_that_names_file_and_line(event: Event, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(Worked(wall_s=1.0))
    needed = [name for name, field in type(event).model_fields.items() if field.is_required()]
    for name in needed:
        line = {"kind": event.kind, **event.model_dump(mode="json", exclude={name})}
        damaged = tmp_path / f"{name}.jsonl"
        damaged.write_text(path.read_text() + json.dumps(line) + "\n")
        with pytest.raises(RunError, match=rf"{name}\.jsonl: line 2 .*{event.kind}\.{name}"):
            list(EventLog(damaged))


@pytest.mark.parametrize(
    "line", ['{"wall_s": 1.0}', '{"kind": 3}', '{"kind": "worked", "data": {}}']
)
def test_what_is_no_event_is_an_error(line: str, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(RunError, match=r"events\.jsonl: line 1 is not an event"):
        list(EventLog(path))


def test_a_kind_of_a_newer_version_is_skipped_and_a_torn_last_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind": "from_the_future"}\n{"kind": "worked", "wall')
    log = EventLog(path)
    assert list(log) == []
    log.append(Resumed())
    assert [event.kind for event in log] == ["resumed"]
    assert len(path.read_text().splitlines()) == 2
