"""The error tree: every failure a user can meet, with its exit code.

    RewardsmithError(message, hint)
    ├─ UsageError      2   before any spend: config, task, plugin, missing extra
    ├─ RunError        3   a run folder: exists, locked, corrupt, resume mismatch
    ├─ BoundaryError   4   the provider, the sandbox, the trainer or the environment failed
    ├─ NoProgram       5   the run ended well, but nothing usable came out
    └─ ProgramError        a generated program failed; never leaves the engine, becomes a Finding

A message says what was expected and what was found; the hint says what to do about it.
A failure that crosses one of the boundaries is classified in one place, :func:`boundary`.
"""

from __future__ import annotations

import difflib
import errno
import os
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Literal

_OURS = Path(__file__).parent
Boundary = Literal["provider", "sandbox", "trainer", "environment"]


class RewardsmithError(Exception):
    """Base of all errors that are meant for the user; shown without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class UsageError(RewardsmithError):
    """The user asked for something that cannot be done; raised before anything is spent."""

    exit_code = 2


class RunError(RewardsmithError):
    """A run folder cannot be used as asked: it exists, is locked, is corrupt, or does not match."""

    exit_code = 3


class BoundaryError(RewardsmithError):
    """Something outside rewardsmith failed; never the fault of a program.

    Args:
        where: which boundary was crossed.
        retryable: whether the same request may succeed when made again.
        retry_after_s: how long the other side asked to wait before that; None when it did not say.
        reason: ``key`` where it was refused, ``connection`` where no server answered; empty for
            everything else.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        where: Boundary,
        retryable: bool = False,
        retry_after_s: float | None = None,
        reason: Literal["", "key", "connection"] = "",
    ) -> None:
        super().__init__(message, hint)
        self.where = where
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.reason = reason


class NoProgram(RewardsmithError):
    """The run ended as planned but no program was good enough to export."""

    exit_code = 5


class ProgramError(RewardsmithError):
    """A generated program broke while it ran in a program host.

    Args:
        line: line of the program's source, 0 when unknown.
        reason: what kind of failure it was: ``exception``, ``output`` (outside the contract),
            ``timeout``, ``memory``, ``system`` (it asked for a system call that it may not make),
            ``state`` (it could remember), ``died``.
    """

    def __init__(
        self, message: str, hint: str = "", *, line: int = 0, reason: str = "exception"
    ) -> None:
        super().__init__(message, hint)
        self.line = line
        self.reason = reason


@contextmanager
def boundary(where: Boundary, doing: str, hint: str = "") -> Iterator[None]:
    """Turn any foreign exception raised inside the block into a :class:`BoundaryError`.

    Errors of our own pass through unchanged, so that the innermost boundary names the failure.
    """
    try:
        yield
    except RewardsmithError:
        raise
    except Exception as error:
        detail = described(error) if where == "environment" else _named(error)
        raise BoundaryError(f"{where} failed while {doing}: {detail}", hint, where=where) from error


def described(error: BaseException) -> str:
    """An error of foreign code in one line: its type, its message, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or _OURS in Path(frames[-1].filename).parents:
        return _named(error)
    last = frames[-1]
    inside, _, place = last.filename.rpartition("-packages" + os.sep)
    place = place if inside else Path(place).name
    return f"{_named(error)} ({place}, line {last.lineno})"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().rstrip(":")


def disk_full(error: BaseException) -> bool:
    """Whether an error, or what caused it, is a disk without room or that is read-only."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, OSError) and chain.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return True
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    return False


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """A sentence naming the known names nearest to ``name``, or all of them when none is near."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=limit, cutoff=0.55)
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    if not names:
        return "there are none"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"known: {shown}"
