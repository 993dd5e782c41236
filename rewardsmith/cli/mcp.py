"""The command that serves coding agents without a shell."""

from __future__ import annotations

import sys

import typer

from rewardsmith.cli.command import CommandOutput, command
from rewardsmith.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "mcp")
    def mcp(output: CommandOutput) -> None:
        """Serve these commands to a coding agent: Model Context Protocol on stdin and stdout."""
        try:
            from rewardsmith.cli.mcp_tools import make_server
        except ImportError as error:
            raise UsageError(
                f"the mcp package cannot be loaded: {error}", "pip install 'rewardsmith[mcp]'"
            ) from error
        sys.stdout = output.stream  # for the protocol; other prints went to stderr until here
        make_server().run("stdio")
