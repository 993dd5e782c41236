"""What CARD decides, from events made by hand; then a whole run of it with real trainings and a scripted writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lineworld import write_task
from plays import judged, replied, tried

from rewardsmith import api
from rewardsmith.coder.scripted import RecordedReplies
from rewardsmith.engine.screening import read_screen
from rewardsmith.events import Event
from rewardsmith.llm.replay import Tape
from rewardsmith.orders import Screen, Stop, Train, Turn, Write
from rewardsmith.state import RunState, fold
from rewardsmith.strategy.card import Card, CardOptions
from rewardsmith.strategy.screening import ScreenOptions, worth_training
from rewardsmith.types import Slot


def card(**options: Any) -> Card:
    return Card(CardOptions(**{"rounds": 3, "repairs": 0, **options}), 100)


def screened(program: str, verdict: str, share: float | None = 0.5) -> Event:
    return Event("screened", {"program": program, "verdict": verdict, "share": share})


def test_a_failing_program_is_not_trained_and_told_why() -> None:
    events = [replied(Slot(0, 0)), judged(Slot(0, 0), "a")]
    assert card().plan(fold(events)) == [Screen("a", "above-best-failure", "discounted", 0.8, 3)]
    events.append(screened("a", "failed"))
    (write,) = card().plan(fold(events))
    assert isinstance(write, Write) and write.slot == Slot(1, 0)
    assert write.turns == (Turn("a", ("preference",), Slot(0, 0)),)
    assert fold(events).skipped() == ["a"]


@pytest.mark.parametrize("verdict", ["passed", "unscreened"])
def test_what_nothing_speaks_against_is_trained(verdict: str) -> None:
    events = [replied(Slot(0, 0)), judged(Slot(0, 0), "a"), screened("a", verdict)]
    assert card(seeds=2).plan(fold(events)) == [Train("a", (0, 1), "selection", 100)]
    events += [tried("a", 0, 1.0), tried("a", 1, 1.0)]
    (write,) = card(seeds=2).plan(fold(events))
    assert isinstance(write, Write)
    assert write.turns == (Turn("a", ("process", "trajectory", "audit"), Slot(0, 0)),)


def test_the_whole_talk_is_kept_and_ends() -> None:
    events: list[Event] = []
    for number, (program, verdict) in enumerate((("a", "unscreened"), ("b", "failed"), ("c", "passed"))):
        slot = Slot(number, 0)
        events += [replied(slot), judged(slot, program), screened(program, verdict)]
        events += [tried(program, 0, float(number))] if verdict != "failed" else []
    assert card().plan(fold(events)) == [Stop("all rounds are done")]
    (write,) = card(rounds=4).plan(fold(events))
    assert isinstance(write, Write) and [turn.program for turn in write.turns] == ["a", "b", "c"]


def test_released_behaviour_trains_what_failed() -> None:
    events = [replied(Slot(0, 0)), judged(Slot(0, 0), "a"), screened("a", "failed")]
    assert card(trained_anyway=1).plan(fold(events)) == [Train("a", (0,), "selection", 100)]


def test_a_share_of_the_failing_is_trained_all_the_same() -> None:
    """Always the same ones, whatever else is in the run."""
    names = [f"{n:x}" for n in range(1000)]
    state = fold(screened(name, "failed") for name in names)
    chosen = worth_training(state, names, ScreenOptions(screen="pairs", trained_anyway=0.1))
    assert 70 < len(chosen) < 130
    for name in names[:50]:
        alone = worth_training(fold([screened(name, "failed")]), [name], ScreenOptions(screen="pairs"))
        assert (alone == [name]) == (name in chosen)
    assert worth_training(RunState(), ["a"], ScreenOptions()) == ["a"]


GOOD = "```python\nimport numpy as np\n\n\ndef reward(position, next_position, terminated):\n    return {'progress': next_position - position, 'end': np.where(terminated, 1.0, 0.0)}\n```"  # noqa: E501
AWAY = "```python\nimport numpy as np\n\n\ndef reward(position, next_position):\n    return {'progress': 0.1 * (next_position - position), 'away': -next_position}\n```"  # noqa: E501
BETTER = GOOD.replace("1.0, 0.0", "2.0, 0.0")


def test_a_run_trains_only_what_orders_known_behaviour(tmp_path: Path) -> None:
    """Three generations: the first is trained, the second fails against the bank and is not, the third is."""
    replies = [{"round": n, "sample": 0, "text": text} for n, text in enumerate((GOOD, AWAY, BETTER))]
    recorded = RecordedReplies.model_validate({"model": "hand", "replies": replies})
    task = write_task(tmp_path / "line")
    run = api.design(
        str(task), replies=recorded, strategy="card", report_seeds=0, runs=tmp_path / "runs", training={"n_envs": 2}
    )
    state = run.state
    assert state.requests == 3
    first, second, third = sorted(state.programs, key=lambda name: state.programs[name])
    assert [state.screens[name].verdict for name in (first, second, third)] == ["passed", "failed", "passed"]
    assert not state.trials_of(second, "selection") and state.trials_of(first, "selection")
    assert state.skipped() == [second] and run.best.id in (first, third)
    found = read_screen(run.folder, second)
    assert found is not None and found["terms"][0]["name"] == "away"
    assert any("RS501" in concern for concern in found["concerns"])
    talk = [message.content for message in list(Tape(run.folder.llm_log))[-1].request.messages]
    assert "was not trained, because it does not prefer good behaviour to bad" in talk[-1]
    assert "**The worst paid solved episode**" in talk[-1] and "| away |" in talk[-1]
    assert "at the moments that tell most" in talk[-3]
