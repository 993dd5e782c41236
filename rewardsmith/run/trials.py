"""What a trial is given and what it reports, as plain JSON that passes between processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from rewardsmith.program import NATIVE
from rewardsmith.task.spec import EvaluationSpec
from rewardsmith.task.training import TrainingSpec
from rewardsmith.terms.specs import NATIVE_TERM, TermSpec
from rewardsmith.terms.term import ProgramFunction

CHECKPOINTS = 5  # weights kept along a training, the last one included
CURVE_POINTS = 40
# in a trial's folder
JOB = "job.json"
CURVE = "curve.csv"
TRAINED = "trained.json"  # once its training is over
RESULT = "result.json"  # once its evaluation is over
FILM = "film.webp"  # where one was made
POLICY = "policy.zip"  # once its policy was exported
ONNX = "policy.onnx"  # the same, once it was exported so
NORMALISATION = "vecnormalize.pkl"  # where observations or rewards are normalised
PROGRESS = "progress.json"  # in the first trial's folder of a training call
RANKING_EPISODES = 5  # per checkpoint, to choose which one to export


class ExploiterSpec(BaseModel):
    """How an exploiter is trained, see :mod:`rewardsmith.train.exploiter`.

    Attributes:
        success_return: the highest return that a successful episode may get.
        success_from: fitness from which an episode is a success, where the task defines no success.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    success_return: float
    success_from: float | None = None


class TrialJob(BaseModel):
    """One training and its evaluation.

    Attributes:
        program: id of the candidate, see :func:`rewardsmith.terms.specs.candidate_id`; the terms
            that the task adds do not change it.
        reward: the terms whose sum is learned from.
        q_prior: the program's prior on Q, for a learner that uses one; it is no part of the reward.
        seed: of the training; evaluation seeds are derived from it and the rung.
        rung: ``selection`` and ``report`` trials never share seeds; those of ``exploit`` train
            exploiters.
        steps: environment steps of the training.
        exploiter: how an exploiter is trained; None for an ordinary training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    program: str = NATIVE
    reward: tuple[TermSpec, ...] = (NATIVE_TERM,)
    q_prior: ProgramFunction | None = None
    seed: int = 0
    rung: str = "selection"
    steps: int
    training: TrainingSpec
    evaluation: EvaluationSpec
    device: str = "auto"
    exploiter: ExploiterSpec | None = None

    def digest(self, task_digest: str) -> str:
        """Identity of the trial: everything that can change its result, nothing of this machine."""
        content = self.model_dump(mode="json")
        return hashlib.sha256(
            json.dumps([task_digest, content], sort_keys=True).encode()
        ).hexdigest()[:16]

    @property
    def trainer(self) -> str:
        """Name of the trainer that carries the training out."""
        return self.training.trainer

    @property
    def key(self) -> tuple[str, int, str]:
        """Program, seed and rung: the name of the trial in its run."""
        return self.program, self.seed, self.rung

    def progress(self, steps: int = 0, fitness: float | None = None) -> TrialProgress:
        """How far the training of this trial is after some steps."""
        return TrialProgress(*self.key, steps, self.steps, fitness)


class PriorOutcome(BaseModel):
    """Whether a prior on Q that was tested in the training was accepted.

    Attributes:
        steps: environment steps after which that was decided.
        guided, own: mean return, without shaping, of the latest prior-guided episodes and of the
            learner's own until then; None where no such episode had ended.
    """

    accepted: bool
    steps: int
    guided: float | None
    own: float | None


class Continued(BaseModel):
    """That a training went on after an interruption.

    Attributes:
        steps: environment steps that were already taken.
        exact: whether its result is that of a training without the interruption; if not, the
            episodes that were under way are lost and new ones began.
    """

    steps: int
    exact: bool

    def __str__(self) -> str:
        """In words, for tables and records."""
        how = "exactly" if self.exact else "with fresh episodes"
        return f"continued from step {self.steps:,}, {how}"


class TrainedReport(BaseModel):
    """What the training left behind; written when it is over."""

    digest: str
    status: Literal["finished", "program_failed"]
    steps: int
    wall_s: float
    checkpoints: list[str]
    message: str = ""
    line: int = 0
    prior: PriorOutcome | None = None
    continued: list[Continued] = []


class TrialResult(BaseModel):
    """The outcome of a trial.

    Attributes:
        checkpoint: the one with the largest return of its own reward on ranking episodes.
        own_return: its mean undiscounted return on those.
        validation: its fitness on each of those; no reported number uses it.
        fitness: per evaluation episode, on seeds that ranking never used.
        successes: per evaluation episode, where the task defines success.
        reached: subgoal -> per evaluation episode the step after which it first held, from 1; None
            where it never did.
        steps: environment steps of training, ranking and evaluation together.
        continued: each time that the training went on after an interruption.
    """

    digest: str
    status: Literal["finished", "program_failed"]
    checkpoint: str = ""
    own_return: float | None = None
    validation: list[float] = []
    fitness: list[float] = []
    successes: list[bool] | None = None
    reached: dict[str, list[int | None]] = {}
    steps: int = 0
    wall_s: float = 0.0
    message: str = ""
    line: int = 0
    continued: list[Continued] = []


def write_json(path: Path, record: BaseModel) -> None:
    """Write a record whole or not at all."""
    staging = path.with_name(f".{path.name}.tmp")
    staging.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    staging.replace(path)


class TrialProgress(NamedTuple):
    """How far a running trial is.

    Attributes:
        steps: environment steps of the training that were taken.
        total: environment steps of the training.
        fitness: the last one measured in training; None before the first.
    """

    program: str
    seed: int
    rung: str
    steps: int
    total: int
    fitness: float | None

    @property
    def key(self) -> tuple[str, int, str]:
        """As of :class:`rewardsmith.run.outcomes.TrialState`."""
        return self.program, self.seed, self.rung


def write_progress(folder: Path, trials: Sequence[TrialProgress]) -> None:
    """Write how far the trials of a training call are.

    Args:
        folder: of the first trial.
    """
    staging = folder / f".{PROGRESS}.tmp"
    staging.write_text(json.dumps(trials), encoding="utf-8")
    staging.replace(folder / PROGRESS)


def read_progress(folder: Path) -> list[TrialProgress] | None:
    """Read what :func:`write_progress` wrote; None where nothing is written yet."""
    try:
        rows = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return [TrialProgress(*row) for row in rows]
