"""The result of a check as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from rewardsmith.cli.tables import column_table
from rewardsmith.run.wording import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rewardsmith.api.checking import Check, TermRanges
    from rewardsmith.cli.command import CommandOutput
    from rewardsmith.evidence.appraisal import Appraisal
    from rewardsmith.program import Verdict
    from rewardsmith.run.records import SubgoalStatistics

_AUDIT_TEXT = ("subgoal", "false alarms", "evidence")
_AUDIT_NUMBERS = ("random policy", "in successes", "before the end", "median step")
_CREDIT_NUMBERS = ("share of differences", "agrees with fitness", "adds to agreement")


def emit_check(output: CommandOutput, check: Check) -> None:
    """Write the result as JSON."""
    evidence = {"ranges": check.ranges, "appraisal": check.appraisal, "subgoals": check.subgoals}
    output.emit({"accepted": check.verdict.accepted, **vars(check.verdict), **evidence})


def show_check(output: CommandOutput, check: Check) -> None:
    """Print the verdict, the term ranges, and what recorded episodes show."""
    _show_verdict(output, check.verdict)
    if check.verdict.terms:
        output.result.print("", _term_table(check.verdict, check.ranges))
    if check.ranges is not None:
        output.result.print(_source_of(check.ranges), markup=False, soft_wrap=True)
    if check.appraisal is not None:
        output.result.print()
        show_appraisal(output, check.appraisal)
    if check.subgoals:
        _show_subgoals(output, check.subgoals)


def show_appraisal(output: CommandOutput, appraisal: Appraisal) -> None:
    """Print how a program orders recorded episodes, what each term adds, and the concerns."""
    from rewardsmith.evidence.appraisal import summary_rows

    lines = Table.grid(padding=(0, 2, 0, 0))
    for name, value in summary_rows(appraisal):
        lines.add_row(name, value)
    output.result.print(lines)
    if len(appraisal.quality.terms) > 1:
        table = column_table("term", *_CREDIT_NUMBERS, right=_CREDIT_NUMBERS)
        for term, credit in appraisal.quality.terms.items():
            table.add_row(term, f"{credit.share:.0%}", number(credit.agrees), number(credit.adds))
        output.result.print("", table)
    for concern in appraisal.concerns:
        output.result.print(f"  {concern}", markup=False, soft_wrap=True)


def _show_verdict(output: CommandOutput, verdict: Verdict) -> None:
    console = output.result
    console.print(
        Text("accepted", "bold green")
        if verdict.accepted
        else Text(f"refused, {verdict.stage} check", "bold red")
    )
    for finding in verdict.findings:
        console.print(f"  {finding}", markup=False, soft_wrap=True)
    for entry in verdict.entries.values():
        console.print(Text(f"{entry.name}({', '.join(entry.arguments)})", "cyan"), soft_wrap=True)
    if verdict.style is not None and verdict.us_per_transition is not None:
        style = "one transition at a time" if verdict.style == "per_transition" else "batched"
        speed = f"{number(verdict.us_per_transition)} us per transition"
        console.print(f"{style}, {speed}, sandbox {verdict.level}")
    if verdict.reacts_to:
        shares = sorted(verdict.reacts_to.items(), key=lambda pair: -pair[1])
        listed = ", ".join(f"{name} {number(share)}" for name, share in shares)
        console.print(f"reacts to {listed}", soft_wrap=True)
    for name, rate in verdict.rates.items():
        console.print(f"subgoal {name} is true after {rate:.1%} of random steps", markup=False)


def _term_table(verdict: Verdict, recorded: TermRanges | None) -> Table:
    """Low, mean and high of each term, under a random policy and on recorded episodes."""
    kinds = ("random", "recorded") if recorded and recorded.terms else ("random",)
    numbers = tuple(f"{kind} {name}" for kind in kinds for name in ("low", "mean", "high"))
    table = column_table("term", *numbers, right=numbers)
    for term, ranges in verdict.terms.items():
        cells: list[float | None] = [*ranges]
        if recorded is not None and recorded.terms:
            cells += recorded.terms.get(term, [None] * 3)
        table.add_row(term, *map(number, cells))
    return table


def _source_of(ranges: TermRanges) -> str:
    """Where the recorded episodes come from."""
    owner = "your episodes in" if ranges.source.endswith(".npz") else "the best agent of"
    result = ranges.problem or f"{ranges.transitions:,} transitions"
    return f"recorded: {owner} {ranges.source}, {result}"


def _show_subgoals(output: CommandOutput, subgoals: Sequence[SubgoalStatistics]) -> None:
    """When each subgoal is reached, and the concerns about it."""
    from rewardsmith.evidence.subgoals import concerns
    from rewardsmith.llm.prompts import percent

    first, *last = _AUDIT_TEXT
    table = column_table(first, *_AUDIT_NUMBERS, *last, right=_AUDIT_NUMBERS)
    for one in subgoals:
        shares = (percent(one.random), percent(one.successes), percent(one.early))
        table.add_row(one.name, *shares, number(one.step), _false_alarms(one), one.trust)
    output.result.print()
    output.result.print(table)
    for one in subgoals:
        for concern in concerns(one):
            output.result.print(f"  {concern}", markup=False, soft_wrap=True)


def _false_alarms(one: SubgoalStatistics) -> str:
    if one.bound is None:
        return "not known"
    return f"{one.false} in {one.negatives:,}, at most {one.bound:.2%}"
