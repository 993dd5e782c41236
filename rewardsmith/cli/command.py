"""What every command shares: --json, -q, -v, --debug, and how an error becomes a message and an exit code.

stdout carries the result and nothing else; everything that is only to be read goes to stderr.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console

from rewardsmith.errors import RewardsmithError

INTERRUPTED = 130
WIDE = 160  # columns where no terminal says how wide it is


@dataclass
class Output:
    """How this command talks: set once per call."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    resume_hint: str = ""  # what to type after Ctrl-C

    @property
    def result(self) -> Console:
        """stdout, for people."""
        return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)

    @property
    def notes(self) -> Console:
        """Stderr."""
        return Console(stderr=True, highlight=False, quiet=self.quiet)

    def emit(self, value: Any) -> None:
        """The result as JSON."""
        sys.stdout.write(json.dumps(value, indent=None if not sys.stdout.isatty() else 1, ensure_ascii=False) + "\n")


_COMMON: dict[str, Any] = {
    "as_json": Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel="Output")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No notes on stderr.", rich_help_panel="Output")],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="More notes.", rich_help_panel="Output")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel="Output")],
}


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function whose first argument is the :class:`Output` as a command."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True)
        own = list(signature.parameters.values())[1:]
        common = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
            for key, annotation in _COMMON.items()
        ]

        @functools.wraps(function)
        def run(**values: Any) -> None:
            given = {key: values.pop(key) for key in _COMMON}
            output = Output(given["as_json"], given["quiet"], given["verbose"], given["debug"])
            raise typer.Exit(_guarded(output, lambda: function(output, **values)))

        keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = signature.replace(parameters=[*keyword_only, *common])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in [*keyword_only, *common]}
        app.command(name)(run)
        return function

    return register


def _guarded(output: Output, work: Callable[[], None]) -> int:
    """Carry out a command; its exit code."""
    try:
        work()
    except typer.Exit as leave:
        return leave.exit_code
    except RewardsmithError as error:
        _tell(output, error)
        return error.exit_code
    except KeyboardInterrupt:
        hint = f"; go on with: {output.resume_hint}" if output.resume_hint else ""
        output.notes.print(f"interrupted{hint}", style="yellow", soft_wrap=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        traceback.print_exc()
        output.notes.print("this is a bug in rewardsmith; please report it with the lines above", style="red")
        if output.json:
            output.emit({"error": {"type": type(error).__name__, "message": str(error), "hint": "", "exit_code": 1}})
        return 1
    return 0


def _tell(output: Output, error: RewardsmithError) -> None:
    if output.debug:
        traceback.print_exc()
    notes = Console(stderr=True, highlight=False, soft_wrap=True)
    notes.print(f"[bold red]error:[/] {_plain(error.message)}")
    if error.hint:
        notes.print(f"[bold]hint:[/] {_plain(error.hint)}")
    if output.resume_hint:
        notes.print(f"[bold]go on with:[/] {output.resume_hint}")
    if output.json:
        fields = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
        output.emit({"error": {**fields, "exit_code": error.exit_code}})


def _plain(text: str) -> str:
    """Text that rich must not read as markup."""
    return text.replace("[", r"\[")
