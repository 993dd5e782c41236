"""Instructions for tests of questions, and programs that ask them."""

from __future__ import annotations

from typing import Any

from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.task.text import word_ids

WORDS = ("take", "the", "red", "blue", "ball", "key")
SAID = ("key", "ball", "red", "blue")


def columns(instruction: str, below: str) -> dict[str, Any]:
    return {
        "first_instruction": word_ids(instruction, WORDS, 4)[None],
        "next_below": word_ids(below, SAID, 2)[None],
    }


def hosted(source: str, rows: dict[str, Any]) -> ProgramHost:
    shapes = {name: (row.shape[1:], row.dtype) for name, row in rows.items()}
    entry = check_on_transitions(source, shapes, rows).entries["subgoals"]
    return ProgramHost(source, entry, shapes, capacity=64)
