"""Errors of a call as JSON: written by its process, raised again by the executor."""

from __future__ import annotations

from typing import Any

from rewardsmith.errors import BoundaryError, RewardsmithError, RunError, UsageError, disk_full


def as_json(error: BaseException) -> dict[str, Any]:
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


def death(how: str) -> dict[str, Any]:
    """The error of a process that ended without an answer.

    Args:
        how: e.g. "was killed by SIGKILL".
    """
    return _record("BoundaryError", f"the trainer process {how}", "memory may have run out")


def from_json(data: dict[str, Any]) -> RewardsmithError:
    """The same error here."""
    if data["type"] == "UsageError":
        return UsageError(data["message"], data["hint"])
    if data["type"] == "RunError":
        return RunError(data["message"], data["hint"])
    return BoundaryError(data["message"], data["hint"], where=data["where"])


def _record(kind: str, message: str, hint: str, where: str = "trainer") -> dict[str, Any]:
    return {"type": kind, "message": message, "hint": hint, "where": where}
