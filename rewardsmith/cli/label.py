"""label: a person in the browser, models, or ranked factors compare episodes of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rewardsmith.cli import options as given
from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.new_task import MODEL_SETTINGS
from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.api.settings import Settings
    from rewardsmith.run.folder import RunFolder


FACTORS = "factors"  # in place of a model
By = Annotated[str | None, typer.Option(help="Name of the labeller; by default your user name.")]
Pairs = Annotated[int, typer.Option(min=1, help="Number of pairs, or of questions, at most.")]
Clips = Annotated[
    int,
    typer.Option(
        min=2,
        max=6,
        help="Number of episodes that the page shows at a time; of more than two you choose the "
        "best one and the worst one.",
    ),
]
Judges = Annotated[
    list[str] | None,
    typer.Option(
        help="Model, as provider/name, that compares pairs in your place, from their fields; give "
        "the option again for a panel, whose majority counts. factors: the factors of --factor "
        "compare them."
    ),
]
Votes = Annotated[
    int,
    typer.Option(
        min=1,
        help="How often each model of --judge is asked about a pair, each time in both orders; the "
        "majority counts.",
    ),
]
See = Annotated[
    bool,
    typer.Option(
        "--see", help="Show the model of --judge pictures of the episodes, not their fields."
    ),
]
Factors = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME:DIRECTION",
        help="Factor of --judge factors, the most important one first: a field, length, native or "
        "fitness, and high or low; then, if you like, mean, sum, last, max or min over the "
        "episode, and a margin in standard deviations, as in speed:high:last:0.5.",
    ),
]
Export = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the answers so far as JSON, and exit.")
]
Import = Annotated[
    Path | None,
    typer.Option("--import", metavar="FILE", help="Add the answers of such a file, and exit."),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "label", settings=MODEL_SETTINGS)
    def label(
        output: CommandOutput,
        settings: Settings,
        run: given.RunName,
        by: By = None,
        pairs: Pairs = 20,
        clips: Clips = 2,
        judge: Judges = None,
        votes: Votes = 1,
        see: See = False,
        factor: Factors = None,
        export: Export = None,
        import_: Import = None,
        port: given.Port = 0,
        open_: given.OpenPage = False,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Compare episodes of RUN in the browser: which of two is better? Or let a model do it.

        The writer of the next program is shown what you preferred. Answers are kept one by one;
        the command asks for pairs that you have not compared yet.
        """
        from rewardsmith.run.names import open_run

        _refuse_mixtures(judge or [], factor or [], clips, votes)
        folder = open_run(run, runs)
        if export is not None or import_ is not None:
            _exchange(output, folder, export, import_)
        elif factor:
            _by_factors(output, folder, factor, pairs)
        elif judge:
            _judge(output, folder, judge, pairs, settings, votes, see)
        else:
            _serve(output, folder, by, pairs, clips, port, open_)


def _refuse_mixtures(judges: list[str], factors: list[str], clips: int, votes: int) -> None:
    """Options that belong to different judges."""
    if (FACTORS in judges) != bool(factors) or (factors and len(judges) > 1):
        raise UsageError(
            "--judge factors and --factor belong together, without another judge",
            "for example: --judge factors --factor fuel_used:low:0.5 --factor speed:high",
        )
    if judges and clips > 2:
        raise UsageError(
            "a judge compares pairs, and --clips shows more than two episodes",
            "leave out --clips or --judge",
        )
    if votes > 1 and (factors or not judges):
        raise UsageError("--votes is about models", "name one with --judge, or leave it out")


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


def _by_factors(output: CommandOutput, folder: RunFolder, factors: list[str], pairs: int) -> None:
    """Let ranked factors compare the episodes."""
    from rewardsmith.api.factor_judge import judge_by_factors, read_factor

    report = judge_by_factors(folder, list(map(read_factor, factors)), pairs)
    if output.json:
        output.emit(asdict(report))
        return
    by = ", ".join(f"{count} by {factor}" for factor, count in report.decided.items())
    output.result.print(
        f"{report.answered} pairs answered ({by}), {report.abstained} abstained", markup=False
    )
    if report.cycles:
        output.notes.print(
            f"{report.cycles} triples of episodes are judged in a circle, which no reward can "
            "follow: lower the margins of all factors but the last one"
        )
    _what_next(output, folder)


def _judge(
    output: CommandOutput,
    folder: RunFolder,
    models: list[str],
    pairs: int,
    settings: Settings,
    votes: int,
    see: bool,
) -> None:
    """Let models compare the episodes."""
    from rewardsmith.api.model_judge import judge_pairs

    report = judge_pairs(folder, models, pairs, settings, votes=votes, see=see)
    if output.json:
        output.emit(asdict(report))
        return
    cost = "unknown" if report.cost_usd is None else f"${report.cost_usd:.3f}"
    between = ""
    if report.agreement is not None:
        between = f"; {report.agreement:.0%} of the models' answers about the same pair agree"
    output.result.print(
        f"{report.answered} pairs answered, {report.abstained} abstained{between}; "
        f"{report.requests} requests, cost: {cost}"
    )
    if not report.known:
        output.warn("no pair has a clear difference of fitness: the judge could not be checked")
    for member in report.members:
        parts = [f"{member.right} of {report.known} pairs with a known answer right"]
        if member.first_share is not None:
            share = f"{member.first_share:.0%}"
            parts.append(f"{share} of its preferences for the episode shown first (50% expected)")
        if member.agreement is not None:
            parts.append(f"{member.agreement:.0%} of its answers about the same pair agree")
        output.result.print(f"{member.model}: {'; '.join(parts)}", markup=False, soft_wrap=True)
    _what_next(output, folder)


def _what_next(output: CommandOutput, folder: RunFolder) -> None:
    from rewardsmith.cli.live import command_name

    resume = f"rewardsmith resume {command_name(folder.path)} --rounds 1"
    output.notes.print(f"then let the writer use them: {resume}", markup=False, soft_wrap=True)


def _serve(
    output: CommandOutput,
    folder: RunFolder,
    by: str | None,
    pairs: int,
    clips: int,
    port: int,
    open_: bool,
) -> None:
    """Serve the page until Ctrl-C."""
    import threading

    from rewardsmith.api.label_server import label
    from rewardsmith.cli.live import command_name

    with label(folder, by=by, pairs=pairs, clips=clips, port=port) as page:
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
