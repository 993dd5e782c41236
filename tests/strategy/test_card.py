"""Decisions of CARD on hand-made events; then a whole run with trainings and a scripted writer."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.api import runs as api
from rewardsmith.cli.results import run_result
from rewardsmith.engine.asking import Asking
from rewardsmith.episodes.recording import play, record
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.replay import Tape
from rewardsmith.run.bank import RunBank
from rewardsmith.run.event import Event
from rewardsmith.run.events import Screened, fold
from rewardsmith.run.orders import Screen, Stop, Train, Turn, Write
from rewardsmith.run.outcomes import ScreenState, ScreenVerdict
from rewardsmith.run.state import RunState
from rewardsmith.run.wording import outcome, screening_counts
from rewardsmith.run.wording import screened as screened_in_words
from rewardsmith.strategy.card import Card, CardOptions
from rewardsmith.strategy.screening import ScreenOptions, worth_training
from rewardsmith.types import Slot
from rewardsmith.writers.recorded import RecordedReplies
from tests.support.lineworld import write_task
from tests.support.plays import checked, replied, trained


def card(**options: Any) -> Card:
    return Card(CardOptions(**{"rounds": 3, "repairs": 0, **options}), 100)


def screened(program: str, verdict: ScreenVerdict, share: float | None = 0.5) -> Screened:
    return Screened(screen=ScreenState(program=program, verdict=verdict, share=share))


def test_a_failing_program_is_not_trained_and_gets_feedback() -> None:
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a")]
    assert card().plan(fold(events)) == [Screen("a", "above-best-failure", "discounted", 0.8, 3)]
    events.append(screened("a", "failed"))
    (write,) = card().plan(fold(events))
    assert isinstance(write, Write) and write.slot == Slot(1, 0)
    assert write.turns == (Turn("a", ("preference",), Slot(0, 0)),)
    assert fold(events).skipped() == ["a"]


@pytest.mark.parametrize("verdict", ["passed", "unscreened"])
def test_what_nothing_speaks_against_is_trained(verdict: str) -> None:
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a"), screened("a", verdict)]
    assert card(seeds=2).plan(fold(events)) == [Train("a", (0, 1), "selection", 100)]
    events += [trained("a", 0, 1.0), trained("a", 1, 1.0)]
    (write,) = card(seeds=2).plan(fold(events))
    assert isinstance(write, Write)
    assert write.turns == (Turn("a", ("process", "trajectory", "audit"), Slot(0, 0)),)


def test_the_whole_talk_is_kept_and_ends() -> None:
    events: list[Event] = []
    for number, (program, verdict) in enumerate(
        (("a", "unscreened"), ("b", "failed"), ("c", "passed"))
    ):
        slot = Slot(number, 0)
        events += [replied(slot), checked(slot, program), screened(program, verdict)]
        events += [trained(program, 0, float(number))] if verdict != "failed" else []
    assert card().plan(fold(events)) == [Stop("all rounds are done")]
    (write,) = card(rounds=4).plan(fold(events))
    assert isinstance(write, Write) and [turn.program for turn in write.turns] == ["a", "b", "c"]


def test_released_behaviour_trains_what_failed() -> None:
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a"), screened("a", "failed")]
    assert card(trained_anyway=1).plan(fold(events)) == [Train("a", (0,), "selection", 100)]
    events.append(trained("a", 0, 1.0))
    (write,) = card(trained_anyway=1).plan(fold(events))
    assert isinstance(write, Write), "the feedback includes the screening in either case"
    assert write.turns == (Turn("a", ("process", "trajectory", "audit", "preference"), Slot(0, 0)),)


@pytest.mark.parametrize(
    ("rule", "counted"),
    [
        ("above-best-failure", "the better episodes score above the best of the others"),
        ("pairs", "pairs of recorded"),
    ],
)
def test_what_a_share_counts_depends_on_the_rule(rule: str, counted: str) -> None:
    found = ScreenState(program="a", verdict="failed", share=0.0, rule=rule, threshold=0.8)
    assert counted in screened_in_words(fold([Screened(screen=found)]), "a")


def test_a_share_of_the_failing_is_trained_all_the_same() -> None:
    """Always the same ones, whatever else is in the run."""
    names = [f"{n:x}" for n in range(1000)]
    state = fold(screened(name, "failed") for name in names)
    chosen = worth_training(state, names, ScreenOptions(screen="pairs", trained_anyway=0.1))
    assert 70 < len(chosen) < 130
    for name in names[:50]:
        alone = worth_training(
            fold([screened(name, "failed")]), [name], ScreenOptions(screen="pairs")
        )
        assert (alone == [name]) == (name in chosen)
    assert worth_training(RunState(), ["a"], ScreenOptions()) == ["a"]
    others = worth_training(state, names, ScreenOptions(screen="pairs", trained_anyway=0.1, seed=1))
    assert 70 < len(others) < 130 and set(others) != set(chosen)


GOOD = "```python\nimport numpy as np\n\n\ndef reward(position, next_position, terminated):\n    return {'progress': next_position - position, 'end': np.where(terminated, 1.0, 0.0)}\n```"
AWAY = "```python\nimport numpy as np\n\n\ndef reward(position, next_position):\n    return {'progress': 0.1 * (next_position - position), 'away': -next_position}\n```"
BETTER = GOOD.replace("1.0, 0.0", "2.0, 0.0")


# which random behaviour, on which programs are checked, never does
ODD = "np.abs(action[:, 0] - 0.123) < 1e-4"
WITH_ACTION = GOOD.replace("terminated)", "terminated, action)")
NAN = WITH_ACTION.replace(
    "np.where(terminated, 1.0, 0.0)", f"np.log(np.where({ODD}, -1, 1)) + terminated"
)
RAISES = WITH_ACTION.replace(
    "    return", f"    if np.any({ODD}):\n        raise ValueError('odd')\n    return"
)
LONG = GOOD.replace("np.where(terminated, 1.0, 0.0)", "1.0 + next_position")
WAVE = GOOD.replace("next_position - position", "np.sin(30.0 * next_position)").replace(
    "1.0, 0.0", "0.1, 0.0"
)


def designed(tmp_path: Path, *texts: str, **settings: Any) -> api.Run:
    replies = [{"round": n, "sample": 0, "text": text} for n, text in enumerate(texts)]
    recorded = RecordedReplies.model_validate({"model": "hand", "replies": replies})
    given: dict[str, Any] = {
        "report_seeds": 0,
        "runs": tmp_path / "runs",
        "training": {"n_envs": 2},
    }
    folder = tmp_path / "line"
    task = str(folder if folder.exists() else write_task(folder))
    return api.design(task, replies=recorded, strategy="card", **given, **settings)


def test_feedback_on_a_failure_on_recorded_episodes_names_the_step(tmp_path: Path) -> None:
    env = record(str(write_task(tmp_path / "line")))
    actions = iter([0.5, 0.5, -0.5, 0.123, *[1.0] * 6])
    play(env, lambda _: np.array([next(actions)]), 1)
    env.save(tmp_path / "odd.npz")
    run = designed(tmp_path, NAN, RAISES, GOOD, bank=[tmp_path / "odd.npz"])
    named = sorted(run.state.programs, key=lambda name: run.state.programs[name])
    assert [run.state.screens[name].verdict for name in named] == ["failed", "failed", "passed"]
    asked = [line.request.messages[-1].content for line in Tape(run.folder.llm_log)]
    step = r"in step 4 of \d of an episode \(odd.npz, solved\), where position = 0\.\d+, .*action = \[0.123\]"
    assert re.search(
        r"it breaks on recorded episodes: its reward is not a number in 1 of \d+ episodes: ",
        asked[1],
    )
    assert re.search(r"term 'end' is nan " + step, asked[1])
    assert re.search(r"it breaks on recorded episodes: ValueError: odd .*" + step, asked[2])
    for text in asked[1:]:
        assert (
            "does not prefer good" not in text
            and "follow the terms" not in text
            and "Correct this" in text
        )


def test_an_unscreened_program_is_audited_when_its_training_brought_contrast(
    tmp_path: Path,
) -> None:
    run = designed(tmp_path, LONG, GOOD, options={"rounds": 2, "contrast": 9})
    first = min(run.state.programs, key=lambda name: run.state.programs[name])
    assert run.state.screens[first].verdict == "unscreened" and run.folder.screen(first) is None
    told = run_result(run)
    assert told.screened == {"passed": 1, "failed": 0, "unscreened": 1}
    assert outcome(run.state, Slot(0, 0), run.state.slots[Slot(0, 0)]).endswith(", unscreened")
    assert (
        screening_counts(run.state)
        == "1 passed, 0 failed, 1 unscreened (too few recorded episodes)"
    )
    assert "1 unscreened" in run.report().read_text(encoding="utf-8")
    asked = list(Tape(run.folder.llm_log))[1].request
    assert (
        "RS503" in asked.messages[-1].content
        and "Before its training" not in asked.messages[-1].content
    )
    strategy = card(rounds=2, contrast=9)
    again = Asking(run.folder, strategy, ReplyLog(run.folder.llm_log), RunBank(run.folder))
    write = Write(Slot(1, 0), strategy.turns(run.state, 1))
    assert again.request(write, run.state).digest == asked.digest, (
        "what became known later changes nothing"
    )


def test_what_was_once_said_stays_as_it_is(tmp_path: Path) -> None:
    """The bank grows and the best program changes; each request still begins with the one before."""
    run = designed(tmp_path, WAVE, GOOD, AWAY, BETTER, GOOD, options={"rounds": 5, "contrast": 9})
    asked = [line.request.messages for line in Tape(run.folder.llm_log)]
    assert [len(messages) for messages in asked] == [1, 3, 5, 7, 9]
    for before, after in pairwise(asked):
        assert after[: len(before)] == before
    last = "".join(message.content for message in asked[-1])
    assert "RS507" in last and "build on" in last


def test_a_run_trains_only_what_orders_known_behaviour(tmp_path: Path) -> None:
    """Three generations: the first and third are trained, the second fails the screening."""
    replies = [
        {"round": n, "sample": 0, "text": text} for n, text in enumerate((GOOD, AWAY, BETTER))
    ]
    recorded = RecordedReplies.model_validate({"model": "hand", "replies": replies})
    task = write_task(tmp_path / "line")
    run = api.design(
        str(task),
        replies=recorded,
        strategy="card",
        report_seeds=0,
        runs=tmp_path / "runs",
        training={"n_envs": 2},
    )
    state = run.state
    assert state.requests == 3
    first, second, third = sorted(state.programs, key=lambda name: state.programs[name])
    assert [state.screens[name].verdict for name in (first, second, third)] == [
        "passed",
        "failed",
        "passed",
    ]
    assert not state.trials_of(second, "selection") and state.trials_of(first, "selection")
    assert state.skipped() == [second] and run.best.id in (first, third)
    found = run.folder.screen(second)
    assert found is not None and found.preference is not None
    assert found.preference.terms[0].name == "away"
    assert any("RS501" in concern for concern in found.concerns)
    talk = [message.content for message in list(Tape(run.folder.llm_log))[-1].request.messages]
    assert "was not trained, because it does not prefer good behaviour to bad" in talk[-1]
    assert "**The solved episode with the lowest reward**" in talk[-1] and "| away |" in talk[-1]
    assert "most informative steps" in talk[-3]
    passed = r"Before its training it was found to prefer good .*It was applied to \d+ recorded .*\n\d+ of the "
    assert re.search(passed, talk[-3]) and "Before its training" not in talk[-1]
    said = r"The best program of this conversation so far, your answer 1 \(fitness [-\d.]+\), is the one to build on"
    assert re.search(said, talk[-1]) and "build on" not in "".join(talk[:-1]), (
        "said where there is another"
    )


def test_as_released_a_failed_program_is_trained_and_gets_both_kinds_of_feedback(
    tmp_path: Path,
) -> None:
    run = designed(
        tmp_path, AWAY, GOOD, options={"rounds": 2, "measure": "mean", "trained_anyway": 1.0}
    )
    first = min(run.state.programs, key=lambda name: run.state.programs[name])
    assert run.state.failed(first) and run.state.trials_of(first, "selection")
    asked = list(Tape(run.folder.llm_log))[1].request.messages[-1].content
    assert "Agents were trained under this program" in asked and "most informative steps" in asked
    assert "Before its training" not in asked
    assert "This program was trained, but it does not prefer good behaviour to bad." in asked
    assert asked.count("RS501") == 1 and "Look at this step by step" in asked


def test_feedback_recognises_a_bonus_at_the_goal(tmp_path: Path) -> None:
    task = write_task(tmp_path / "line") / "task.toml"
    chance = "deterministic = false\nepisodes = 40"
    task.write_text(
        task.read_text(encoding="utf-8").replace("episodes = 3", chance), encoding="utf-8"
    )
    run = designed(tmp_path, GOOD.replace("1.0, 0.0", "50.0, 0.0"), GOOD, options={"rounds": 2})
    asked = list(Tape(run.folder.llm_log))[1].request.messages[-1].content
    assert "`end`, a bonus at the goal, " in asked and "`end` dominates" not in asked


def test_pairs_explains_itself_while_nothing_has_succeeded(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "line")
    fitness = (folder / "fitness.py").read_text(encoding="utf-8")
    (folder / "fitness.py").write_text(
        fitness.replace("episode.terminated", "False"), encoding="utf-8"
    )
    run = designed(tmp_path, AWAY, GOOD, options={"rounds": 2, "screen": "pairs"})
    first = min(run.state.programs, key=lambda name: run.state.programs[name])
    assert run.state.skipped() == [first]
    asked = list(Tape(run.folder.llm_log))[1].request.messages[-1].content
    assert "the two halves of the range of fitness" in asked
    assert "**The episode of the better half with the lowest reward**" in asked
