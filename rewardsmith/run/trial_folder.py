"""The folder of one trial, with the files of its training and its evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

from rewardsmith.episodes.files import ALONG, EPISODES, REWARDS, load_episodes, load_output
from rewardsmith.journal import disk_error
from rewardsmith.run.curves import CurveRow, read_curve
from rewardsmith.run.trials import (
    CURVE,
    FILM,
    JOB,
    RESULT,
    TRAINED,
    TrainedReport,
    TrialJob,
    TrialResult,
)
from rewardsmith.types import Episode, Output

_Record = TypeVar("_Record", bound=BaseModel)


class TrialName(Protocol):
    """An object that names a trial: its state, its job, or its progress."""

    @property
    def program(self) -> str:
        """Id of the program, or ``native``."""

    @property
    def rung(self) -> str:
        """``selection`` or ``report``."""

    @property
    def seed(self) -> int:
        """Seed of the training."""


class TrialFolder:
    """Reads the folder of one trial. What was not written yet is None, or empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def job(self) -> TrialJob | None:
        """The job of the training."""
        return _read(self.path / JOB, TrialJob)

    def trained(self) -> TrainedReport | None:
        """How the training ended."""
        return _read(self.path / TRAINED, TrainedReport)

    def result(self) -> TrialResult | None:
        """The result of the evaluation."""
        return _read(self.path / RESULT, TrialResult)

    def curve(self) -> list[CurveRow]:
        """The curve of the training, as far as it got."""
        return read_curve(self.path / CURVE)

    def episodes(self) -> list[Episode]:
        """The evaluation episodes."""
        path = self.path / EPISODES
        return load_episodes(path) if path.exists() else []

    def recorded(self) -> list[Episode]:
        """The evaluation episodes, then those that were recorded along the training."""
        along = self.path / ALONG
        return self.episodes() + (load_episodes(along) if along.exists() else [])

    def rewards(self) -> Output | None:
        """The program's rewards for the steps of the evaluation episodes, one after the other."""
        path = self.path / REWARDS
        return load_output(path) if path.exists() else None

    @property
    def film(self) -> Path | None:
        """The film of the policy."""
        path = self.path / FILM
        return path if path.exists() else None


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    """A record from its file; None where there is none.

    Raises:
        RunError: the file cannot be read.
    """
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(path, error) from error
