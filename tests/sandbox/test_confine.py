"""Confinement: what each layer blocks, that the attacks work without it, and what an escaped program can do."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.errors import BoundaryError, ProgramError
from rewardsmith.sandbox.client import launch
from rewardsmith.sandbox.inside import seccomp
from rewardsmith.sandbox.inside.attacks import ATTACKS, SelfTest
from rewardsmith.sandbox.inside.confine import LAYERS
from rewardsmith.sandbox.report import SandboxReport, attacks_by_layer, sandbox_report
from tests.support.escapes import escaped, on_linux
from tests.support.places import ROOT, SUPPORT
from tests.support.profiles import PROFILES, run_in


@on_linux
def test_every_attack_works_with_the_layers_off_and_none_with_them_on() -> None:
    refused = attacks_by_layer()
    assert refused["none"] == ()
    assert set(refused["all"]) == set(ATTACKS)
    for layer in ("landlock", "limits", "seccomp"):
        assert 0 < len(refused[layer]) < len(ATTACKS), "one layer alone is not enough"
    assert set(ATTACKS) - set(refused["seccomp"]) == {"take all memory"}


@on_linux
def test_this_machine_is_strong() -> None:
    report = sandbox_report()
    assert (report.level, report.worked) == ("strong", ())
    report.require(weak_allowed=False)


@on_linux
@pytest.mark.parametrize("profile", PROFILES)
def test_it_holds_for_other_users_and_in_containers(profile: str) -> None:
    done = run_in(profile, SUPPORT / "sandbox_driver.py", "report")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["level"] == "strong"


def test_levels_follow_from_the_attacks() -> None:
    assert SelfTest(LAYERS, ATTACKS).level == "strong"
    assert SelfTest(LAYERS, tuple(set(ATTACKS) - {"send over udp"})).level == "medium"
    assert SelfTest(LAYERS, tuple(set(ATTACKS) - {"read a file"})).level == "weak"
    assert SelfTest((), ()).level == "weak"


def test_below_strong_is_refused_with_the_reason_unless_allowed() -> None:
    report = SandboxReport("medium", ("limits",), ("fork", "send over udp"), 0, "Linux 4.18 x86_64")
    report.require(weak_allowed=True)
    with pytest.raises(BoundaryError) as caught:
        report.require(weak_allowed=False)
    assert caught.value.where == "sandbox"
    assert "only medium" in caught.value.message
    assert "--allow-weak-sandbox" in caught.value.hint


# An escaped program: what it does with the real modules that it found, and what it is told.
ESCAPES = {
    "read": "open(os.__file__)",
    "environment": "open('/proc/%d/environ' % os.getppid(), 'rb')",
    "delete": "os.unlink('@FILE@')",
    "chmod": "os.chmod('@FILE@', 0)",
    "tcp": "socket.socket().connect(('127.0.0.1', @PORT@))",
    "udp": "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', @PORT@))",
    "kill the zygote": "os.kill(os.getppid(), 9)",
    "kill everything": "os.kill(-1, 9)",
    "fork": "os.fork()",
    "thread": "_thread.start_new_thread(print, ())",
    "exec": "os.execv('/bin/sh', ['sh', '-c', 'true'])",
    "new session": "os.setsid()",
    "trace": "ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0) and os.open('/', 0)",
    "code": "mmap.mmap(-1, 4096, prot=7)",
    "limits": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
}


@on_linux
@pytest.mark.parametrize("name", ESCAPES)
def test_an_escaped_program_is_refused(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("424242")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        attack = (
            ESCAPES[name]
            .replace("@FILE@", str(canary))
            .replace("@PORT@", str(listener.getsockname()[1]))
        )
        with escaped(attack) as host, pytest.raises(ProgramError) as caught:
            host({"x": np.zeros(2)})
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert caught.value.reason in ("system", "exception"), caught.value
    assert canary.read_text() == "424242"
    assert launch.zygote().usable


@on_linux
def test_the_memory_that_it_reads_cannot_be_written() -> None:
    attack = "ctypes.memset(ctypes.c_void_p(x.__array_interface__['data'][0]), 1, 8)"
    with escaped(attack) as host, pytest.raises(ProgramError, match="signal 11"):
        host({"x": np.zeros(2)})


@on_linux
def test_nor_made_writable_nor_mapped_again() -> None:
    again = "ctypes.CDLL(None).mprotect(ctypes.c_void_p(x.__array_interface__['data'][0]), ctypes.c_size_t(4096), 3)"
    with escaped(f"return x + {again}") as host:
        assert host({"x": np.ones(2)}).total.tolist() == [0, 0]  # it said -1
        left = "sum(1 for i in range(64) if i > 2 and ctypes.CDLL(None).mmap(0, 4096, 3, 1, i, 0) != -1)"
    with escaped(f"return x + {left}") as host:
        assert host({"x": np.ones(2)}).total.tolist() == [1, 1]


@on_linux
def test_a_killed_zygote_is_replaced_and_its_hosts_end() -> None:
    zygote = launch.zygote()
    with escaped("pass") as host:
        host({"x": np.zeros(2)})
        os.kill(zygote.pid, 9)
        with pytest.raises(BoundaryError, match="its zygote was killed") as caught:
            for _ in range(100):
                time.sleep(0.02)
                host({"x": np.zeros(2)})
        assert caught.value.retryable, "the program did nothing"
        assert host({"x": np.ones(2)}).total.tolist() == [1, 1]
    with escaped("pass") as host:
        assert host({"x": np.ones(2)}).total.tolist() == [1, 1]
    assert launch.zygote() is not zygote


@on_linux
def test_a_fork_of_this_process_starts_its_own_zygote() -> None:
    mine = launch.zygote().pid
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write_end, str(launch.zygote().pid).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    theirs = int(os.read(read_end, 20))
    assert theirs != mine
    with escaped("pass") as host:
        assert host({"x": np.ones(2)}).total.tolist() == [1, 1]


def _run_filter(code: bytes, audit: int, number: int, third: int = 0) -> int:
    """The verdict of a filter on a system call: an interpreter of the few instructions that it uses."""
    rules = [struct.unpack_from("<HBBI", code, offset) for offset in range(0, len(code), 8)]
    data = {0: number, 4: audit, 32: third}
    place = accumulator = 0
    while True:
        operation, if_true, if_false, value = rules[place]
        place += 1
        if operation == 0x20:
            accumulator = data[value]
        elif operation == 0x06:
            return value
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }
            place += if_true if holds[operation] else if_false


# open, openat, socket, connect, clone, clone3, execve, kill, ptrace, prctl, setrlimit or prlimit64,
# ioctl, pwrite64
REFUSED = {
    "x86_64": (2, 257, 41, 42, 56, 435, 59, 62, 101, 157, 160, 302, 16, 18, 9999),
    "aarch64": (56, 198, 203, 220, 435, 221, 129, 117, 167, 261, 29, 68, 9999),
}


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_of_each_architecture(machine: str) -> None:
    architecture = seccomp.ARCHITECTURES[machine]
    code = seccomp.build(architecture)
    assert (
        len(set(architecture.numbers.values()))
        == len(architecture.numbers)
        == len(seccomp.ALLOWED) + 2
    )
    for name in seccomp.ALLOWED:
        assert _run_filter(code, architecture.audit, architecture.numbers[name]) == 0x7FFF0000, name
    for number in REFUSED[machine]:
        assert _run_filter(code, architecture.audit, number) == 0x00050001, number
    for name in ("mmap", "mprotect"):
        number = architecture.numbers[name]
        assert _run_filter(code, architecture.audit, number, third=3) == 0x7FFF0000
        assert _run_filter(code, architecture.audit, number, third=7) == 0x00050001
    assert _run_filter(code, 0x40000003, 3) == 0x80000000, (
        "calls of another architecture end the process"
    )
    if machine == "x86_64":
        assert _run_filter(code, architecture.audit, 0x40000000) == 0x80000000, "so do those of x32"


def test_doctor_tells_what_holds() -> None:
    words = [sys.executable, "-m", "rewardsmith", "doctor", "--json"]
    found = json.loads(
        subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    )
    assert found["level"] == sandbox_report().level
    assert set(found["stopped"]["all"]) == set(ATTACKS) - set(found["worked"])
    assert found["host_start_ms"] > 0 and found["call_us"] > 0
