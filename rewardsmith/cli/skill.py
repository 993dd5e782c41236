"""The skill for coding agents: how to use the commands, as one Markdown file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from rewardsmith.cli.command import CommandOutput, command


def skill_text() -> str:
    """The text of the file, with the header that coding agents read."""
    return files("rewardsmith.cli").joinpath("skill.md").read_text(encoding="utf-8")


def add_to(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "skill")
    def skill(
        output: CommandOutput,
        target: Annotated[
            Path | None,
            typer.Option(
                "--output",
                "-o",
                help="Folder of skills, e.g. .claude/skills, for rewardsmith/SKILL.md.",
            ),
        ] = None,
    ) -> None:
        """Print a skill file that teaches a coding agent to use these commands."""
        from rewardsmith.run.folder import write_whole

        text = skill_text()
        path = None if target is None else target / "rewardsmith" / "SKILL.md"
        if path is not None:
            write_whole(path, text)
        if output.json:
            output.emit({"text": text} if path is None else {"path": str(path)})
        else:
            shown = text.rstrip() if path is None else str(path)
            output.result.print(shown, markup=False, soft_wrap=True, highlight=False)
