"""A process that trains may write only to its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.sandbox import landlock

ROOT = Path(__file__).resolve().parents[1]
needs_landlock = pytest.mark.skipif(landlock.version() == 0, reason="the kernel has no Landlock")

SCRIPT = """
import subprocess, sys, tempfile
from pathlib import Path
from rewardsmith.sandbox.folder import kept_to, refused_outside

run, trial, cache = (Path(word) for word in sys.argv[1:])
with kept_to(trial, [cache]) as held:
    assert held
    (trial / "result.json").write_text("{}")
    (trial / "result.json").rename(trial / "renamed.json")
    (cache / "x").write_text("")
    with tempfile.NamedTemporaryFile() as file:
        assert file.name.startswith(str(trial))
    assert (run / "events.jsonl").read_text() == "log"
    attempts = {
        "append": lambda: open(run / "events.jsonl", "a"),
        "truncate": lambda: open(run / "events.jsonl", "w"),
        "create": lambda: (run / "new").touch(),
        "delete": lambda: (run / "events.jsonl").unlink(),
        "replace": lambda: (trial / "renamed.json").rename(run / "events.jsonl"),
        "folder": lambda: (run / "folder").mkdir(),
        "link": lambda: (trial / "renamed.json").hardlink_to(run / "events.jsonl"),
        "command": lambda: subprocess.run(["touch", str(run / "new")], check=True, stderr=subprocess.DEVNULL),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except (OSError, subprocess.CalledProcessError) as error:
            if name == "append":
                assert refused_outside(RuntimeError(), trial) is None
                assert refused_outside(error, trial) == str(run / "events.jsonl")
            continue
        print("worked:", name)
assert not (trial / "tmp").exists()
print("done")
"""


@needs_landlock
def test_only_its_folder_can_be_written(tmp_path: Path) -> None:
    run, trial, cache = tmp_path / "run", tmp_path / "run/programs/p/trials/t", tmp_path / "cache"
    trial.mkdir(parents=True)
    cache.mkdir()
    (run / "events.jsonl").write_text("log")
    words = [sys.executable, "-c", SCRIPT, str(run), str(trial), str(cache)]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert (run / "events.jsonl").read_text() == "log"
    assert sorted(path.name for path in run.iterdir()) == ["events.jsonl", "programs"]
