"""The app and its commands."""

from __future__ import annotations

import typer

from rewardsmith.cli import asking, design, doctor, programs, runs, tasks

app = typer.Typer(
    name="rewardsmith",
    help="Designs rewards for reinforcement learning: written by a language model, checked, trained, proven.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
design.add_to(app)
asking.add_to(app)
runs.add_to(app)
programs.add_to(app)
tasks.add_to(app)
doctor.add_to(app)
