"""The command line: each command is a thin layer over the library.

Heavy libraries are imported inside the commands.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of ``rewardsmith``."""
    from rewardsmith.cli.app import app

    app()
