"""Past turns with their feedback, from the results in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rewardsmith.episodes.columns import split_output
from rewardsmith.evidence.diagnosis import diagnose_program
from rewardsmith.evidence.suspicions import Suspicions
from rewardsmith.llm.log import ReplyLog
from rewardsmith.program import NATIVE
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import Kind, Turn, Write
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.records import AuditRecord, PreferenceSummary, ScreenRecord
from rewardsmith.run.state import RunState
from rewardsmith.writers.conversation import PastTurn, Template
from rewardsmith.writers.feedback.best import best_so_far
from rewardsmith.writers.feedback.choice import choice_feedback
from rewardsmith.writers.feedback.goal import goal_bonuses
from rewardsmith.writers.feedback.judged import judged_feedback
from rewardsmith.writers.feedback.prior import prior_feedback_of
from rewardsmith.writers.feedback.process import curve_summary, hollow_gain, stuck_words
from rewardsmith.writers.feedback.ranges import range_summary
from rewardsmith.writers.feedback.records import (
    AblationFeedback,
    AblationRow,
    AuditFeedback,
    BestProgram,
    ExploitFeedback,
    Feedback,
    FindingFeedback,
    PreferenceFeedback,
    ProcessFeedback,
    RangeSummary,
    SubgoalFeedback,
    TrajectoryFeedback,
    UserFeedback,
)
from rewardsmith.writers.feedback.subgoals import SubgoalSteps, reach_summaries
from rewardsmith.writers.feedback.trajectory import ScoredEpisode, trajectory_feedback

_NO_CODE = "(no program)"
_TEMPLATES: dict[Kind, Template] = {
    "preference": "reconsider",
    "subgoals": "reconsider",
    "findings": "repair",
    "failed_round": "failed_round",
}


def past_turns(
    run: RunFolder, state: RunState, log: ReplyLog, order: Write, suspicions: Suspicions
) -> list[PastTurn]:
    """The turns that an order shows, with their feedback.

    The feedback on a turn does not change later: it contains what was known when the turn was the
    newest one. So the conversation stays consistent, and providers can cache it.
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
    makers: Mapping[Kind, Callable[[], Feedback]] = {
        "process": lambda: _process(run, state, _program(turn), shown),
        "trajectory": lambda: _trajectory(run, state, _program(turn)),
        "subgoals": lambda: _subgoals(run, state, _program(turn)),
        "audit": lambda: _audit(run, state, turn, suspicions),
        "exploit": lambda: _exploit(run, state, _program(turn)),
        "ablation": lambda: _ablation(state, _program(turn)),
        "prior": lambda: prior_feedback_of(run, state, _program(turn)),
        "preference": lambda: _preference(run, state, turn, shown),
        "judged": lambda: judged_feedback(run, state, _program(turn), turn.slot.round),
        "choice": lambda: choice_feedback(run, state, _program(turn)),
        "user": lambda: UserFeedback(list(state.comments.get(_program(turn), []))),
        "findings": lambda: FindingFeedback(state.slots[turn.slot].findings),
        "failed_round": lambda: _failed_round(state, turn),
    }
    parts = tuple((kind, makers[kind]()) for kind in turn.feedback)
    first = parts[0][1]
    template = _TEMPLATES.get(turn.feedback[0], "reflect")
    if isinstance(first, PreferenceFeedback) and first.problem:
        template = "repair"
    return PastTurn(_answer(run, state, log, turn), template, parts)


def _program(turn: Turn) -> str:
    assert turn.program is not None, f"feedback {turn.feedback} is about a program"
    return turn.program


def _failed_round(state: RunState, turn: Turn) -> FindingFeedback:
    slots = [slot for slot in state.round_slots(turn.slot.round) if slot.holds_code]
    findings = dict.fromkeys(finding for slot in slots for finding in slot.findings)
    return FindingFeedback(list(findings))


def _answer(run: RunFolder, state: RunState, log: ReplyLog, turn: Turn) -> str:
    """The writer's answer: its program as code, or a reply without code."""
    if turn.program is not None:
        return f"```python\n{run.program(turn.program).source.strip()}\n```"
    slot = state.slots[turn.slot]
    reply = log.get(slot.request, slot.occurrence)
    return reply.text.strip()[:4000] or _NO_CODE if reply is not None else _NO_CODE


def _process(
    run: RunFolder, state: RunState, program: str, shown: Sequence[str | None]
) -> ProcessFeedback:
    trials = state.trials_of(program, "selection")
    score, best = state.score(program), _best_trial(state, program)
    rates = [trial.success_rate for trial in trials if trial.success_rate is not None]
    success = sum(rates) / len(rates) if rates else None
    bonuses = goal_bonuses(_episodes(run, best)) if best is not None else ()
    curves = curve_summary([run.trial(one).curve() for one in trials], bonuses, bool(success))
    ranges = _ranges(run, state, program)
    diagnosis = diagnose_program(run, state, program)
    best_program = best_so_far(state, program, shown) if score is not None else BestProgram()
    by_seed = [trial.fitness for trial in trials if trial.fitness is not None]
    return ProcessFeedback(
        failed=next((one.message for one in trials if one.status == "program_failed"), None),
        seeds=len(trials),
        screen=_passed_screen(run, state, program),
        fitness=score.mean if score is not None else None,
        by_seed=by_seed,
        success=success,
        siblings=_siblings(state, program),
        exploited_siblings=sum(map(state.exploited, _trained_siblings(state, program))),
        refused=_refused(state, program),
        **vars(best_program),
        columns=curves.columns,
        rows=curves.rows,
        words=[*curves.words, *stuck_words(curves.rows, success)],
        diagnosis=diagnosis.text if diagnosis is not None else "",
        **vars(ranges),
    )


def _siblings(state: RunState, program: str) -> list[float]:
    """Fitness of the other trained programs of a program's round, best first."""
    scores = [state.score(name) for name in _trained_siblings(state, program)]
    return sorted((score.mean for score in scores if score is not None), reverse=True)


def _trained_siblings(state: RunState, program: str) -> list[str]:
    number = state.programs[program].round
    others = [name for name, slot in state.programs.items() if slot.round == number]
    return [name for name in others if name != program and state.score(name) is not None]


def _refused(state: RunState, program: str) -> int:
    """Number of samples of a program's round that came to no valid program."""
    slots = state.round_slots(state.programs[program].round)
    valid = {slot.slot.sample for slot in slots if slot.accepted}
    return len({slot.slot.sample for slot in slots} - valid)


def _passed_screen(run: RunFolder, state: RunState, program: str) -> PreferenceSummary | None:
    """The screening that a program passed; None where there was none, or no threshold."""
    screen = state.screens.get(program)
    if screen is None or screen.verdict != "passed" or screen.threshold <= 0:
        return None
    record = run.screen(program)
    return record.preference if record is not None else None


def _preference(
    run: RunFolder, state: RunState, turn: Turn, shown: Sequence[str | None]
) -> PreferenceFeedback:
    """Why a program failed its screening.

    Some findings repeat others and are left out: RS502 (hardly separates good from bad) repeats the
    feedback itself, and RS507 (near misses) follows from RS503 (continuing is better). For a
    trained program, the process feedback names the best program, and the audit has the findings.
    """
    program = _program(turn)
    record = run.screen(program) or ScreenRecord()
    if state.trials_of(program, "selection"):
        concerns = [] if "audit" in turn.feedback else record.concerns
        return PreferenceFeedback(record.problem, concerns, True, record.preference)
    codes = {concern.split()[0] for concern in record.concerns}
    repeated = {"RS502", "RS507"} if "RS503" in codes else {"RS502"}
    concerns = [concern for concern in record.concerns if concern.split()[0] not in repeated]
    best = best_so_far(state, program, shown)
    return PreferenceFeedback(record.problem, concerns, False, record.preference, **vars(best))


def _trajectory(run: RunFolder, state: RunState, program: str) -> TrajectoryFeedback:
    """The best and the worst evaluation episode of all the program's training seeds."""
    trials = [one for one in state.trials_of(program, "selection") if one.status == "finished"]
    episodes = [episode for trial in trials for episode in _episodes(run, trial)]
    assert state.preflight is not None
    fields = run.program(program).verdict.fields_read
    return trajectory_feedback(episodes, fields, state.preflight.arguments)


def _episodes(run: RunFolder, trial: TrialState) -> list[ScoredEpisode]:
    """The evaluation episodes of a trial with the output of its program."""
    folder = run.trial(trial)
    result, rewards = folder.result(), folder.rewards()
    if result is None or rewards is None:
        return []
    episodes = folder.episodes()
    outputs = split_output(rewards, map(len, episodes))
    successes: Sequence[bool | None] = result.successes or [None] * len(episodes)
    parts = zip(episodes, result.fitness, successes, outputs, strict=True)
    return [ScoredEpisode(*one) for one in parts]


def _subgoals(run: RunFolder, state: RunState, program: str) -> SubgoalFeedback:
    """The audit, and when trained agents reached the subgoals in their evaluation episodes."""
    record = run.audit(program) or AuditRecord()
    finished = [one for one in state.trials_of(program, "selection") if one.status == "finished"]
    results = [result for trial in finished if (result := run.trial(trial).result()) is not None]
    return SubgoalFeedback(
        rows=record.rows,
        concerns=record.concerns,
        refused=record.refused,
        played=reach_summaries([SubgoalSteps(one.reached, one.successes) for one in results]),
        form=run.task().spec.training.shaping.subgoals,
    )


def _audit(run: RunFolder, state: RunState, turn: Turn, suspicions: Suspicions) -> AuditFeedback:
    """Findings from the episodes known after the program's round, and from its curves."""
    program = _program(turn)
    trials = state.trials_of(program, "selection")
    hollow = hollow_gain([run.trial(trial).curve() for trial in trials])
    return AuditFeedback([*suspicions.of(program, state, turn.slot.round), *map(str, hollow)])


def _exploit(run: RunFolder, state: RunState, program: str) -> ExploitFeedback:
    """The failure that a program prefers to success."""
    record = run.exploit(program)
    episode = record.episode if record is not None else None
    return ExploitFeedback(state.exploits[program].finding, episode)


def _ablation(state: RunState, program: str) -> AblationFeedback:
    """The fitness of a program, of its functions alone, and of the native reward, best first."""
    names = {
        "the environment's own reward": NATIVE,
        " + ".join(state.functions.get(program, ())): program,
    }
    for (whole, kept), derived in state.derived.items():
        if whole == program and derived:
            names[" + ".join(kept)] = derived
    scores = {name: state.score(one) for name, one in names.items()}
    rows = [AblationRow(name, score.mean) for name, score in scores.items() if score is not None]
    return AblationFeedback(sorted(rows, key=lambda row: -row.fitness))


def _best_trial(state: RunState, program: str) -> TrialState | None:
    scored = [
        (trial.fitness, -trial.seed, trial)
        for trial in state.trials_of(program, "selection")
        if trial.fitness is not None
    ]
    return max(scored)[2] if scored else None


def _ranges(run: RunFolder, state: RunState, program: str) -> RangeSummary:
    """The ranges in the evaluation episodes of the best trial, if it is better than random."""
    assert state.preflight is not None
    best, random = _best_trial(state, program), state.preflight.mean_random_fitness
    if best is None or (best.fitness or 0.0) <= random:
        return RangeSummary()
    return range_summary(run.trial(best).episodes(), state.preflight.arguments)
