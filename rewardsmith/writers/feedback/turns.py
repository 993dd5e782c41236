"""Past turns -> what the writer is told about them, read from the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rewardsmith.episodes.columns import split_output
from rewardsmith.evidence.suspicions import Suspicions
from rewardsmith.llm.log import ReplyLog
from rewardsmith.program import NATIVE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import Kind, Turn, Write
from rewardsmith.run.records import AuditRecord, ScreenRecord
from rewardsmith.run.state import RunState, TrialState
from rewardsmith.writers.conversation import PastTurn
from rewardsmith.writers.feedback.best import NO_BEST, best_so_far
from rewardsmith.writers.feedback.goal import goal_bonuses
from rewardsmith.writers.feedback.prior import prior_feedback
from rewardsmith.writers.feedback.process import hollow_gain, process_rows, stuck_words
from rewardsmith.writers.feedback.ranges import NOWHERE, range_rows
from rewardsmith.writers.feedback.subgoals import played_rows
from rewardsmith.writers.feedback.trajectory import Played, trajectory_rows

_NO_CODE = "(no program)"
_ASKED: dict[str, Any] = {
    "preference": "reconsider",
    "subgoals": "reconsider",
    "findings": "repair",
    "failed_round": "failed_round",
}


def past_turns(
    run: RunFolder, state: RunState, log: ReplyLog, order: Write, suspicions: Suspicions
) -> list[PastTurn]:
    """The turns that an order shows, with their feedback.

    Each is told as it was when it was the newest one, by what was known and shown then: a
    conversation goes on, and is not rewritten, so that its writer is not confused and providers'
    prompt caches hit.
    """
    shown = [turn.program for turn in order.turns]
    return [
        _past_turn(run, state, log, turn, shown[:number], suspicions)
        for number, turn in enumerate(order.turns, 1)
    ]


def _past_turn(
    run: RunFolder,
    state: RunState,
    log: ReplyLog,
    turn: Turn,
    shown: Sequence[str | None],
    suspicions: Suspicions,
) -> PastTurn:
    telling: dict[Kind, Callable[[], dict[str, Any]]] = {
        "process": lambda: _process(run, state, _program(turn), shown),
        "trajectory": lambda: _trajectory(run, state, _program(turn)),
        "subgoals": lambda: _subgoals(run, state, _program(turn)),
        "audit": lambda: _audit(run, state, turn, suspicions),
        "ablation": lambda: {"rows": ablation_rows(state, _program(turn))},
        "prior": lambda: prior_feedback(run, state, _program(turn)),
        "preference": lambda: _preference(run, state, turn, shown),
        "person": lambda: {"said": state.comments.get(_program(turn), [])},
        "findings": lambda: {"findings": state.slots[turn.slot].findings},
        "failed_round": lambda: _failed_round(state, turn),
    }
    parts = tuple((kind, telling[kind]()) for kind in turn.feedback)
    asked: Any = "repair" if parts[0][1].get("problem") else _ASKED.get(turn.feedback[0], "reflect")
    return PastTurn(_answer(run, state, log, turn), asked, parts)


def _program(turn: Turn) -> str:
    assert turn.program is not None, f"{turn.feedback} is told of a program"
    return turn.program


def _failed_round(state: RunState, turn: Turn) -> dict[str, Any]:
    slots = state.round_slots(turn.slot.round)
    return {
        "findings": list(
            dict.fromkeys(finding for slot in slots if slot.holds_code for finding in slot.findings)
        )
    }


def _answer(run: RunFolder, state: RunState, log: ReplyLog, turn: Turn) -> str:
    """What the writer said: its program as code, or the reply that held none."""
    if turn.program is not None:
        return f"```python\n{run.program(turn.program).source.strip()}\n```"
    slot = state.slots[turn.slot]
    reply = log.get(slot.request, slot.occurrence)
    return reply.text.strip()[:4000] or _NO_CODE if reply is not None else _NO_CODE


def _process(
    run: RunFolder, state: RunState, program: str, shown: Sequence[str | None]
) -> dict[str, Any]:
    trials = state.trials_of(program, "selection")
    failed = next((trial.message for trial in trials if trial.status == "program_failed"), None)
    score = state.score(program)
    rates = [trial.success_rate for trial in trials if trial.success_rate is not None]
    curves = [run.trial(trial).curve() for trial in trials]
    fitness, success = (
        score.mean if score is not None else None,
        sum(rates) / len(rates) if rates else None,
    )
    best = _best_trial(state, program)
    told = process_rows(
        curves, goal_bonuses(_played(run, best)) if best is not None else (), bool(success)
    )
    told["words"] += stuck_words(told["rows"], success)
    return {
        "failed": failed,
        "seeds": len(trials),
        "screen": _passed(run, state, program),
        "fitness": fitness,
        "success": success,
        **(best_so_far(state, program, shown) if score is not None else NO_BEST),
        **told,
        **_ranges(run, state, program),
    }


def _passed(run: RunFolder, state: RunState, program: str) -> dict[str, Any] | None:
    """What known behaviour said for a program before its training; None where nothing was asked of it."""
    screen = state.screens.get(program)
    passed = screen is not None and screen.verdict == "passed" and screen.threshold > 0
    record = run.screen(program) if passed else None
    return record.values() if record is not None else None


def _preference(
    run: RunFolder, state: RunState, turn: Turn, shown: Sequence[str | None]
) -> dict[str, Any]:
    """Why the bank spoke against it.

    That it can hardly tell good from bad (RS502) is what all of it says; where going on pays
    (RS503), so does being near (RS507). Of what was trained all the same, its process tells which
    is the best, and its audit what is suspected.
    """
    program = _program(turn)
    record = run.screen(program) or ScreenRecord()
    told = {**record.values(), "screen": record.values()}
    if state.trials_of(program, "selection"):
        concerns = [] if "audit" in turn.feedback else record.concerns
        return {**told, "concerns": concerns, **NO_BEST, "trained": True}
    codes = {concern.split()[0] for concern in record.concerns}
    said_already = {"RS502", "RS507"} if "RS503" in codes else {"RS502"}
    concerns = [concern for concern in record.concerns if concern.split()[0] not in said_already]
    return {**told, "concerns": concerns, **best_so_far(state, program, shown), "trained": False}


def _trajectory(run: RunFolder, state: RunState, program: str) -> dict[str, Any]:
    """The best and the worst evaluation episode of its best trial."""
    best = _best_trial(state, program)
    played = _played(run, best) if best is not None else []
    assert state.preflight is not None
    return trajectory_rows(
        played, run.program(program).verdict.fields_read, state.preflight.arguments
    )


def _played(run: RunFolder, trial: TrialState) -> list[Played]:
    """The evaluation episodes of a trial with what its program pays for them."""
    folder = run.trial(trial)
    result, rewards = folder.result(), folder.rewards()
    if result is None or rewards is None:
        return []
    episodes = folder.episodes()
    outputs = split_output(rewards, map(len, episodes))
    successes: Sequence[bool | None] = result.successes or [None] * len(episodes)
    return [
        Played(*parts) for parts in zip(episodes, result.fitness, successes, outputs, strict=True)
    ]


def _subgoals(run: RunFolder, state: RunState, program: str) -> dict[str, Any]:
    """What the audit said, and when the subgoals came true in the evaluation episodes of the trainings."""
    record = run.audit(program) or AuditRecord()
    trials = [
        trial for trial in state.trials_of(program, "selection") if trial.status == "finished"
    ]
    results = [result for trial in trials if (result := run.trial(trial).result()) is not None]
    played = played_rows([(one.reached, one.successes) for one in results])
    return {
        **record.model_dump(),
        "played": played,
        "form": run.task().spec.training.shaping.subgoals,
    }


def _audit(run: RunFolder, state: RunState, turn: Turn, suspicions: Suspicions) -> dict[str, Any]:
    """What is suspected by what was known after its round, and whether its trainings were hollow."""
    program = _program(turn)
    trials = state.trials_of(program, "selection")
    hollow = hollow_gain([run.trial(trial).curve() for trial in trials])
    return {"concerns": [*suspicions.of(program, state, turn.slot.round), *map(str, hollow)]}


def ablation_rows(state: RunState, program: str) -> list[dict[str, Any]]:
    """What a program and its functions alone came to, and the native reward, best first: ``parts`` and ``fitness``."""
    found = {
        "the environment's own reward": NATIVE,
        " + ".join(state.functions.get(program, ())): program,
    }
    found |= {
        " + ".join(kept): made
        for (whole, kept), made in state.derived.items()
        if whole == program and made
    }
    scored = [
        (name, score.mean) for name, one in found.items() if (score := state.score(one)) is not None
    ]
    return [
        {"parts": name, "fitness": fitness}
        for name, fitness in sorted(scored, key=lambda row: -row[1])
    ]


def _best_trial(state: RunState, program: str) -> TrialState | None:
    scored = [
        (trial.fitness, -trial.seed, trial)
        for trial in state.trials_of(program, "selection")
        if trial.fitness is not None
    ]
    return max(scored)[2] if scored else None


def _ranges(run: RunFolder, state: RunState, program: str) -> Mapping[str, Any]:
    """Of the evaluation episodes of the best trial, where that did better than random behaviour."""
    assert state.preflight is not None
    best, random = _best_trial(state, program), state.preflight.mean_random_fitness
    if best is None or (best.fitness or 0.0) <= random:
        return NOWHERE
    episodes = run.trial(best).episodes()
    return range_rows(episodes, state.preflight.arguments) if episodes else NOWHERE
