"""doctor: attack the sandbox of this machine and report which attacks it refuses."""

from __future__ import annotations

import platform
import statistics
import time
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from rich.text import Text

from rewardsmith.cli.command import Output, command
from rewardsmith.cli.tables import column_table

if TYPE_CHECKING:
    from rewardsmith.sandbox.report import SandboxReport

_LEVELS = {"strong": "bold green", "medium": "bold yellow", "weak": "bold red"}
_MEANS = {
    "strong": "code that escapes from Python still has no access to files, network or processes",
    "medium": "code that escapes from Python has no access to files or TCP",
    "weak": "only the static rules and the resource limits protect this machine",
}
_TIMES = 20


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "doctor")
    def doctor(output: Output) -> None:
        """Attack the sandbox of this machine, layer by layer, and report what it refuses."""
        from rewardsmith.sandbox.inside.confine import LAYERS
        from rewardsmith.sandbox.report import attacks_by_layer, sandbox_report

        report = sandbox_report()
        stopped = attacks_by_layer(report.layers)
        times = _times()
        if output.json:
            output.emit({**report.as_json(), "stopped": stopped, **times})
            return
        console = output.result
        console.print(f"{report.system}, Python {platform.python_version()}", markup=False)
        console.print("", _table(stopped), "")
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
            f"medians: a program host starts in {times['host_start_ms']:.1f} ms and computes "
            f"16 transitions in {times['call_us']:.0f} us"
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
        return f"trainers can write only to their own folder (Landlock {report.landlock})"
    return "trainers can write outside their own folder: this kernel has no Landlock"


def _times() -> dict[str, float]:
    """Medians: milliseconds to start a program host, microseconds to compute 16 transitions."""
    import numpy as np

    from rewardsmith.program import EntryPoint
    from rewardsmith.sandbox.client.host import ProgramHost

    source, entry = (
        "def reward(x):\n    return {'x': -abs(x)}\n",
        EntryPoint("reward", ("x",), "reward"),
    )
    columns: dict[str, Any] = {"x": np.zeros(16)}
    starts, calls = [], []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        with ProgramHost(source, entry, {"x": ((), np.dtype(float))}, capacity=16) as host:
            starts.append(time.perf_counter() - begun)
            for _ in range(_TIMES):
                begun = time.perf_counter()
                host(columns)
                calls.append(time.perf_counter() - begun)
    return {
        "host_start_ms": statistics.median(starts) * 1e3,
        "call_us": statistics.median(calls) * 1e6,
    }
