"""Hostile, broken and benign programs under every profile: verdicts, and no effect outside."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.api.programs import check_program
from rewardsmith.writers.extract import extract_code
from tests.support.places import SUPPORT
from tests.support.profiles import PROFILES, ROOT, run_in
from tests.support.programs import DATA, entries
from tests.support.sandbox_driver import SECRET

NAMES = sorted(path.stem for path in DATA.glob("*.jsonl"))
# Benign programs only: a profile adds nothing to the 20 benign ones among the other programs.
ONCE = ("good", "good_blind")
STAGES = {
    "reject_static": ("static",),
    "reject_runtime": ("static", "behaviour", "sandbox"),
    "accept": ("accepted",),
}
STAGES["contained"] = STAGES["reject_runtime"]
TOTAL_RULES = "n112"  # see test_sandbox_behaviour.py


class Bait:
    """A file that is writable for all, and a port that listens, TCP and UDP."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.chmod(0o777)
        self.canary = folder / "canary"
        self.canary.write_text(SECRET)
        self.canary.chmod(0o666)
        self.contacts = 0
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = str(self._tcp.getsockname()[1])
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", int(self.port)))
        threading.Thread(target=self._count, args=(self._tcp.accept,), daemon=True).start()
        threading.Thread(target=self._count, args=(lambda: self._udp.recv(1),), daemon=True).start()

    def _count(self, wait: Any) -> None:
        while True:
            try:
                met = wait()
            except OSError:
                return
            self.contacts += 1
            if isinstance(met, tuple):
                met[0].close()

    def close(self) -> None:
        self._tcp.close()
        self._udp.close()


@pytest.fixture
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    folder = tmp_path_factory.mktemp("bait")
    for parent in (
        folder.parent,
        folder.parent.parent,
    ):  # pytest's own folders are closed to other users
        parent.chmod(parent.stat().st_mode | 0o055)
    made = Bait(folder)
    yield made
    made.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_program_gets_its_verdict_and_touches_nothing(profile: str, bait: Bait) -> None:
    names = [name for name in NAMES if profile == PROFILES[0] or name not in ONCE]
    done = run_in(
        profile, SUPPORT / "sandbox_driver.py", "corpus", str(bait.canary), bait.port, *names
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    found = said["verdicts"]
    wrong = {
        entry["id"]: (entry["expect"], found[entry["id"]], entry["code"])
        for name in names
        for entry in entries(name)
        if found[entry["id"]][1] not in STAGES[entry["expect"]] and entry["id"] != TOTAL_RULES
    }
    assert not wrong, wrong
    assert bait.canary.read_text() == SECRET
    assert bait.contacts == 0
    assert os.listdir(bait.folder) == ["canary"]
    assert said["hosts"] == [], "program hosts were left over"
    assert not [pid for pid in said["zygotes"] if Path(f"/proc/{pid}").exists()]


@pytest.mark.timeout(3600)
def test_the_attacks_work_where_nothing_stops_them(bait: Bait) -> None:
    """The control: attacks that never work would prove nothing."""
    done = run_in(
        "user", SUPPORT / "sandbox_driver.py", "control", str(bait.canary), bait.port, *NAMES
    )
    assert done.returncode == 0, done.stderr[-2000:]
    did = json.loads(done.stdout)
    reached = {name: what for name, what in did.items() if what}
    assert {"read", "changed"} <= set(reached.values())
    assert len(reached) + bait.contacts >= 0.5 * len(did), did
    assert bait.contacts >= 2


RECORDED = ROOT / "benchmarks" / "results" / "model_runs"


@pytest.mark.parametrize("task", ["mountain-car-continuous", "mountain-car", "cart-pole-swing-up"])
def test_what_a_model_wrote_before_these_rules_existed_is_accepted(task: str) -> None:
    replies = [
        json.loads(line) for line in (RECORDED / task / "llm.jsonl").read_text("utf-8").splitlines()
    ]
    sources = [
        extract_code(reply["reply"]["text"]).source for reply in replies if reply.get("reply")
    ]
    assert len(sources) == 6
    for source in sources:
        assert source is not None
        verdict = check_program(source, task)
        assert verdict.accepted and not [
            found for found in verdict.findings if found.severity != "info"
        ], source
