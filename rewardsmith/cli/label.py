"""label: a person compares episodes of a run in the browser."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "label")
    def label(
        output: CommandOutput,
        run: given.RunName,
        by: Annotated[
            str | None, typer.Option(help="Name of the labeller; by default your user name.")
        ] = None,
        pairs: Annotated[int, typer.Option(min=1, help="Number of pairs, at most.")] = 20,
        port: Annotated[
            int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")
        ] = 0,
        open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Compare episodes of RUN in the browser: which of two is better?

        The writer of the next program is shown what you preferred. Answers are kept one by one;
        the command asks for pairs that you have not compared yet.
        """
        import threading

        from rewardsmith.api.labelling import Labelling
        from rewardsmith.api.report.label import LabelPages, label_page
        from rewardsmith.cli.live import command_name
        from rewardsmith.engine.workers.executor import HERE
        from rewardsmith.run.names import open_run

        folder = open_run(run, runs)
        page = label_page(Labelling(folder, by or _user(), pairs), port)
        assert isinstance(page.pages, LabelPages)
        with page.serving(), page.pages.filmed(HERE):
            if output.json:
                output.emit({"url": page.url})
            else:
                output.result.print(page.url, markup=False, soft_wrap=True)
                output.notes.print(
                    "Ctrl-C ends the page; your answers are kept. Then let the writer use them: "
                    f"rewardsmith resume {command_name(folder.path)} --rounds 1",
                    markup=False,
                    soft_wrap=True,
                )
            output.stream.flush()
            if open_:
                typer.launch(page.url)
            threading.Event().wait()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # of a container without users
        return "user"
