"""Reads what a program host process answers, and believes none of it.

Whatever ran in the process may have taken it over; then it can still only give other numbers,
because every count, length and name is checked here, nothing is unpickled, and texts are cut.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from dataclasses import dataclass
from typing import Any

from rewardsmith.errors import BoundaryError, ProgramError
from rewardsmith.sandbox import wire

_REASONS = ("exception", "output", "memory", "system", "state")
_SHORTER = "remove loops, or make them shorter"
_PURE = "a program only computes and returns"
_MEMORY = "work on arrays of the size of the arguments"


@dataclass(frozen=True)
class Reply:
    """A reply to a call.

    Attributes:
        flags: whether there was a total, or :data:`wire.MATRIX`.
        used: output rows that hold something, beside the first.
        names: names of the terms, where this reply brings them.
    """

    flags: int
    used: int
    names: tuple[str, ...] | None


def receive(control: socket.socket, seconds: float) -> Reply:
    """Wait for one reply; the socket's own timeout limits each receive, and ``seconds`` all of them.

    Raises:
        ProgramError: the process says that the program failed, or says nonsense.
        BlockingIOError, TimeoutError: no reply in time.
        EOFError: the process is gone.
    """
    got, size, deadline = b"", wire.REPLY.size, 0.0
    while True:
        part = control.recv(65536)
        if not part:
            raise EOFError
        got += part
        if len(got) >= wire.REPLY.size:
            kind, flags, used, length = wire.REPLY.unpack_from(got)
            if length > wire.MAX_PAYLOAD:
                raise broken()
            size = wire.REPLY.size + length
            if len(got) == size:
                return _read(kind, flags, used, got[wire.REPLY.size :])
        if len(got) > size:
            raise broken()
        deadline = (
            deadline or time.monotonic() + seconds
        )  # asked only where a reply comes in pieces
        if time.monotonic() > deadline:
            raise TimeoutError


def cause_of_death(status: int) -> ProgramError:
    """The error for a process that ended by itself with this status."""
    if status == -signal.SIGALRM:
        return ProgramError("no result in time", _SHORTER, reason="timeout")
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return ProgramError(f"the program ended its process ({how})", _PURE, reason="died")


def too_slow(seconds: float) -> ProgramError:
    """The error for a process that did not answer."""
    return ProgramError(f"no result after {seconds:g} s", _SHORTER, reason="timeout")


def broken() -> ProgramError:
    """The error for a process that says nonsense."""
    return ProgramError("the program interfered with its host", _PURE, reason="died")


def lost(why: str, hint: str = "") -> BoundaryError:
    """The error for a process that was taken away, by no fault of the program."""
    return BoundaryError(f"the program host was lost: {why}", hint, where="sandbox", retryable=True)


def _read(kind: int, flags: int, used: int, payload: bytes) -> Reply:
    if kind == wire.OK and not payload:
        return Reply(flags, used, None)
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        raise broken() from None
    if kind == wire.ERROR:
        raise _program_error(content)
    if kind != wire.OK_NAMES or not _are_names(content):
        raise broken()
    return Reply(flags, used, tuple(content))


def _are_names(content: Any) -> bool:
    if not isinstance(content, list) or not 0 < len(content) <= wire.MAX_TERMS:
        return False
    good = all(
        type(name) is str and name.isprintable() and 0 < len(name) <= wire.MAX_NAME
        for name in content
    )
    return (
        good and len(set(content)) == len(content) and "_rest" not in content
    )  # which the parent adds


def _printable(text: str) -> str:
    """Without control codes, which a terminal would obey, and without surrogates, which no file can hold."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _program_error(content: Any) -> ProgramError:
    if not isinstance(content, dict) or content.get("reason") not in _REASONS:
        return broken()
    line, message, reason = (
        content.get("line"),
        _printable(str(content.get("message"))),
        content["reason"],
    )
    hint = {"memory": _MEMORY, "system": _PURE}.get(reason, "")
    return ProgramError(
        message[: wire.MAX_MESSAGE], hint, line=line if type(line) is int else 0, reason=reason
    )
