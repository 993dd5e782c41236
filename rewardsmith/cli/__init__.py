"""The command line. Each command is a few lines over the library; heavy libraries are imported inside them."""

from __future__ import annotations


def main() -> None:
    """Entry point of ``rewardsmith``."""
    from rewardsmith.cli.app import app

    app()
