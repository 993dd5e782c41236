"""Calls of the command line as a user makes them: a separate process in a separate folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.places import ROOT

COMMAND = [sys.executable, "-m", "rewardsmith"]
ANSI = re.compile(r"\x1b\[")
GOOD = """```python
import numpy as np


def reward(position, next_position):
    return {"progress": 5.0 * (next_position - position), "place": next_position}
```"""
MISSPELT = "```python\ndef reward(positon):\n    return {'a': positon}\n```"
# A whole design in seconds: two programs (one misspelt, never repaired), one training seed, tiny
# trainings.
QUICK = ["-O", "rounds=1", "-O", "samples=2", "-O", "seeds=1", "-O", "repairs=0", "--workers", "2"]


def environment(**changes: str) -> dict[str, str]:
    """The environment of a child process, without variables of a terminal."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TERM")
    }
    return kept | {"PYTHONPATH": str(ROOT)} | changes


def call(
    folder: Path, *arguments: str, timeout: float = 800.0, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without a terminal."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], code: int, *, says: str, hints: str) -> None:
    """Assert that a call ended with this code, one line of error and a hint, without a traceback."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert says in errors[0], errors[0]
    told = done.stderr.partition("hint: ")[2]
    assert hints in told, done.stderr
    assert not done.stdout, done.stdout


def write_replies(path: Path, *texts: str) -> Path:
    """Recorded replies of one round."""
    replies = [{"round": 0, "sample": number, "text": text} for number, text in enumerate(texts)]
    path.write_text(json.dumps({"model": "a test", "replies": replies}), encoding="utf-8")
    return path


def quick_design(task: Path | str, replies: Path) -> list[str]:
    """The arguments of a design that takes seconds."""
    return ["design", str(task), "--replies", str(replies), *QUICK, "--report-seeds", "2"]


def only_json(done: subprocess.CompletedProcess[str]) -> Any:
    """Parse standard output, which must be one JSON value."""
    assert not ANSI.search(done.stdout)
    return json.loads(done.stdout)
