"""label: a person in the browser, or a model, compares episodes of a run."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.new_task import MODEL_SETTINGS

if TYPE_CHECKING:
    from rewardsmith.api.settings import Settings
    from rewardsmith.run.folder import RunFolder


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "label", settings=MODEL_SETTINGS)
    def label(
        output: CommandOutput,
        settings: Settings,
        run: given.RunName,
        by: Annotated[
            str | None, typer.Option(help="Name of the labeller; by default your user name.")
        ] = None,
        pairs: Annotated[int, typer.Option(min=1, help="Number of pairs, at most.")] = 20,
        judge: Annotated[
            str | None,
            typer.Option(
                help="Model, as provider/name, that compares them in your place, from their fields."
            ),
        ] = None,
        see: Annotated[
            bool,
            typer.Option(
                "--see",
                help="Show the model of --judge pictures of the episodes, not their fields.",
            ),
        ] = False,
        export: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="Write the answers so far as JSON, and exit."),
        ] = None,
        import_: Annotated[
            Path | None,
            typer.Option(
                "--import", metavar="FILE", help="Add the answers of such a file, and exit."
            ),
        ] = None,
        port: given.Port = 0,
        open_: given.OpenPage = False,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Compare episodes of RUN in the browser: which of two is better? Or let a model do it.

        The writer of the next program is shown what you preferred. Answers are kept one by one;
        the command asks for pairs that you have not compared yet.
        """
        from rewardsmith.run.names import open_run

        folder = open_run(run, runs)
        if export is not None or import_ is not None:
            _exchange(output, folder, export, import_)
        elif judge is not None:
            _judge(output, folder, judge, pairs, settings, see)
        else:
            _serve(output, folder, by or _user(), pairs, port, open_)


def _exchange(
    output: CommandOutput, folder: RunFolder, export: Path | None, import_: Path | None
) -> None:
    """Add the answers of one file, then write all of them to another."""
    from rewardsmith.api.judgements import export_judgements, import_judgements

    if import_ is not None:
        added, foreign = import_judgements(folder, import_)
        output.notes.print(f"{added} answers added; {foreign} are about trainings of another run")
    if export is not None:
        count = export_judgements(folder, export)
        output.notes.print(f"{count} answers written")
        output.result.print(str(export), markup=False, soft_wrap=True)


def _judge(
    output: CommandOutput,
    folder: RunFolder,
    model: str,
    pairs: int,
    settings: Settings,
    see: bool,
) -> None:
    """Let a model compare the episodes."""
    from rewardsmith.api.model_judge import judge_pairs
    from rewardsmith.cli.live import command_name

    report = judge_pairs(folder, model, pairs, settings, see=see)
    if output.json:
        output.emit(asdict(report))
        return
    cost = "unknown" if report.cost_usd is None else f"${report.cost_usd:.3f}"
    output.result.print(
        f"{report.answered} pairs answered, {report.abstained} abstained; {report.right} of "
        f"{report.known} pairs with a known answer right; {report.requests} requests, cost: {cost}"
    )
    resume = f"rewardsmith resume {command_name(folder.path)} --rounds 1"
    output.notes.print(f"then let the writer use them: {resume}", markup=False, soft_wrap=True)


def _serve(
    output: CommandOutput, folder: RunFolder, by: str, pairs: int, port: int, open_: bool
) -> None:
    """Serve the page until Ctrl-C."""
    import threading

    from rewardsmith.api.labelling import Labelling
    from rewardsmith.api.report.label import LabelPages, label_page
    from rewardsmith.cli.live import command_name
    from rewardsmith.engine.workers.executor import HERE

    page = label_page(Labelling(folder, by, pairs), port)
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
