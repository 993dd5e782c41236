"""Past turns -> what the writer is told about them, read from the run's folder."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

from rewardsmith.coder.compose import PastTurn
from rewardsmith.episodes import EPISODES, load_episodes
from rewardsmith.feedback.process import process_rows
from rewardsmith.feedback.ranges import range_rows
from rewardsmith.llm.log import ReplyLog
from rewardsmith.orders import Turn, Write
from rewardsmith.state import RunState, TrialState
from rewardsmith.store import RunFolder

_NO_CODE = "(no program)"


def past_turns(run: RunFolder, state: RunState, log: ReplyLog, order: Write) -> list[PastTurn]:
    """The turns that an order shows, with their feedback."""
    return [_past_turn(run, state, log, turn, order.parents) for turn in order.turns]


def _past_turn(run: RunFolder, state: RunState, log: ReplyLog, turn: Turn, shown: Sequence[str]) -> PastTurn:
    answer = _answer(run, state, log, turn)
    if turn.feedback == "process":
        assert turn.program is not None
        return PastTurn(answer, "reflect", _process(run, state, turn.program, shown))
    if turn.feedback == "findings":
        return PastTurn(answer, "repair", {"findings": state.slots[turn.slot].findings})
    slots = state.round_slots(turn.slot.round)
    findings = list(dict.fromkeys(finding for slot in slots if slot.holds_code for finding in slot.findings))
    return PastTurn(answer, "failed_round", {"findings": findings})


def _answer(run: RunFolder, state: RunState, log: ReplyLog, turn: Turn) -> str:
    """What the writer said: its program as code, or the reply that held none."""
    if turn.program is not None:
        return f"```python\n{run.program_source(turn.program).strip()}\n```"
    slot = state.slots[turn.slot]
    reply = log.get(slot.request, slot.occurrence)
    return reply.text.strip()[:4000] or _NO_CODE if reply is not None else _NO_CODE


def _process(run: RunFolder, state: RunState, program: str, shown: Sequence[str]) -> dict[str, Any]:
    trials = state.trials_of(program, "selection")
    failed = next((trial.message for trial in trials if trial.status == "program_failed"), None)
    score = state.score(program)
    rates = [trial.success_rate for trial in trials if trial.success_rate is not None]
    others = [other.mean for name in shown if name != program and (other := state.score(name)) is not None]
    best = max(others, default=None)
    curves = [read_curve(run, program, trial.rung, trial.seed) for trial in trials]
    return {
        "failed": failed,
        "seeds": len(trials),
        "fitness": score.mean if score is not None else None,
        "success": sum(rates) / len(rates) if rates else None,
        "best_elsewhere": best if best is not None and score is not None and best > score.mean else None,
        **process_rows(curves),
        "ranges": _ranges(run, state, trials),
    }


def _ranges(run: RunFolder, state: RunState, trials: Sequence[TrialState]) -> list[dict[str, Any]]:
    """Of the evaluation episodes of the best trial, where that did better than random behaviour."""
    assert state.preflight is not None
    scored = [(trial.fitness, -trial.seed, trial) for trial in trials if trial.fitness is not None]
    random = state.preflight["random_fitness"]
    if not scored or max(scored)[0] <= sum(random) / len(random):
        return []
    best = max(scored)[2]
    path = run.trial_folder(best.program, best.rung, best.seed) / EPISODES
    return range_rows(load_episodes(path), state.preflight["arguments"]) if path.exists() else []


def read_curve(run: RunFolder, program: str, rung: str, seed: int) -> list[dict[str, float | None]]:
    """The curve of a trial; empty cells are None. An unfinished last line of a running trial is left out."""
    path = run.trial_folder(program, rung, seed) / "curve.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return [{key: float(value) if value else None for key, value in row.items()} for row in rows]
    except (ValueError, TypeError):
        return [{key: float(value) if value else None for key, value in row.items()} for row in rows[:-1]]
