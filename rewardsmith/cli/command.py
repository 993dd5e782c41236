"""The options that all commands share, and the message and exit code of an error.

stdout has only the result. Notes, progress and errors go to stderr, and so does everything that an
environment, a function of a task or a library prints.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand

from rewardsmith.errors import BoundaryError, RewardsmithError, RunError

_TICK_S = 0.5  # how often a wait looks for a signal
INTERRUPTED = 130
_PIPE_WIDTH = 240  # columns of a file or pipe, where nothing should be folded or cut


@dataclass
class CommandOutput:
    """The output of one call of a command.

    Attributes:
        resume_hint: the command that continues the run, once there is one.
        stream: the stream of results: stdout as it is when the call begins.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    resume_hint: str = ""
    stream: TextIO = field(default_factory=lambda: sys.stdout)

    @cached_property
    def result(self) -> Console:
        """The stream of results as a console."""
        return _console(file=self.stream)

    @cached_property
    def notes(self) -> Console:
        """Stderr for notes and progress; silent with --quiet."""
        return _console(quiet=self.quiet, stderr=True)

    @cached_property
    def problems(self) -> Console:
        """Stderr for errors."""
        return _console(stderr=True)

    def emit(self, value: object) -> None:
        """Write the result, which may contain records, as one JSON value."""
        from rewardsmith.cli.records import as_json
        from rewardsmith.journal import finite

        indent = 1 if self.stream.isatty() else None
        plain = finite(as_json(value))
        text = json.dumps(plain, indent=indent, ensure_ascii=False, allow_nan=False)
        self.stream.write(text + "\n")
        self.stream.flush()

    def code(self, text: str, language: str) -> None:
        """Write code as the result, highlighted on a terminal with colours."""
        if self.result.is_terminal and not self.result.no_color:
            from rich.syntax import Syntax  # a tenth of a second

            shown = Syntax(
                text.strip(),
                language,
                theme="ansi_dark",
                background_color="default",
                word_wrap=True,
            )
            self.result.print(shown)
        else:
            self.result.print(text.strip(), markup=False, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Write a warning to stderr."""
        self.notes.print(
            Text("warning: ", "bold yellow").append(message, "not bold default"), soft_wrap=True
        )


def _console(**settings: Any) -> Console:
    console = Console(**settings, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console


def _flag(*names: str, text: str) -> Any:
    return Annotated[bool, typer.Option(*names, help=text, rich_help_panel="Output")]


_COMMON: dict[str, Any] = {
    "as_json": _flag("--json", text="Print the result as one JSON value."),
    "quiet": _flag("--quiet", "-q", text="Print only the result and errors, no notes or progress."),
    "verbose": _flag("--verbose", "-v", text="Print more details."),
    "debug": _flag("--debug", text="Print the traceback of an error."),
}


def command(
    app: typer.Typer, name: str, settings: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function whose first argument is the :class:`CommandOutput` as a command.

    Args:
        settings: names of the settings that it has options for; the function takes them as
            ``settings``. See :data:`rewardsmith.cli.options.ALL_SETTINGS`.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function, eval_str=True, locals={"Settings": Any})
        _, *taken = signature.parameters.values()
        own = [parameter for parameter in taken if parameter.name != "settings"]
        common = [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation
            )
            for key, annotation in _COMMON.items()
        ]

        @functools.wraps(function)
        def run(**values: Any) -> None:
            given = {key: values.pop(key) for key in _COMMON}
            output = CommandOutput(
                given["as_json"], given["quiet"], given["verbose"], given["debug"]
            )
            arguments = {parameter.name: values.pop(parameter.name) for parameter in own}

            def work() -> None:
                if settings:
                    from rewardsmith.cli.settings import read_settings

                    arguments["settings"] = read_settings(values)
                function(output, **arguments)

            with redirect_stdout(sys.stderr):
                code = guarded(output, work)
            raise typer.Exit(code)

        _declare(run, [*own, *common])
        cls = _with_settings(run, settings) if settings else TyperCommand
        app.command(name, cls=cls)(run)
        return function

    return register


def _declare(function: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> None:
    """Give a function the signature from which typer makes a command."""
    named = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in parameters]
    function.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in named}


def _with_settings(run: Callable[..., None], names: Sequence[str]) -> type[TyperCommand]:
    """A command class that adds the options of settings when the command is called.

    The settings are a pydantic model, which loads slowly: other commands do not wait for it.
    """

    @functools.cache
    def whole() -> Any:
        from rewardsmith.cli.settings import setting_options

        @functools.wraps(run)
        def function(**values: Any) -> None:
            run(**values)

        early = list(inspect.signature(run).parameters.values())
        place = len(early) - len(_COMMON)
        _declare(function, [*early[:place], *setting_options(names), *early[place:]])
        only = typer.Typer(add_completion=False)
        only.command()(function)
        return typer.main.get_command(only)

    class WithSettings(TyperCommand):
        def get_params(self, ctx: Any) -> list[Any]:
            """All parameters, including those of the settings."""
            return list(whole().get_params(ctx))

        def invoke(self, ctx: Any) -> Any:
            """Call the function with all parameters."""
            return whole().invoke(ctx)

    return WithSettings


def until_interrupted() -> None:
    """Wait for Ctrl-C or SIGTERM, while threads serve a page.

    A signal that arrives just before a wait without an end does not wake it up.
    """
    while True:
        time.sleep(_TICK_S)


def guarded(output: CommandOutput, work: Callable[[], None]) -> int:
    """Carry out a command and return its exit code; SIGTERM ends it as Ctrl-C does."""
    try:
        if threading.current_thread() is threading.main_thread():  # tests call it elsewhere
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        work()
        output.stream.flush()
    except typer.Exit as leave:
        return leave.exit_code
    except RewardsmithError as error:
        _show_error(output, error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _show_interrupted(output)
        return INTERRUPTED
    except BrokenPipeError:  # the reader closed the pipe: write nothing more, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.stream.fileno())
        return 0
    except Exception as error:
        traceback.print_exc()
        message = "this is a bug in rewardsmith; please report it with the lines above"
        output.problems.print(Text(message, "red"), soft_wrap=True)
        _emit_error(output, type(error).__name__, str(error), message, 1)
        return 1
    return 0


def _show_error(output: CommandOutput, error: RewardsmithError) -> None:
    if output.debug:
        traceback.print_exc()
    output.problems.print(
        Text("error: ", "bold red").append(error.message, "not bold default"), soft_wrap=True
    )
    if error.hint:
        output.problems.print(Text("hint: ", "bold").append(error.hint, "not bold"), soft_wrap=True)
    if output.resume_hint and isinstance(error, RunError | BoundaryError):
        output.problems.print(
            Text("continue with: ", "bold").append(output.resume_hint, "not bold"), soft_wrap=True
        )
    _emit_error(output, type(error).__name__, error.message, error.hint, error.exit_code)


def _show_interrupted(output: CommandOutput) -> None:
    text = Text("interrupted", "yellow")
    if output.resume_hint:
        text.append("; continue with: ", "yellow").append(output.resume_hint)
    output.problems.print(text, soft_wrap=True)
    _emit_error(output, "Interrupted", "interrupted", output.resume_hint, INTERRUPTED)


def _emit_error(output: CommandOutput, kind: str, message: str, hint: str, exit_code: int) -> None:
    if output.json:
        output.emit(
            {"error": {"type": kind, "message": message, "hint": hint, "exit_code": exit_code}}
        )
