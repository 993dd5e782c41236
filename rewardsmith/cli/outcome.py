"""The outcome of a session of a run: its result, or the request that waits for a reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardsmith.cli.command import CommandOutput
from rewardsmith.errors import RunError

if TYPE_CHECKING:
    from rewardsmith.api.runs import Run
    from rewardsmith.api.search import Question
    from rewardsmith.types import Slot


def summarise(output: CommandOutput, run: Run) -> None:
    """Show the result of a run, or the request that waits for a reply."""
    from rewardsmith.api.search import Search
    from rewardsmith.cli.live import command_name
    from rewardsmith.cli.results import run_result
    from rewardsmith.cli.summary import summary

    waits = run.folder.config().writer == "user"
    question = Search.open(run).ask() if waits else None
    if question is not None:
        _show_question(output, run, question)
        return
    _write_report(output, run)
    if output.json:
        output.emit(run_result(run))
    else:
        output.result.print(summary(run, command_name(run.path)))


def _write_report(output: CommandOutput, run: Run) -> None:
    """Write the report of a run that ended; a failure to write it is only noted."""
    try:
        run.report()
    except RunError as error:
        output.notes.print(f"no report was written: {error.message}", markup=False, style="yellow")


@dataclass(frozen=True)
class QuestionRecord:
    """A request to the user for ``--json``; ``text`` is all of it as one text."""

    slot: Slot
    system: str
    messages: list[dict[str, str]]
    text: str


def question_record(question: Question) -> QuestionRecord:
    """A request as a record."""
    messages = [{"role": message.role, "content": message.content} for message in question.messages]
    return QuestionRecord(question.slot, question.system, messages, question.text)


def _show_question(output: CommandOutput, run: Run, question: Question) -> None:
    """Print only the request on stdout, so that it can be piped to a writer."""
    from rewardsmith.cli.live import command_name

    if output.json:
        output.emit(
            {"run": run.folder.name, "path": str(run.path), "question": question_record(question)}
        )
        return
    output.result.print(question.text, markup=False, soft_wrap=True)
    hint = f"\nanswer {question.slot} with: rewardsmith tell {command_name(run.path)} FILE"
    output.notes.print(hint, style="cyan", markup=False, soft_wrap=True)
