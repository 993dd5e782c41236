"""doctor: attack the sandbox of this machine and report which attacks it refuses."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import typer
from rich.table import Table
from rich.text import Text

from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.cli.tables import column_table

if TYPE_CHECKING:
    from rewardsmith.sandbox.report import SandboxReport

_LEVELS = {"strong": "bold green", "medium": "bold yellow", "weak": "bold red"}
_MEANS = {
    "strong": "code that escapes from Python still has no access to files, network or processes",
    "medium": "code that escapes from Python has no access to files or TCP",
    "weak": "only the static rules and the resource limits protect this machine",
}


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "doctor")
    def doctor(output: CommandOutput) -> None:
        """Attack the sandbox of this machine, layer by layer, and report what it refuses."""
        from rewardsmith.api.doctor import doctor
        from rewardsmith.sandbox.inside.confine import LAYERS

        found = doctor()
        report = found.sandbox
        if output.json:
            times = {"host_start_ms": found.host_start_ms, "call_us": found.call_us}
            output.emit({**report.as_json(), "stopped": found.refused, **times})
            return
        console = output.result
        console.print(f"{report.system}, Python {platform.python_version()}", markup=False)
        console.print("", _table(found.refused), "")
        if absent := [layer for layer in LAYERS if layer not in report.layers]:
            console.print(f"not available here: {', '.join(absent)}")
        level = (
            Text("sandbox: ")
            .append(report.level, _LEVELS[report.level])
            .append(f", {_MEANS[report.level]}")
        )
        console.print(level, soft_wrap=True)
        console.print(_trainers(report), soft_wrap=True)
        console.print(
            f"medians: a program host starts in {found.host_start_ms:.1f} ms and computes "
            f"16 transitions in {found.call_us:.0f} us"
        )


def _table(stopped: dict[str, tuple[str, ...]]) -> Table:
    """Attacks by layer; the first column is the control, where attacks must succeed."""
    from rewardsmith.sandbox.inside.attacks import ATTACKS

    table = column_table()
    table.add_column("attack")
    for layer in stopped:
        table.add_column({"none": "no layer", "all": "all layers"}.get(layer, layer))
    for attack in ATTACKS:
        table.add_row(
            attack, *(_cell(attack in refused, layer) for layer, refused in stopped.items())
        )
    return table


def _cell(refused: bool, layer: str) -> Text:
    if layer == "none":
        return Text("refused by the system" if refused else "works", "dim")
    if refused:
        return Text("refused", "green")
    return Text("works", "bold red" if layer == "all" else "dim")


def _trainers(report: SandboxReport) -> str:
    if report.landlock:
        return f"trainers can write only to their own folders (Landlock {report.landlock})"
    return "trainers can write outside their own folders: this kernel has no Landlock"
