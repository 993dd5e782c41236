"""The zygote: a process that has loaded numpy and forks program hosts; it runs no program itself.

Started by exec with an empty environment, once per process that needs hosts; a host is then there
in milliseconds. Its client speaks first, and numbers its questions:

    F  and two files, the host's socket and memory     -> process id, or 0 if there can be no
    process R  and a process id, after that process was killed -> its wait status

It reaps a host only on command, so that until then the id of the host is not reused and can be
signalled safely. It ends with its client, and on Linux its hosts end with it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from typing import NoReturn

import numpy as np

from rewardsmith.sandbox.inside.attacks import self_test
from rewardsmith.sandbox.inside.process import serve
from rewardsmith.sandbox.inside.warming import warm
from rewardsmith.sandbox.wire import ANSWER, COMMAND, FORK, READY


def main() -> NoReturn:
    """Serve the client whose socket, process id and layers end the command line."""
    _hear_signals()
    channel, client, layers = (
        int(sys.argv[-3]),
        int(sys.argv[-2]),
        tuple(filter(None, sys.argv[-1].split(","))),
    )
    os.environ.clear()
    sys.argv[:] = ["program"]
    np.seterr(all="ignore")
    warm()
    held, stopped = self_test(layers)
    control = socket.socket(fileno=channel)
    control.sendall(json.dumps({"layers": held, "stopped": stopped}).encode() + READY)
    _quieten()
    gc.collect()
    gc.freeze()  # what is loaded now is shared with every host
    while True:
        message, files = _next(control, client)
        command, number, process = COMMAND.unpack(message)
        result = _fork(control, files, layers) if command == FORK else _reap(process)
        control.sendall(ANSWER.pack(number, result))


def _hear_signals() -> None:
    """Undo ignored and blocked signals of the client: ends of children and timers must work."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for heard in (signal.SIGCHLD, signal.SIGALRM, signal.SIGPROF):
        signal.signal(heard, signal.SIG_DFL)


def _next(control: socket.socket, client: int) -> tuple[bytes, list[int]]:
    """The next command; end the process if the client is gone."""
    while True:
        try:
            command, files, _, _ = socket.recv_fds(control, COMMAND.size, 2)
        except (
            BlockingIOError
        ):  # no command for a while; a fork of the client may keep the socket open
            if os.getppid() != client:
                os._exit(0)
            continue
        if not command:
            os._exit(0)
        return command, files


def _fork(control: socket.socket, files: list[int], layers: tuple[str, ...]) -> int:
    """Fork a host with these files; 0 if the system allows no further process."""
    try:
        child = os.fork()
    except OSError:
        child = 0
    else:
        if child == 0:
            _become_host(control, files, layers)
    for file in files:
        os.close(file)
    return child


def _reap(process: int) -> int:
    """Wait status of a host; 0 if it was reaped before, by an interrupted command."""
    try:
        return os.waitpid(process, 0)[1]
    except ChildProcessError:
        return 0


def _become_host(control: socket.socket, files: list[int], layers: tuple[str, ...]) -> NoReturn:
    try:
        control.close()
        os.setsid()  # its own group, which is killed as one
        serve(files[0], files[1], layers)
    finally:
        os._exit(1)


def _quieten() -> None:
    """Close input and output; standard error was the socket until now, for a failed start."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
