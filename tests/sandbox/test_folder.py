"""A process that trains may write only to its folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from rewardsmith.engine.workers.executor import Call
from rewardsmith.engine.workers.local import LocalExecutor
from rewardsmith.errors import BoundaryError, disk_full
from rewardsmith.sandbox.folder import refused_outside
from rewardsmith.sandbox.inside import landlock
from tests.support.lineworld import write_task
from tests.support.places import ROOT

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
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert (run / "events.jsonl").read_text() == "log"
    assert sorted(path.name for path in run.iterdir()) == ["events.jsonl", "programs"]


DEVICES = """
import multiprocessing, os, sys, threading
from pathlib import Path
import torch
from torch.utils.data import DataLoader, TensorDataset
from rewardsmith.sandbox.folder import kept_to

def double(number):
    return 2 * number

with kept_to(Path(sys.argv[1]), [Path(sys.argv[2])]) as held:
    assert held
    (Path(sys.argv[2]) / "made").write_text("")
    for name in ("null", "zero", "urandom"):
        open(f"/dev/{name}", "r+b", buffering=0).close()
    threading.Thread(target=open("/proc/self/comm", "w").write, args=("named",)).start()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(double, range(3)) == [0, 2, 4]
    loader = DataLoader(TensorDataset(torch.arange(8.0)), batch_size=4, num_workers=1)
    assert sum(float(batch.sum()) for batch, in loader) == 28
    assert float(torch.ones(3).share_memory_().sum()) == 3
    for path in sys.argv[3:]:
        try:
            os.close(os.open(path, os.O_WRONLY))
        except PermissionError:
            continue
        print("opened:", path)
print("done")
"""


@needs_landlock
def test_devices_and_what_libraries_need_but_no_disk_and_no_setting_of_the_kernel(
    tmp_path: Path,
) -> None:
    wanted = ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", f"/proc/{os.getpid()}/comm"]
    wanted += ["/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/loop0", "/dev/ptmx", "/dev/mem"]
    there = [path for path in wanted if os.access(path, os.W_OK)]
    with tempfile.TemporaryDirectory(
        prefix="rs"
    ) as short:  # torch makes sockets in it, whose paths end at 108 letters
        words = [
            sys.executable,
            "-c",
            DEVICES,
            f"{short}/trial",
            str(tmp_path / "not/yet/there"),
            *there,
        ]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            words, env=variables, capture_output=True, text=True, cwd=ROOT, timeout=100
        )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@needs_landlock
def test_a_file_that_may_not_be_read_is_no_matter_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "secret"))
    (tmp_path / "secret").touch()
    assert refused_outside(denied, tmp_path / "trial") == str(tmp_path / "secret")
    monkeypatch.setattr(
        os, "access", lambda path, mode: False
    )  # what its mode says to anybody but root
    assert refused_outside(denied, tmp_path / "trial") is None
    assert not disk_full(denied), "no room on the disk would help"


@needs_landlock
def test_the_error_of_an_environment_that_writes_elsewhere_has_path_and_hint(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    task = write_task(tmp_path / "line")
    source = (task / "env.py").read_text()
    writing = f"super().reset(seed=seed)\n        open({str(cache / 'x')!r}, 'w').close()\n"
    (task / "env.py").write_text(source.replace("super().reset(seed=seed)\n", writing))
    folder = tmp_path / "out"
    folder.mkdir()
    with closing(LocalExecutor(1)) as executor:

        def preflight() -> None:
            call = Call("preflight", tmp_path, ("line",), ("out",), "log", arguments={"wanted": []})
            executor.submit(call).result()

        with pytest.raises(BoundaryError, match="may write only to") as caught:
            preflight()
        assert (caught.value.where, str(cache) in caught.value.hint) == ("environment", True)
        spec = (task / "task.toml").read_text()
        (task / "task.toml").write_text(
            spec.replace("[env]\n", f"[env]\nwrites = [{str(cache)!r}]\n")
        )
        preflight()
    assert (cache / "x").exists() and (folder / "preflight.json").exists()
