"""The app and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from rewardsmith import __version__
from rewardsmith.cli import (
    asking,
    design,
    doctor,
    label,
    mcp,
    programs,
    runs,
    schedule,
    skill,
    tasks,
)

app = typer.Typer(
    name="rewardsmith",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rewardsmith {__version__}")
        raise typer.Exit


@app.callback()
def _rewardsmith(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Design rewards for reinforcement learning with a language model.

    The model writes reward programs; rewardsmith checks them, trains agents with them, and compares
    the best program with the native reward.
    """


design.add_to(app)
asking.add_to(app)
runs.add_to(app)
schedule.add_to(app)
label.add_to(app)
programs.add_to(app)
tasks.add_to(app)
doctor.add_to(app)
skill.add_to(app)
mcp.add_to(app)
