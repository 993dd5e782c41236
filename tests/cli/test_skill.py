"""The skill file: what it tells coding agents to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from rewardsmith.cli.app import app
from rewardsmith.cli.skill import skill_text
from tests.support.command_line import call, only_json

_BLOCKS = re.compile(r"```\n(.*?)```", re.S)
_INLINE = re.compile(r"`(rewardsmith [^`\n]+)`")


def typed_commands() -> list[list[str]]:
    """The words of each command in the file."""
    text = skill_text()
    lines = [line for block in _BLOCKS.findall(text) for line in block.splitlines()]
    found = [line for line in [*lines, *_INLINE.findall(text)] if line.startswith("rewardsmith ")]
    assert len(found) >= 14
    return [shlex.split(line, comments=True)[1:] for line in found]


@pytest.mark.parametrize("words", typed_commands(), ids=" ".join)
def test_every_command_in_it_can_be_typed(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    if words == ["--version"]:
        return
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = command.get_params(typer.Context(command))
    known = {name for option in options for name in option.opts}
    if ">" in words:
        words = words[: words.index(">")]
    used = {word for word in words if word.startswith("-")}
    assert used <= known, used - known


def test_it_has_the_header_that_agents_read() -> None:
    head, _, body = skill_text().removeprefix("---\n").partition("\n---\n")
    assert head.startswith("name: rewardsmith\ndescription: ") and len(head.splitlines()) == 2
    assert len(head) < 1024 and body.startswith("\n# ")


def test_it_is_printed_or_written(tmp_path: Path) -> None:
    assert call(tmp_path, "skill").stdout == skill_text()
    assert only_json(call(tmp_path, "skill", "--json"))["text"] == skill_text()
    done = call(tmp_path, "skill", "-o", ".claude/skills")
    assert done.stdout == ".claude/skills/rewardsmith/SKILL.md\n"
    assert (tmp_path / done.stdout.strip()).read_text(encoding="utf-8") == skill_text()
