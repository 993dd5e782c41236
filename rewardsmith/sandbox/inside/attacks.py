"""Self test: a confined process attacks itself, which shows what the sandbox really stops here.

Each attack is a few lines that a program which escaped Python could run. ``rewardsmith doctor``
shows the table, and the level follows from it. With all layers off the same attacks must succeed
(the control).
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from typing import Literal, NamedTuple

from rewardsmith.sandbox.inside.confine import confine

Level = Literal["strong", "medium", "weak"]
_MEMORY_MB = 1024
_ANYONES = "/tmp"  # a folder where any process may write
_NOBODY_LISTENS = 9
_REFUSED = 77  # exit status of a child whose exec was refused


class Targets(NamedTuple):
    """Targets of the attacks, created before the process is confined."""

    tcp_port: int
    udp_port: int
    parent: int


def _raise_its_limits(_: Targets) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _read_a_file(_: Targets) -> None:
    with open(os.__file__, "rb") as file:
        file.read(1)


def _list_a_folder(_: Targets) -> None:
    os.listdir("/")


def _write_a_file(_: Targets) -> None:
    path = os.path.join(_ANYONES, f"rewardsmith-attack-{os.getpid()}")
    with open(path, "xb") as file:
        file.write(b"x")
    os.unlink(path)


def _make_a_folder(_: Targets) -> None:
    path = os.path.join(_ANYONES, f"rewardsmith-attack-{os.getpid()}")
    os.mkdir(path)
    os.rmdir(path)


def _connect_over_tcp(at: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.connect(("127.0.0.1", at.tcp_port))


def _send_over_udp(at: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", at.udp_port))


def _open_a_unix_socket(_: Targets) -> None:
    for end in socket.socketpair():
        end.close()


def _fork(_: Targets) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _signal_its_parent(at: Targets) -> None:
    os.kill(at.parent, 0)


def _make_code_at_run_time(_: Targets) -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _take_all_memory(_: Targets) -> None:
    mmap.mmap(-1, 2 * _MEMORY_MB << 20).close()


def _run_a_command(_: Targets) -> None:
    """Does not return if it works; the exit status shows it."""
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "pass"])


_EACH: tuple[Callable[[Targets], None], ...] = (
    *(_raise_its_limits, _read_a_file, _list_a_folder, _write_a_file, _make_a_folder),
    *(_connect_over_tcp, _send_over_udp, _open_a_unix_socket),
    *(_fork, _signal_its_parent, _make_code_at_run_time, _take_all_memory),
)
ATTACKS = (*(attack.__name__[1:].replace("_", " ") for attack in _EACH), "run a command")
_FOR_MEDIUM = frozenset(
    {"read a file", "write a file", "make a folder", "connect over tcp", "take all memory"}
)


class SelfTest(NamedTuple):
    """The result of a self test.

    Attributes:
        layers: the active layers, from :func:`confine.confine`.
        stopped: attacks that were refused; all others of :data:`ATTACKS` worked.
    """

    layers: tuple[str, ...]
    stopped: tuple[str, ...]

    @property
    def level(self) -> Level:
        """strong: all attacks were refused; medium: those on files, TCP and memory; weak: fewer."""
        stopped = frozenset(self.stopped)
        if stopped >= frozenset(ATTACKS):
            return "strong"
        return "medium" if stopped >= _FOR_MEDIUM else "weak"


def self_test(layers: Collection[str]) -> SelfTest:
    """Fork a child, confine it, and run every attack in it."""
    with ExitStack() as stack:
        tcp, udp = _listener(stack, socket.SOCK_STREAM), _listener(stack, socket.SOCK_DGRAM)
        targets = Targets(tcp, udp, os.getpid())
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            _attack(write_end, targets, layers)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        content = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not content:
        return SelfTest((), ())
    held, stopped = json.loads(content)
    return SelfTest(tuple(held), (*stopped, *(["run a command"] if status == _REFUSED else [])))


def _listener(stack: ExitStack, kind: socket.SocketKind) -> int:
    """A port of this machine as target; without a network, one where nothing listens."""
    try:
        listener = stack.enter_context(socket.socket(socket.AF_INET, kind))
        listener.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            listener.listen()
        port: int = listener.getsockname()[1]
    except OSError:
        return _NOBODY_LISTENS
    return port


def _attack(answer_to: int, targets: Targets, layers: Collection[str]) -> None:
    """Runs in the child and never returns."""
    try:
        held = confine(_MEMORY_MB, layers)
        stopped = [
            name
            for name, attack in zip(ATTACKS, _EACH, strict=False)
            if not _works(attack, targets)
        ]
        os.write(answer_to, json.dumps([held, stopped]).encode())
        os.close(answer_to)
        with suppress(OSError):
            _run_a_command(targets)
        os._exit(_REFUSED)
    finally:
        os._exit(1)


def _works(attack: Callable[[Targets], None], targets: Targets) -> bool:
    try:
        attack(targets)
    except (OSError, ValueError, MemoryError):  # setrlimit says ValueError
        return False
    return True
