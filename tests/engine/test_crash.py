"""A run that is killed at any event, or between two, ends like an uninterrupted one.

Sessions are real processes that are killed with SIGKILL; the model is a real server on loopback.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.run.events import Checked, Replied, Trained
from rewardsmith.run.folder import RunFolder
from tests.support.crash_driver import TAPE, answer, unreal_session
from tests.support.fake_llm import FakeLLM
from tests.support.lineworld import write_task
from tests.support.places import ROOT, SUPPORT

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]
DRIVER = SUPPORT / "crash_driver.py"
GONE_WITHIN_S = 120.0
_PRELOADED = multiprocessing.get_context("forkserver")
_PRELOADED.set_forkserver_preload(["tests.support.crash_driver", "openai", "scipy.stats"])


class Sessions:
    """The sessions of one run, with what is to hold after each."""

    def __init__(self, folder: Path, fake: FakeLLM) -> None:
        self.runs, self._url, self._fake = folder / "runs", fake.url + "/v1", fake
        self._task = write_task(folder / "line")
        # Hosts are started with an empty environment but for this one, so it marks every process of
        # the run.
        self._mark = f"/nonexistent/{uuid.uuid4().hex}"
        self._results: dict[Path, tuple[int, int]] = {}
        self._asked: Counter[tuple[int, ...]] = Counter()
        self._answered: set[tuple[int, ...]] = set()
        self.lost = 0  # requests that were under way when a session was killed

    @property
    def run(self) -> RunFolder | None:
        found = sorted(self.runs.glob("*/run.json"))
        assert len(found) <= 1
        return RunFolder(found[0].parent) if found else None

    def start(self, **how: Any) -> subprocess.Popen[bytes]:
        """A session; it designs if there is no run yet, else it resumes."""
        env = {**os.environ, "PYTHONPATH": str(ROOT), "LD_LIBRARY_PATH": self._mark}
        command = [sys.executable, str(DRIVER), json.dumps({**self._where(), **how})]
        return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def finish(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of a session, and check its files."""
        _, said = process.communicate(timeout=1200)
        return self._ended(process.returncode, said.decode())

    def session(self, **how: Any) -> int:
        return self.finish(self.start(**how))

    def unreal_session(self, **how: Any) -> int:
        """A session whose trainings take no time, in a process forked after all imports."""
        given = {**self._where(), **how, "unreal": True}
        process = _PRELOADED.Process(target=unreal_session, args=(given, self._mark))
        process.start()
        process.join(1200)
        assert process.exitcode is not None
        return self._ended(process.exitcode, "see stderr")

    def _where(self) -> dict[str, str]:
        run = self.run
        if run is not None:
            return {"run": str(run.path)}
        return {"task": str(self._task), "runs": str(self.runs), "url": self._url}

    def _ended(self, code: int, said: str) -> int:
        self._nothing_survives()
        self._nothing_ran_twice()
        self._nothing_bought_twice()
        assert code in (0, 4, -signal.SIGKILL), said
        return code

    def processes(self) -> dict[int, str]:
        """Living processes of the run: id -> command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._mark.encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (
                        (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    )
            except OSError:
                continue
        return found

    def _nothing_survives(self) -> None:
        until = time.monotonic() + GONE_WITHIN_S
        while self.processes() and time.monotonic() < until:
            time.sleep(0.05)
        assert not self.processes()

    def _nothing_ran_twice(self) -> None:
        now = {path: path.stat() for path in self.runs.glob("*/programs/*/trials/*/result.json")}
        seen = {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in now.items()}
        assert {path: seen.get(path) for path in self._results} == self._results
        self._results = seen

    def _nothing_bought_twice(self) -> None:
        """A session asks each request once at most, and none whose reply was there when it began."""
        time.sleep(0.1)  # what a killed session sent may be on its way
        asked, answered = self.asked(), {tuple(line["slot"]) for line in self.replies()}
        now = asked - self._asked
        assert set(now.values()) <= {1}
        assert not self._answered & set(now)
        self.lost += sum(now[slot] for slot in now if slot not in answered)
        self._asked, self._answered = asked, answered

    def asked(self) -> Counter[tuple[int, ...]]:
        return Counter(tuple(request["body"]["slot"]) for request in list(self._fake.requests))

    def replies(self) -> list[dict[str, Any]]:
        run = self.run
        if run is None or not run.llm_log.exists():
            return []
        lines = run.llm_log.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]


def outcome(run: RunFolder) -> dict[str, Any]:
    """All of a run that must not depend on how often it was interrupted."""
    events = list(run.events())
    exact = {"status", "fitness", "success_rate", "own_return", "steps"}
    facts = json.loads((run.export_folder / "reward.json").read_text())
    return {
        "best": facts["program"],
        # Not the digest of the policy's file: a zip holds the time at which it was written.
        "lineage": (
            facts["slot"],
            facts["parents"],
            facts["policy"]["seed"],
            facts["policy"]["rung"],
        ),
        "checked": {
            e.slot: e.model_copy(update={"at": ""}) for e in events if isinstance(e, Checked)
        },
        "asked": {e.slot: e.request for e in events if isinstance(e, Replied)},
        "trained": {
            e.trial.key: (e.digest, e.trial.model_dump(include=exact))
            for e in events
            if isinstance(e, Trained)
        },
        "programs": {p.parent.name: p.read_text() for p in run.path.glob("programs/*/program.py")},
        "reward.py": (run.export_folder / "reward.py").read_text().replace(run.name, "RUN"),
        "weights": _weights(run),
    }


def _weights(run: RunFolder) -> dict[str, Any]:
    import io
    import zipfile

    import torch

    policy = (run.export_folder / "policy.zip").read_bytes()
    if not policy:  # of trainings that are not real
        return {}
    with zipfile.ZipFile(io.BytesIO(policy)) as archive:
        found = torch.load(io.BytesIO(archive.read("policy.pth")), weights_only=True)
    return {name: value.tolist() for name, value in found.items()}


def check_log(sessions: Sessions, *, lost: int | None = None) -> None:
    """Every request has one reply; with ``lost``, so many were asked a second time."""
    keys = Counter((line["key"], line["occurrence"]) for line in sessions.replies())
    assert set(keys.values()) == {1}
    assert sorted(tuple(line["slot"]) for line in sessions.replies()) == sorted(TAPE)
    assert sessions.asked().total() == len(TAPE) + sessions.lost
    if lost is not None:
        assert sessions.lost == lost


def undisturbed(folder: Path, *, unreal: bool = False) -> dict[str, Any]:
    """The outcome of an undisturbed run."""
    with FakeLLM(answer) as fake:
        sessions = Sessions(folder, fake)
        assert (sessions.unreal_session() if unreal else sessions.session()) == 0
        check_log(sessions, lost=0)
        assert sessions.run is not None
        result = outcome(sessions.run)
    # real agents of so few steps never succeed, so there is nothing to compare an exploit with
    exploiters = 3 if unreal else 0
    assert (len(result["checked"]), len(result["programs"])) == (5, 4)
    assert len(result["trained"]) == 7 + exploiters
    return result


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return undisturbed(tmp_path_factory.mktemp("undisturbed"))


# Where trainings are real, sessions take seconds. What is decided does not depend on it, and the
# tests below interrupt real trainings.
@pytest.mark.parametrize("mode", ["after", "before"])
def test_killed_at_every_event(mode: str, tmp_path: Path) -> None:
    expected = undisturbed(tmp_path, unreal=True)
    kills, waits = 0, {"mode": mode, "events": 0 if mode == "before" else 1}
    with FakeLLM(answer) as fake:
        sessions = Sessions(tmp_path / mode, fake)
        while sessions.unreal_session(**waits) != 0:
            kills += 1
            assert kills < 80
            waits["events"] = 1
            if mode == "after" and kills == 12:
                sessions.unreal_session(mode="resumed")
        check_log(sessions, lost=0 if mode == "before" else None)
        assert sessions.run is not None
        assert outcome(sessions.run) == expected
    # Six waves (the report's too), five replies, five judgements, seven trials; the environment,
    # the end, the export. Then the exploiters: their wave and three trials, the scripts, and three
    # searches, of one program with an exploit and of one without.
    assert kills == 6 + 5 + 5 + 7 + 3 + 1 + 3 + 1 + 3


def test_killed_at_some_moments(tmp_path: Path, expected: dict[str, Any]) -> None:
    with FakeLLM(answer) as fake:
        sessions = Sessions(tmp_path, fake)
        for delay in (1.2, 6.0, 7.5):
            process = sessions.start()
            time.sleep(delay)
            process.kill()
            sessions.finish(process)
        assert sessions.session() == 0
        check_log(sessions)
        assert sessions.run is not None
        assert outcome(sessions.run) == expected


def test_killed_while_a_request_is_open(tmp_path: Path, expected: dict[str, Any]) -> None:
    release = threading.Event()

    def slow(body: dict[str, Any]) -> str:
        if tuple(body["slot"]) == (0, 0, 0):
            release.wait(600)
        return answer(body)

    with FakeLLM(slow) as fake:
        sessions = Sessions(tmp_path, fake)
        process = sessions.start()
        _wait_for(lambda: len(fake.requests) == 2 and len(sessions.replies()) == 1)
        process.kill()
        sessions.finish(process)
        release.set()
        assert sessions.session() == 0
        check_log(sessions, lost=1)
        assert sessions.asked()[0, 0, 0] == 2
        assert sessions.run is not None
        assert outcome(sessions.run) == expected


def _wait_for(condition: Callable[[], Any], seconds: float = 600.0) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.002)
    raise AssertionError("it did not happen in time")


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _training_child(sessions: Sessions) -> tuple[int, int] | None:
    """(server, child) while a training is going on."""
    if not list(sessions.runs.glob("*/programs/*/trials/*/job.json")):
        return None
    workers = {
        process
        for process, words in sessions.processes().items()
        if "rewardsmith.engine.workers.server" in words
    }
    pairs = [(parent, process) for process in workers if (parent := _parent(process)) in workers]
    return pairs[0] if pairs else None


@pytest.mark.parametrize("victim", ["child", "server"])
def test_a_killed_trainer_is_tried_again(
    tmp_path: Path, expected: dict[str, Any], victim: str
) -> None:
    with FakeLLM(answer) as fake:
        sessions = Sessions(tmp_path, fake)
        process = sessions.start()
        server, child = _wait_for(lambda: _training_child(sessions))
        os.kill(child if victim == "child" else server, signal.SIGKILL)
        assert sessions.finish(process) == 0
        check_log(sessions, lost=0)
        assert sessions.run is not None
        assert outcome(sessions.run) == expected


def test_without_a_server_the_run_stops_and_can_be_resumed(
    tmp_path: Path, expected: dict[str, Any]
) -> None:
    with FakeLLM(answer) as fake:
        sessions = Sessions(tmp_path, fake)
        process = sessions.start(spare=0)
        os.kill(_wait_for(lambda: _training_child(sessions))[0], signal.SIGKILL)
        assert sessions.finish(process) == 4
        assert {slot[0] for slot in sessions.asked()} == {0}  # nothing was bought after that
        assert sessions.session() == 0
        check_log(sessions, lost=0)
        assert sessions.run is not None
        assert outcome(sessions.run) == expected
