"""The file from which an interrupted training goes on: arrays and JSON, in a trial's folder.

It is written whole or not at all, holds no pickles, and is removed when the training is over.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from rewardsmith.types import TrainingState

STATE = "training_state.npz"
_FORMAT = 1
_FACTS = "facts"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def write_state(folder: Path, digest: str, state: TrainingState) -> None:
    """Write the state of a trial's training.

    Args:
        folder: of the trial.
        digest: of the trial.

    Raises:
        OSError: the disk is full or read-only.
    """
    facts = json.dumps({"format": _FORMAT, "digest": digest, "state": state.facts})
    content = {**state.arrays, _FACTS: np.frombuffer(facts.encode(), np.uint8)}
    staging = folder / f".{STATE}.tmp"
    with staging.open("wb") as file:
        np.savez(file, **content)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    staging.replace(folder / STATE)


def read_state(folder: Path, digest: str) -> TrainingState | None:
    """The state that a trial's training goes on from.

    Returns:
        None if there is none, if it is damaged, or if it belongs to another trial.
    """
    with suppress(*_UNREADABLE), _opened(folder) as file:
        facts = _facts_of(file, digest)
        if facts is not None:
            return TrainingState({name: file[name] for name in file.files}, facts)
    return None


def has_state(folder: Path, digest: str) -> bool:
    """Whether a trial's training can go on from a state in its folder."""
    with suppress(*_UNREADABLE), _opened(folder) as file:
        return _facts_of(file, digest) is not None
    return False


def remove_state(folder: Path) -> None:
    """Remove the state of a training that is over."""
    (folder / STATE).unlink(missing_ok=True)


@contextmanager
def _opened(folder: Path) -> Iterator[NpzFile]:
    with (folder / STATE).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        yield file


def _facts_of(file: NpzFile, digest: str) -> dict[str, Any] | None:
    """The facts of a state; None if it belongs to another trial."""
    found = json.loads(file[_FACTS].tobytes())
    ours = (found["format"], found["digest"]) == (_FORMAT, digest)
    return dict(found["state"]) if ours else None
