"""The zygote: a process that has numpy loaded and forks a program host whenever it is asked; runs no program itself.

Started by exec with an empty environment, once per process that needs hosts; a host is then there
in milliseconds. Its client speaks first, and numbers its questions:

    F  and two files, the host's socket and memory     -> process id, or 0 if there can be no
    process R  and a process id, after that process was killed -> its wait status

It reaps only what it is told to, so that until then a host's id belongs to nobody else and can be
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
from rewardsmith.sandbox.inside.facades import warm
from rewardsmith.sandbox.inside.process import serve
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
        command, asked, process = COMMAND.unpack(message)
        result = _fork(control, files, layers) if command == FORK else _reap(process)
        control.sendall(ANSWER.pack(asked, result))


def _hear_signals() -> None:
    """A client that ignores or blocks signals passes that on; here ends of children must be told, and timers end."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for heard in (signal.SIGCHLD, signal.SIGALRM, signal.SIGPROF):
        signal.signal(heard, signal.SIG_DFL)


def _next(control: socket.socket, client: int) -> tuple[bytes, list[int]]:
    """The next command; ends the process when the client is gone."""
    while True:
        try:
            command, files, _, _ = socket.recv_fds(control, COMMAND.size, 2)
        except (
            BlockingIOError
        ):  # nobody asked for a while; a fork of the client may hold the socket open
            if os.getppid() != client:
                os._exit(0)
            continue
        if not command:
            os._exit(0)
        return command, files


def _fork(control: socket.socket, files: list[int], layers: tuple[str, ...]) -> int:
    """A host with these files; 0 where the system has no process left."""
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
    """Wait status of a host; 0 if it was asked for before, and the answer lost to an interrupt of the client."""
    try:
        return os.waitpid(process, 0)[1]
    except ChildProcessError:
        return 0


def _become_host(control: socket.socket, files: list[int], layers: tuple[str, ...]) -> NoReturn:
    try:
        control.close()
        os.setsid()  # a group of its own, to be killed as one
        serve(files[0], files[1], layers)
    finally:
        os._exit(1)


def _quieten() -> None:
    """Nothing in, nothing out: standard error was the socket until now, so that a failed start could be told."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
