"""The log, the lock and the run folder under crashes, other processes and edits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.errors import RunError, UsageError
from rewardsmith.journal import JsonLines
from rewardsmith.llm.prompts import Prompts
from rewardsmith.run.config import RunConfig
from rewardsmith.run.creation import create_run
from rewardsmith.run.event_log import EventLog
from rewardsmith.run.events import Worked, fold
from rewardsmith.run.folder import RunFolder, write_whole
from rewardsmith.run.names import list_results, list_runs, open_result, open_run
from rewardsmith.run.settings import Budget
from rewardsmith.task.loading import load_task
from tests.support.lineworld import write_task

CONFIG = RunConfig(
    task="line", strategy="eureka", options={}, model="openai/fake", steps=256, budget=Budget()
)
RECORDS: list[dict[str, Any]] = [
    {"kind": "a", "data": {"text": "früh"}},
    {"kind": "b"},
    {"kind": "c", "data": {"ö": 1}},
]


def write(path: Path, records: list[dict[str, Any]]) -> bytes:
    lines = JsonLines(path)
    for record in records:
        lines.append(record)
    return path.read_bytes()


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    task = load_task(write_task(tmp_path / "line"))
    return create_run(tmp_path / "runs", CONFIG, task, Prompts(), {"level": "weak"})


# --- Lines


def test_a_torn_last_line_is_skipped_and_then_cut_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    whole = write(path, RECORDS)
    last = whole[:-1].rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        assert list(JsonLines(path)) == RECORDS[:-1]
        assert path.read_bytes() == whole[:cut]  # looking changes nothing
        JsonLines(path).append(RECORDS[-1])
        assert path.read_bytes() == whole


def test_a_corrupt_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = write(path, RECORDS).splitlines(keepends=True)
    for broken in (b"{\n", b"[1]\n", b"\xff\xfe\n", b"\n"):
        path.write_bytes(lines[0] + broken + lines[2])
        with pytest.raises(RunError, match="line 2"):
            list(EventLog(path))


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    assert list(JsonLines(tmp_path / "none.jsonl")) == []


def test_nan_becomes_null_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    write(path, [{"a": float("nan"), "b": [1.0, float("-inf")], "c": {"d": (float("inf"), 2)}}])
    assert list(JsonLines(path)) == [{"a": None, "b": [1.0, None], "c": {"d": [None, 2]}}]
    assert b"NaN" not in path.read_bytes()


def test_a_failed_append_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines.jsonl"
    whole = write(path, RECORDS)
    lines = JsonLines(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        lines.append({"kind": "d"})
    assert path.read_bytes() == whole
    monkeypatch.undo()
    lines.append({"kind": "d"})
    assert list(JsonLines(path)) == [*RECORDS, {"kind": "d"}]


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), plain, max_size=3), min_size=1, max_size=4))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "lines.jsonl"
    write(path, records)
    assert list(JsonLines(path)) == records


# --- The lock


def test_the_error_of_a_locked_run_names_the_process(run: RunFolder) -> None:
    with (
        run.lock(),
        pytest.raises(RunError, match=f"in use by process {os.getpid()}"),
        RunFolder(run.path).lock(),
    ):
        pass
    with run.lock():
        pass


def test_the_lock_of_a_killed_process_is_free(run: RunFolder) -> None:
    holding = (
        "import sys, time\nfrom pathlib import Path\nfrom rewardsmith.run.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).lock():\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", holding, str(run.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match=f"process {holder.pid}\\b"), run.lock():
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with run.lock():
        assert (run.path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_child_of_the_holder_may_outlive_it(run: RunFolder) -> None:
    """The holder releases the lock, also while a child process that it started still lives."""
    with run.lock():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        with RunFolder(run.path).lock():
            pass
    finally:
        child.kill()
        child.wait()


# --- The folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with runs, and one result of train, the last but one."""
    names = {
        "line-eureka-0a1b2c3d": "run.json",
        "line-evolve-99990a1b": "run.json",
        "train-line-77770000": "train.json",
        "other-eureka-55550a1b": "run.json",
    }
    for age, (name, manifest) in enumerate(names.items()):
        (tmp_path / name).mkdir()
        (tmp_path / name / manifest).write_text("{}")
        os.utime(tmp_path / name / manifest, (age, age))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("line-eureka-0a1b2c3d", "line-eureka-0a1b2c3d"),
        ("0a1b2c3d", "line-eureka-0a1b2c3d"),
        ("line-eu", "line-eureka-0a1b2c3d"),
        ("0a1b2", "line-eureka-0a1b2c3d"),
        ("99990a1b", "line-evolve-99990a1b"),
        ("55550a1b", "other-eureka-55550a1b"),
        ("last", "other-eureka-55550a1b"),
    ],
)
def test_a_run_is_found_by_path_name_beginning_end_and_last(
    runs: Path, name: str, found: str
) -> None:
    assert open_run(name, runs).name == open_result(name, runs).name == found
    assert open_run(runs / found).name == found


def test_a_name_of_several_runs_is_refused_with_the_candidates(runs: Path) -> None:
    with pytest.raises(UsageError, match=r"3 names .* fit '0a1b'") as caught:
        open_run("0a1b", runs)
    names = "line-eureka-0a1b2c3d, line-evolve-99990a1b, other-eureka-55550a1b"
    assert names in caught.value.hint
    (runs / "0a1b").mkdir()
    (runs / "0a1b" / "run.json").write_text("{}")
    assert open_run("0a1b", runs).name == "0a1b", "the whole name comes first"


@pytest.mark.parametrize("name", ["line-eureka-0a1b2c3e", "nothing", ""])
def test_an_unknown_run_gets_the_nearest_names(runs: Path, name: str) -> None:
    with pytest.raises(RunError, match="there is no run") as caught:
        open_run(name, runs)
    assert "line-eureka-0a1b2c3d" in caught.value.hint


def test_there_is_no_last_run_in_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run 'last'"):
        open_run("last", tmp_path)


def test_a_train_result_is_no_run(runs: Path) -> None:
    assert open_result("train-", runs).kind == "train"
    for name in ("77770000", "train-line-77770000", runs / "train-line-77770000"):
        with pytest.raises(UsageError, match="expected a run"):
            open_run(name, runs)
    os.utime(runs / "train-line-77770000" / "train.json", (9, 9))
    assert open_result("last", runs).kind == "train"
    assert open_run("last", runs).name == "other-eureka-55550a1b"
    assert len(list_results(runs)) == 1 + len(list_runs(runs)) == 4


def test_the_manifest_says_everything(run: RunFolder) -> None:
    manifest = run.manifest()
    assert RunConfig.model_validate(manifest["config"]) == CONFIG == run.config()
    assert manifest["config"]["budget"] == dict.fromkeys(
        ["usd", "tokens", "calls", "steps", "minutes"]
    )
    assert manifest["config_digest"] == CONFIG.digest
    assert manifest["task_digest"] == run.task().digest
    assert manifest["prompts_digest"] == run.prompts().digest


def test_the_digest_of_a_config_leaves_out_what_may_change(run: RunFolder) -> None:
    assert CONFIG.model_copy(update={"budget": Budget(tokens=1)}).digest == CONFIG.digest
    assert CONFIG.model_copy(update={"steps": 512}).digest != CONFIG.digest


def test_a_newer_run_is_left_alone(run: RunFolder) -> None:
    path = run.path / "run.json"
    write_whole(path, json.dumps({**run.manifest(), "schema": 99}))
    with pytest.raises(RunError, match="newer rewardsmith"):
        run.manifest()


@pytest.mark.parametrize("content", [None, "{", "\x00"])
def test_a_manifest_that_is_missing_or_damaged(run: RunFolder, content: str | None) -> None:
    path = run.path / "run.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(RunError):
        run.config()


def test_a_changed_task_is_refused(run: RunFolder) -> None:
    fitness = run.task_folder / "fitness.py"
    before = fitness.read_text()
    fitness.write_text(before + "# better now\n")
    with pytest.raises(RunError, match="changed since the run began"):
        run.task()
    fitness.write_text(before)
    (run.task_folder / "task.toml").write_text(
        (run.task_folder / "task.toml").read_text().replace("n_envs = 2", "n_envs = 4")
    )
    with pytest.raises(RunError, match="changed since the run began"):
        run.task()


def test_the_frozen_task_stands_alone(run: RunFolder, tmp_path: Path) -> None:
    digest = run.task().digest
    for file in (tmp_path / "line").iterdir():
        file.unlink()
    assert RunFolder(run.path).task().digest == digest


def test_a_whole_file_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder" / "file.txt"
    write_whole(path, "one")

    def failing(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(RunError, match="Read-only"):
        write_whole(path, "two")
    assert path.read_text() == "one"


def test_an_event_says_when(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    event = log.append(Worked(wall_s=1.5))
    assert list(log) == [event]
    assert event.at.endswith("+00:00")
    assert fold(log).active_s == 1.5


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    lines = JsonLines(tmp_path / "lines.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda number: lines.append({"number": number, "text": "x" * 5000}), range(40))
        )
    assert sorted(record["number"] for record in lines) == list(range(40))
