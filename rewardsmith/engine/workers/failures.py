"""Errors of a call as JSON: written by its process, raised again by the executor."""

from __future__ import annotations

from typing import TypedDict

from rewardsmith.errors import (
    Boundary,
    BoundaryError,
    RewardsmithError,
    RunError,
    UsageError,
    disk_full,
)


class Failure(TypedDict):
    """An error: the name of its class, its message and hint, and the boundary it crossed."""

    type: str
    message: str
    hint: str
    where: Boundary


class Answer(TypedDict):
    """How a call ended; ``error`` is None if it was carried out."""

    error: Failure | None


def as_json(error: BaseException) -> Failure:
    """An error as JSON.

    A full disk is recognised also as the cause of what a library raised.
    """
    if disk_full(error):
        hint = "free some disk space, then resume"
        return _record("RunError", f"cannot write: {error}", hint)
    if isinstance(error, RewardsmithError):
        where = error.where if isinstance(error, BoundaryError) else "trainer"
        return _record(type(error).__name__, error.message, error.hint, where)
    message = f"{type(error).__name__}: {error}"
    return _record("BoundaryError", message, "see out.log in the trial's folder")


def death(how: str) -> Failure:
    """The error of a process that ended without an answer.

    Args:
        how: e.g. "was killed by SIGKILL".
    """
    return _record("BoundaryError", f"the trainer process {how}", "memory may have run out")


def from_json(data: Failure) -> RewardsmithError:
    """The same error here."""
    if data["type"] == "UsageError":
        return UsageError(data["message"], data["hint"])
    if data["type"] == "RunError":
        return RunError(data["message"], data["hint"])
    return BoundaryError(data["message"], data["hint"], where=data["where"])


def _record(kind: str, message: str, hint: str, where: Boundary = "trainer") -> Failure:
    return {"type": kind, "message": message, "hint": hint, "where": where}
