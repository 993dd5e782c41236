"""Runs a script as other machines would: as root, as a user, in a container without namespaces."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
from pathlib import Path

from tests.support.places import ROOT

IS_ROOT = os.geteuid() == 0
PROFILES = (*(["root"] if IS_ROOT else []), "user", "container")
_ORDINARY = 61234
# unshare, setns, mount, umount2, ptrace, bpf, keyctl, userfaultfd: what container engines refuse by
# default (x86-64)
_FORBIDDEN = (272, 308, 165, 166, 101, 321, 250, 323)


def run_in(
    profile: str, script: Path, *words: str, timeout: float = 3000
) -> subprocess.CompletedProcess[str]:
    """Run a Python script of the tests under a profile."""

    def become() -> None:  # between fork and exec
        if IS_ROOT and profile != "root":
            _become_ordinary()
        if profile == "container":
            _forbid_namespaces()

    return subprocess.run(
        [sys.executable, "-P", "-B", str(script), *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
        },
        cwd="/",
        capture_output=True,
        text=True,
        timeout=timeout,
        preexec_fn=become,
    )


def _become_ordinary() -> None:
    """Give up root, but keep the right to read every file: the interpreter may lie in the home of root.

    It makes the test harder, since file modes then protect nothing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
    os.setgroups([])
    os.setresgid(_ORDINARY, _ORDINARY, _ORDINARY)
    os.setresuid(_ORDINARY, _ORDINARY, _ORDINARY)
    wanted = 1 << 2  # CAP_DAC_READ_SEARCH
    libc.capset(
        struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", wanted, wanted, wanted, 0, 0, 0)
    )
    if libc.prctl(47, 2, 2, 0, 0):  # PR_CAP_AMBIENT_RAISE: it lasts over exec
        raise OSError(ctypes.get_errno(), "no ambient capabilities here")


def _forbid_namespaces() -> None:
    """A filter that allows everything but what containers refuse."""
    rules = [(0x20, 0, 0, 0)]  # load the number of the call
    for number in _FORBIDDEN:
        rules += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050001)]  # if it is this one: EPERM
    rules.append((0x06, 0, 0, 0x7FFF0000))
    code = b"".join(struct.pack("<HBBI", *rule) for rule in rules)
    kept = ctypes.create_string_buffer(code, len(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)
    if libc.prctl(22, 2, struct.pack("@HP", len(rules), ctypes.addressof(kept)), 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp here")
