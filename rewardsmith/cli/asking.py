"""Commands for runs whose programs the user writes (ask, tell) and for user feedback (say)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.outcome import question_record, summarise
from rewardsmith.cli.values import execution
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    pass


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    _add_ask(app)
    _add_tell(app)
    _add_say(app)


def _add_ask(app: typer.Typer) -> None:
    @command(app, "ask")
    def ask(
        output: CommandOutput, run: given.RunName, runs: given.RunsFolder = Path("runs")
    ) -> None:
        """Show the next request of RUN, which was started with: design TASK --ask."""
        from rewardsmith.api.search import Search

        summarise(output, Search.open(run, runs=runs).run)


def _add_tell(app: typer.Typer) -> None:
    @command(app, "tell")
    def tell(
        output: CommandOutput,
        run: given.RunName,
        reply: Annotated[
            str,
            typer.Argument(metavar="FILE", help="File with the reply to the request; - for stdin."),
        ],
        by: Annotated[
            str, typer.Option(help="Name of the author of the reply, for the run's log.")
        ] = "the user",
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Answer the request of RUN: check and train the program, and show the feedback."""
        from rewardsmith.api.search import Search
        from rewardsmith.cli.live import command_name, watching

        where = execution(executor, workers, gpus)
        with watching(output) as view:
            search = Search.open(run, **where, runs=runs, observer=view)
            told = search.tell(_text(reply), by)
        if output.json:
            question = None if told.question is None else question_record(told.question)
            name = search.run.folder.name
            output.emit({"run": name, **told._asdict(), "question": question})
            return
        output.result.print(told.feedback, markup=False, soft_wrap=True)
        if told.ended is None:
            output.notes.print(
                f"\nnext: rewardsmith ask {command_name(search.run.path)}", style="cyan"
            )
        elif search.run.state.ranked():
            output.result.print()
            summarise(output, search.run)


def _add_say(app: typer.Typer) -> None:
    @command(app, "say")
    def say(
        output: CommandOutput,
        run: given.RunName,
        words: Annotated[
            str, typer.Argument(help="What the agent should do differently, in words.")
        ],
        program: Annotated[
            str | None,
            typer.Option(help="Program whose agent the words are about; by default the best one."),
        ] = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Give feedback on an agent to the writer of RUN; the run then has one more round."""
        from rewardsmith.api.runs import load_run
        from rewardsmith.cli.live import command_name

        found = load_run(run, runs)
        running = found.folder.in_use
        chosen = found.say(words, program=program)
        if output.json:
            output.emit({"run": found.folder.name, "program": chosen, "words": words})
            return
        following = (
            "the run takes it before its next requests or trainings"
            if running
            else f"continue with: rewardsmith resume {command_name(found.path)}"
        )
        output.result.print(f"feedback on {chosen} recorded; {following}", soft_wrap=True)


def _text(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the reply {name}: {error}", "give the path of a text file, or -"
        ) from None
