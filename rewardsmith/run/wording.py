"""Numbers, places and outcomes of a run as text, for tables, reports and messages."""

from __future__ import annotations

import re
from collections.abc import Collection

from rewardsmith.run.judgements import Standing
from rewardsmith.run.outcomes import ExploitState, SlotState, TrialState
from rewardsmith.run.state import RunState
from rewardsmith.types import Difference, Interval, SeedSummary, Slot

_DOUBTS = {"failed": ", although it failed the screening", "unscreened": ", unscreened"}
_COUNTED = {
    "above-best-failure": "the better episodes score above the best of the others",
    "min-max": "the better episodes score above all others",
    "pairs": "pairs of recorded episodes in order",
    "": "recorded episodes in order",
}
_FINDING = re.compile(r"^(RS\d+) \w+(?: \((line \d+)\))?: (.*?)(?: — .*)?$", re.DOTALL)


def number(value: float | None) -> str:
    """A number with three digits, or a dash for None."""
    return "-" if value is None else f"{value:.3g}"


def money(usd: float) -> str:
    """An amount in US dollars."""
    return f"${usd:.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.1g}"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def short_score(score: Interval | None) -> str:
    """Mean and half the width of the interval."""
    if score is None:
        return ""
    if score.low is None or score.high is None:
        return number(score.mean)
    return f"{number(score.mean)} ±{(score.high - score.low) / 2:.2g}"


def short_finding(finding: str) -> str:
    """Code, line and message of a finding, without its hint."""
    found = _FINDING.match(finding)
    if found is None:
        return finding
    code, line, message = found.groups()
    return " ".join(part for part in (code, line and f"{line}:", message) if part)


def place(slot: Slot) -> str:
    """Round, sample and repair in short form: 2.1, or 2.1 r1."""
    return f"{slot.round + 1}.{slot.sample + 1}" + (f" r{slot.attempt}" if slot.attempt else "")


def outcome(state: RunState, slot: Slot, entry: SlotState, busy: Collection[str] = ()) -> str:
    """The outcome of a request, in a few words."""
    if not entry.settled:
        return "being checked"
    program = entry.program
    if not entry.accepted or program is None:
        return f"refused: {short_finding(entry.findings[0])}" if entry.findings else "refused"
    if state.programs[program] != slot:
        return f"the same as {place(state.programs[program])}"
    trials = state.trials_of(program, "selection")
    broken = next((trial.message for trial in trials if trial.status != "finished"), None)
    if broken is not None:
        return f"training failed: {broken}"
    if program in busy:
        return "in training" if state.score(program) is None else "in training for the report"
    if not trials:
        return screened(state, program) or _tested(state, program) or "accepted"
    rates = [trial.success_rate for trial in trials if trial.success_rate is not None]
    solved = f", {100 * sum(rates) / len(rates):.0f} % solved" if rates else ""
    screen = state.screens.get(program)
    doubt = _DOUBTS.get(screen.verdict, "") if screen is not None else ""
    return f"trained on {len(trials)} seed{'s' * (len(trials) > 1)}{solved}{doubt}"


def _tested(state: RunState, program: str) -> str:
    """What is known of a program without a training of the selection; may be empty."""
    twin, short = state.twin(program), state.score(program, "short")
    if twin is not None:
        return f"not trained: its rewards are those of {place(state.programs[twin])}"
    return f"short training: fitness {number(short.mean)}" if short is not None else ""


def only_part(state: RunState, program: str) -> str:
    """The functions that a derived program keeps, in a few words; empty for other programs."""
    kept = next((kept for (_, kept), made in state.derived.items() if made == program), None)
    return f"only its {' and '.join(kept)}" if kept is not None else ""


def screened(state: RunState, program: str) -> str:
    """Why screening or audit refused a program, in a few words; empty if they did not."""
    audit = state.audits.get(program)
    if audit is not None and audit.refused:
        return "not trained: a subgoal cannot be trusted"
    screen = state.screens.get(program)
    if screen is None or screen.verdict != "failed":
        return ""
    if screen.share is None:
        return "not trained: it failed on the recorded episodes"
    share, needed = 100 * screen.share, 100 * screen.threshold
    return f"not trained: {share:.0f} % of {_COUNTED[screen.rule]}, {needed:.0f} % needed"


def screening_counts(state: RunState) -> str:
    """Numbers of programs that passed and failed the screening; empty if none was screened."""
    if not state.screens:
        return ""
    verdicts = state.screen_verdicts()
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    return f"{counts} (too few recorded episodes)" if verdicts["unscreened"] else counts


def spent(state: RunState) -> str:
    """Requests, tokens, cost, environment steps and time of all sessions."""
    requests = "1 request" if state.requests == 1 else f"{state.requests} requests"
    if state.tokens:
        requests += f", {state.tokens:,} tokens, {cost(state)}"
    return f"{requests}, {state.steps:,} environment steps, {duration(state.active_s)}"


def cost(state: RunState) -> str:
    """The cost in US dollars, as far as prices are known."""
    if not state.unpriced:
        return money(state.usd)
    return "price unknown" if state.unpriced == state.requests else f"at least {money(state.usd)}"


def policy_line(trial: TrialState, *, has_fitness: bool = True) -> str:
    """The exported policy in words: the fitness of one training seed, not that of the reward.

    Args:
        has_fitness: whether the task has a fitness.
    """
    if not has_fitness:
        return f"{trial.rung} seed {trial.seed}"
    solved = "" if trial.success_rate is None else f", {100 * trial.success_rate:.0f} % solved"
    return f"{trial.rung} seed {trial.seed}, fitness {number(trial.fitness)}{solved}"


def exploit_line(found: ExploitState | None) -> str:
    """The outcome of an exploit search in words; empty without a search."""
    if found is None:
        return ""
    if found.verdict == "unknown":
        return found.finding or f"not auditable yet: only {found.successes} successes are known"
    if found.finding:
        return found.finding
    how = "" if found.trained else ", without exploiters"
    compared = f"{found.failures:,} failures and {found.successes:,} successes{how}"
    return f"none found among {compared}; margin {number(found.margin)} of the usual return"


def standing_line(standing: Standing | None) -> str:
    """Where a program stands in the comparisons of agents, in words."""
    if standing is None:
        return "no judge has compared its agents with those of other programs"
    above, below, others = standing
    programs = f"other program{'s' * (others != 1)}"
    words = f"judges prefer its agents to those of {below} of {others} {programs}"
    words += f", and those of {above} to its own" if above else ""
    same = others - above - below
    return words + (f"; those of {same} are as good" if same else "")


def transfer_line(algorithm: str | None, scores: tuple[Interval, Interval] | None) -> str:
    """The result of training with another algorithm; empty without it."""
    if algorithm is None or scores is None:
        return ""
    own, native = scores
    return f"{algorithm.upper()} over {own.n} seeds: {own}; with the native reward {native}"


def looks_line(state: RunState) -> str:
    """The final comparisons in order; empty if there was only one."""
    if len(state.looks) < 2:
        return ""
    scores = [(look, state.score(look, "report")) for look in state.looks]
    parts = [f"{n}: {look} {score}" for n, (look, score) in enumerate(scores, 1)]
    return f"{len(parts)} final comparisons, each on fresh seeds; {'; '.join(parts)}"


def proof(difference: Difference | None, other: str = "", *, both_solve: bool = False) -> str:
    """A difference of fitness, and whether it is significant.

    Args:
        difference: None where one side has no final score.
        other: the other side of the comparison, for example ``the native reward``.
        both_solve: both sides solve the task on average, so that no more seeds are worth their
            time.
    """
    if difference is None:
        return "not measured: a run has no report"
    if difference.low is None or difference.high is None:
        return "one seed is not enough for a comparison: use at least 6 (--report-seeds, --seeds)"
    how = "paired by seed" if difference.paired else "on different seeds"
    measured = f"{difference}, {how}, p = {difference.p:.2g}"
    if difference.decided:
        word = "better" if difference.mean > 0 else "worse"
        return f"{word}{other and f' than {other}'} by {measured}"
    to = other and f" to {other}"
    if both_solve:
        return f"both solve the task; the difference{to}, {measured}, is not significant"
    return f"the difference{to}, {measured}, is not significant; {_what_decides(difference)}"


def _what_decides(difference: Difference) -> str:
    if not difference.paired:
        return "more seeds may decide it"
    if difference.further_seeds is None:
        return "more seeds would probably not decide it"
    return f"about {difference.further_seeds} more seeds would decide it"


def seeds_line(seeds: SeedSummary) -> str:
    """The training seeds one by one, in words."""
    rest = f"median {number(seeds.median)}, worst {number(seeds.worst)}"
    if seeds.solved is None or seeds.solved_low is None or seeds.solved_high is None:
        return rest
    bounds = f"{100 * seeds.solved_low:.0f} to {100 * seeds.solved_high:.0f} %"
    return f"{seeds.solved} of {seeds.n} solve the task (95 % interval: {bounds}); {rest}"
