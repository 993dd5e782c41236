"""Reads the replies of a program host process without trusting them.

A program may have taken over its process. It can then only return other numbers, since every count,
length and name is checked here, nothing is unpickled, and texts are cut.
"""

from __future__ import annotations

import json
import signal
import socket
from dataclasses import dataclass
from typing import Any

from rewardsmith.errors import BoundaryError, ProgramError
from rewardsmith.sandbox import wire
from rewardsmith.sandbox.client.waiting import Late, Waiting

_REASONS = ("exception", "output", "memory", "system", "state")
_MAX_PIECES = 64  # receives for one reply; an honest one comes in one piece
_SHORTER = "remove loops, or make them shorter"
_PURE = "only compute and return a value"
_MEMORY = "use arrays of the size of the arguments"


@dataclass(frozen=True)
class Reply:
    """A reply to a call.

    Attributes:
        flags: whether there is a total, or :data:`wire.MATRIX`.
        used: number of output rows in use after the first.
        names: names of the terms, if this reply contains them.
    """

    flags: int
    used: int
    names: tuple[str, ...] | None


def receive(control: socket.socket, waiting: Waiting) -> Reply:
    """Wait for one reply.

    Raises:
        ProgramError: the program failed, or the reply is malformed.
        Late: no reply in time.
        EOFError: the process is gone.
    """
    got, size = b"", wire.REPLY.size
    for _ in range(_MAX_PIECES):
        part = waiting.receive(control, 65536)
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
    raise broken()


def cause_of_death(status: int) -> ProgramError:
    """The error for a process that ended by itself with this status."""
    if status in (-signal.SIGPROF, -signal.SIGALRM):
        return ProgramError("no result in time", _SHORTER, reason="timeout")
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return ProgramError(f"the program ended its process ({how})", _PURE, reason="died")


def late(why: Late, seconds: float) -> ProgramError | BoundaryError:
    """The error for a process that did not answer: only what the program did is its fault."""
    if why.reason in ("cpu", "asleep"):
        return ProgramError(f"no result after {seconds:g} s", _SHORTER, reason="timeout")
    how = "it was stopped" if why.reason == "stopped" else "it got too little CPU time"
    return lost(f"{how} ({why.detail})", "use a machine with less load, or try again later")


def broken() -> ProgramError:
    """The error for a malformed reply."""
    return ProgramError("the program interfered with its host", _PURE, reason="died")


def lost(why: str, hint: str = "") -> BoundaryError:
    """The error for a process that was lost through no fault of the program."""
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
    """Replace control codes (for terminals) and surrogates (for files) by question marks."""
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
