"""Write docs/cli.md, the reference of the command line, from its options: docs/make_cli.py."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from rewardsmith.cli.app import app

PAGE = Path(__file__).parent / "cli.md"
HEAD = """# Command line

All commands with their arguments and options; `rewardsmith COMMAND --help` prints the same. This
page is made from the commands by `python docs/make_cli.py`.
"""
OUTPUT = "Output"  # the panel of the options that every command has
COMMON = "## Options of every command\n"


def page() -> str:
    """The text of the page."""
    root = typer.main.get_command(app)
    commands = dict(_commands(root, typer.Context(root, info_name="rewardsmith")))
    sections = [_section(command, context) for command, context in commands.values()]
    shown = _parameters(*commands["rewardsmith show"])
    common = _table([one for one in shown if one.rich_help_panel == OUTPUT])
    return "\n".join([HEAD, COMMON, *common, "", *sections]).rstrip() + "\n"


def _commands(group: Any, context: typer.Context) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Path of a command -> the command and its context, in the order of the help."""
    for name, command in group.commands.items():
        inner = typer.Context(command, parent=context, info_name=name)
        if hasattr(command, "commands"):
            yield from _commands(command, inner)
        else:
            yield inner.command_path, (command, inner)


def _section(command: Any, context: typer.Context) -> str:
    own = [one for one in _parameters(command, context) if one.rich_help_panel != OUTPUT]
    arguments = [one for one in own if not one.opts[0].startswith("-")]
    usage = " ".join([context.command_path, *map(_placeholder, arguments)])
    table = _table(own) if own else []
    about = inspect.cleandoc(command.help or "")
    return "\n".join([f"## {context.command_path}\n", f"`{usage}`\n", f"{about}\n", *table, ""])


def _parameters(command: Any, context: typer.Context) -> list[Any]:
    return [one for one in command.get_params(context) if one.name != "help"]


def _placeholder(argument: Any) -> str:
    name = (argument.metavar or argument.name).upper()
    return name if argument.required else f"[{name}]"


def _table(parameters: list[Any]) -> list[str]:
    return ["| argument or option | default | meaning |", "|---|---|---|", *map(_row, parameters)]


def _row(parameter: Any) -> str:
    cells = _names(parameter), _default(parameter), parameter.help or ""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _names(parameter: Any) -> str:
    if not parameter.opts[0].startswith("-"):
        return f"`{_placeholder(parameter).strip('[]')}`"
    value = f" {parameter.metavar}" if parameter.metavar else ""
    names = (*parameter.opts, *parameter.secondary_opts)
    return ", ".join(f"`{name}{value}`" for name in names)


def _default(parameter: Any) -> str:
    """The default of an option that has one; a flag is off, except where it says on."""
    if parameter.required:
        return "required"
    value = parameter.default
    if value is True:
        return "on"
    return "" if value in (None, False) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
