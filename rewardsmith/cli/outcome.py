"""The outcome of a session of a run: its result, or the request that waits for a reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardsmith.cli.command import Output
from rewardsmith.errors import RunError

if TYPE_CHECKING:
    from rewardsmith.api.runs import Run
    from rewardsmith.api.search import Question


def summarise(output: Output, run: Run) -> None:
    """Show the result of a run, or the request that waits for a reply."""
    from rewardsmith.api.search import Search
    from rewardsmith.cli.live import command_name
    from rewardsmith.cli.summary import summary, summary_json

    waits = run.folder.config().writer == "user"
    question = Search.open(run).ask() if waits else None
    if question is not None:
        _show_question(output, run, question)
        return
    _write_report(output, run)
    if output.json:
        output.emit(summary_json(run))
    else:
        output.result.print(summary(run, command_name(run.path)))


def _write_report(output: Output, run: Run) -> None:
    """Write the report of a run that ended; a failure to write it is only noted."""
    try:
        run.report()
    except RunError as error:
        output.notes.print(f"no report was written: {error.message}", markup=False, style="yellow")


def question_json(question: Question) -> dict[str, Any]:
    """A request as plain JSON."""
    messages = [{"role": message.role, "content": message.content} for message in question.messages]
    return {
        "slot": list(question.slot),
        "system": question.system,
        "messages": messages,
        "text": question.text,
    }


def _show_question(output: Output, run: Run, question: Question) -> None:
    """Print only the request on stdout, so that it can be piped to a writer."""
    from rewardsmith.cli.live import command_name

    if output.json:
        output.emit(
            {"run": run.folder.name, "path": str(run.path), "question": question_json(question)}
        )
        return
    output.result.print(question.text, markup=False, soft_wrap=True)
    hint = f"\nanswer {question.slot} with: rewardsmith tell {command_name(run.path)} FILE"
    output.notes.print(hint, style="cyan", markup=False, soft_wrap=True)
