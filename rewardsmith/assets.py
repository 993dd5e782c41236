"""Finds the folders ``prompts/`` and ``tasks/``: in the wheel, or beside the package."""

from __future__ import annotations

from pathlib import Path

from rewardsmith.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def asset_folder(name: str) -> Path:
    """The folder of that name.

    Raises:
        UsageError: neither the installed package nor a checkout around it has the folder.
    """
    for candidate in (_PACKAGE / "_assets" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise UsageError(
        f"the folder {name!r} is not part of this installation", "install rewardsmith again"
    )
