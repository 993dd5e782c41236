"""The values of the report of a run, read from its folder; missing parts are left out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rewardsmith.api.report.behaviour import behaviour_charts
from rewardsmith.api.report.charts import Dot, Line, dots, lines
from rewardsmith.api.report.programs import WrittenProgram, written_programs
from rewardsmith.api.report.subgoals import SubgoalFacts, subgoal_facts
from rewardsmith.evidence.appraisal import appraise_in_run, summary_rows
from rewardsmith.evidence.diagnosis import diagnose_run, native_farmed
from rewardsmith.evidence.overoptimisation import overoptimised
from rewardsmith.maths.agreement import Credit
from rewardsmith.program import NATIVE
from rewardsmith.run.best import (
    Best,
    best_program,
    filmed_trials,
    native_solves_too,
    shipped_trial,
)
from rewardsmith.run.config import Manifest, RunConfig
from rewardsmith.run.curves import CurveRow
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.scores import native_difference, native_score, seeds_of, transfer_scores
from rewardsmith.run.state import RunState
from rewardsmith.run.wording import (
    cost,
    duration,
    exploit_line,
    looks_line,
    number,
    only_part,
    place,
    policy_line,
    proof,
    screening_counts,
    seeds_line,
    spent,
    transfer_line,
)
from rewardsmith.task.loading import Task
from rewardsmith.types import Difference

_MOST_TERMS = 8


@dataclass(frozen=True)
class Facts:
    """The values of the template, by name.

    Attributes:
        best_place: round and sample of the best program, and what it was made of.
        solved: whether its fitness reaches ``threshold``; None without a threshold.
        proof: whether it is better than the native reward, in words.
        seeds: its training seeds one by one, in words.
        policy: the exported policy, in words.
        diagnosis: which lever is missing, in words; empty if every seed solves the task.
        overoptimised: in how many trainings the fitness fell while the return rose; empty for few.
        farmed: whether the native reward is farmed, in words.
        transfer: the result with another learning algorithm, in words.
        exploits: (program, outcome of its exploit search, in words).
        looks: the final comparisons in words, if there were several.
        spent, costs: what the run took, in one line and as (name, value).
        scores, curves: name of a chart -> the chart.
        films: (whose agent, the film as base64).
        moments: (title, chart) of each number of a field and of the action.
        quality: (name, value), how the best program orders recorded episodes.
    """

    run: str
    task: Task
    config: RunConfig
    manifest: Manifest
    state: RunState
    best: Best | None
    best_place: str
    solved: bool | None
    threshold: float | None
    proof: str
    seeds: str
    policy: str
    diagnosis: str
    overoptimised: str
    farmed: str
    transfer: str
    exploits: list[tuple[str, str]]
    looks: str
    warnings: Sequence[str]
    spent: str
    costs: list[tuple[str, str]]
    scores: dict[str, Markup]
    curves: dict[str, Markup]
    films: list[tuple[str, str]]
    moments: list[tuple[str, Markup]]
    subgoals: SubgoalFacts | None
    quality: list[tuple[str, str]]
    programs: Sequence[WrittenProgram]


def facts(run: RunFolder, *, appraised: bool = True) -> Facts:
    """Read the values of the template.

    Args:
        appraised: evaluate how the best program orders recorded episodes, which takes seconds.
    """
    state, task = fold(run.events()), run.task()
    best = best_program(run, state) if state.best is not None else None
    manifest, solved = run.manifest(), task.spec.fitness.solved
    reported = best is not None and best.rung == "report"
    gain = native_difference(state, best.id) if best is not None and reported else None
    seeds = seeds_of(state, best.id, best.rung, solved) if best is not None else None
    return Facts(
        run=run.name,
        task=task,
        config=run.config(),
        manifest=manifest,
        state=state,
        best=best,
        best_place=_place(state, best.id) if best is not None else "",
        solved=None if best is None or solved is None else best.score.mean >= solved,
        threshold=solved,
        proof=_proof(state, best, gain) if best is not None and gain is not None else "",
        seeds=seeds_line(seeds) if seeds is not None else "",
        policy=policy_line(shipped_trial(state, best.id)) if best is not None else "",
        diagnosis=_diagnosis(run, state, best.id) if best is not None else "",
        farmed=native_farmed(run, state),
        overoptimised=overoptimised(run, state, best.id) if best is not None else "",
        transfer=_transfer(run, state, best.id) if best is not None else "",
        exploits=[(name, exploit_line(found)) for name, found in state.exploits.items()],
        looks=looks_line(state),
        warnings=state.preflight.warnings if state.preflight is not None else (),
        spent=spent(state),
        costs=_costs(state),
        scores=_scores(state, solved),
        curves=_curves(run, state, best.id) if best is not None else {},
        films=_films(run, state, best.id) if best is not None else [],
        moments=behaviour_charts(run, state, best.id) if best is not None else [],
        subgoals=subgoal_facts(run, state, best.id) if best is not None else None,
        quality=_quality(run, state, best.id) if best is not None and appraised else [],
        programs=list(written_programs(run, state)),
    )


def _diagnosis(run: RunFolder, state: RunState, program: str) -> str:
    found = diagnose_run(run, state, program)
    return found.text if found is not None else ""


def _proof(state: RunState, best: Best, gain: Difference) -> str:
    return proof(gain, "the native reward", both_solve=native_solves_too(state, best))


def _transfer(run: RunFolder, state: RunState, program: str) -> str:
    return transfer_line(run.config().also, transfer_scores(state, program))


def _costs(state: RunState) -> list[tuple[str, str]]:
    trials = list(state.trials.values())
    refused = sum(entry.settled and not entry.accepted for entry in state.slots.values())
    return [
        ("requests", f"{state.requests:,}"),
        ("tokens", f"{state.tokens:,}" if state.tokens else "none"),
        ("cost", cost(state) if state.tokens else "nothing"),
        ("environment steps", f"{state.steps:,}"),
        ("time", duration(state.active_s)),
        ("trainings", f"{len(trials):,}"),
        ("programs refused before any training", f"{refused:,}"),
        *_screened(state),
    ]


def _quality(run: RunFolder, state: RunState, program: str) -> list[tuple[str, str]]:
    """How the best program and its terms order recorded episodes."""
    found = appraise_in_run(run, state, program)
    if found is None:
        return []
    terms = found.quality.terms if len(found.quality.terms) > 1 else {}
    per_term = [(f"term {name}", _credit(credit)) for name, credit in terms.items()]
    concerns = [("suspected", str(concern)) for concern in found.concerns]
    return [*summary_rows(found), *per_term, *concerns]


def _credit(credit: Credit) -> str:
    """The part of a term in the order of episodes, in words."""
    share = f"{credit.share:.0%} of the differences between episodes"
    agreement = f"agrees with fitness {number(credit.agrees)}, adds {number(credit.adds)}"
    return f"{share}, {agreement}"


def _place(state: RunState, program: str) -> str:
    """Where a program came from, and which part of it one was made of."""
    return ", ".join(filter(None, [place(state.programs[program]), only_part(state, program)]))


def _screened(state: RunState) -> list[tuple[str, str]]:
    """The programs that screening kept from training, and how often it was wrong."""
    skipped, ranked = state.skipped(), state.ranked()
    refused = sum(audit.refused for audit in state.audits.values())
    rows = []
    if state.audits:
        rows.append(
            ("programs not trained, because of a subgoal", f"{refused} of {len(state.audits)}")
        )
    if state.screens:
        spared = f"{len(skipped) - refused} of {len(state.screens)}"
        rows.append(("programs not trained, because they prefer bad behaviour", spared))
        rows.append(("programs screened on recorded episodes", screening_counts(state)))
    trained = [
        name
        for name, screen in state.screens.items()
        if screen.verdict == "failed" and name not in skipped
    ]
    if trained:
        good = sum(name in ranked[: max(1, len(ranked) // 2)] for name in trained)
        rows.append(
            (
                "programs that failed the screening, were trained, and are in the better half",
                f"{good} of {len(trained)}",
            )
        )
    return rows


def _scores(state: RunState, solved: float | None) -> dict[str, Markup]:
    """Dot charts: selection, program by program, and the report beside the native reward."""
    ranked = state.ranked()
    found = {"selection": Markup(""), "report": Markup("")}
    in_order = sorted(ranked, key=lambda program: state.programs[program])
    rows = [
        Dot(f"{_place(state, p)}  {p[:8]}", score, "best" if p == state.best else "other")
        for p in in_order
        if (score := state.score(p)) is not None
    ]
    if rows:
        found["selection"] = dots(rows, solved, "solved")
    report = [
        (label, kind, score)
        for number, look in enumerate(state.looks, 1)
        for label, kind, score in (
            (f"designed reward{_look(state, number)}", "best", state.score(look, "report")),
            (f"native reward{_look(state, number)}", "native", native_score(state, look, "report")),
        )
    ]
    compared = [Dot(label, score, kind) for label, kind, score in report if score is not None]
    if compared:
        found["report"] = dots(compared, solved, "solved")
    return found


def _look(state: RunState, number: int) -> str:
    return f", look {number}" if len(state.looks) > 1 else ""


def _curves(run: RunFolder, state: RunState, best: str) -> dict[str, Markup]:
    """Fitness along training, of the best program and the native reward; the best one's terms."""
    rung = "report" if state.trials_of(best, "report") else "selection"
    fitness = [
        Line(label, points, kind)
        for program, label, kind in ((NATIVE, "native", "native"), (best, "designed", "best"))
        for trial in state.trials_of(program, rung)
        if (points := _points(run.trial(trial).curve(), lambda row: row.fitness))
    ]
    rows = run.trial(shipped_trial(state, best)).curve()
    names = list(rows[0].terms)[:_MOST_TERMS] if rows else []
    terms = [_term_line(rows, name, number) for number, name in enumerate(names)]
    return {"fitness": lines(fitness, unit="steps"), "terms": lines(terms, unit="steps")}


def _term_line(rows: Sequence[CurveRow], name: str, number: int) -> Line:
    return Line(name, _points(rows, lambda row: row.terms[name]), f"term{number}")


def _points(
    rows: Sequence[CurveRow], cell: Callable[[CurveRow], float | None]
) -> list[tuple[float, float]]:
    return [(float(row.steps), value) for row in rows if (value := cell(row)) is not None]


def _films(run: RunFolder, state: RunState, best: str) -> list[tuple[str, str]]:
    """Whose policy, and its film as text."""
    found = []
    for label, trial in filmed_trials(state, best).items():
        folder = run.trial(trial)
        if folder.film is None:
            continue
        about = f"{label}: {len(folder.episodes()[0]):,} steps, fitness {number(trial.fitness)}"
        found.append((about, b64encode(folder.film.read_bytes()).decode()))
    return found
