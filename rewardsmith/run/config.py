"""What a run does: frozen, complete, written once into ``run.json`` with nulls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from rewardsmith.run.settings import RunSettings, setting_of

Writer = Literal["model", "grammar", "questions", "replies", "replay", "user"]


class RunConfig(RunSettings):
    """The resolved settings of a run: nothing has to be resolved again.

    Attributes:
        task: name of the task, whose frozen copy lies in the run.
        strategy, options: the strategy, and its resolved options.
        writer: what answers requests: a model, the grammar search or the questions, which need no
            model, a file of replies, a replayed run, or the user through ask and tell.
        model: ``provider/name``; None if the run uses no model.
        replies: the origin of the recorded replies, in words; None where none are used.
        steps: training steps of each training.
        report_seeds: seeds of the final comparison; 0 without one.
        asks: whether programs are asked for at all; otherwise rewards are only learned.
        produce: functions that programs are asked to define, see
            :data:`rewardsmith.program.ENTRY_POINTS`.
        bank: runs and files of recorded episodes that the run was given; the run has a copy.
        start: digest of the user's program that the run begins with.
    """

    task: str
    strategy: str
    options: dict[str, Any]
    writer: Writer = "model"
    model: str | None = None
    replies: str | None = None
    steps: int = Field(gt=0)
    report_seeds: int = Field(5, ge=0)
    asks: bool = True
    produce: tuple[str, ...] = ("reward",)
    bank: tuple[str, ...] = ()
    start: str | None = None

    @property
    def digest(self) -> str:
        """Digest of the settings that decide the result; not of the budget, which may be raised."""
        content = self.model_dump(mode="json", exclude=NOT_IN_DIGEST)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def written_by(self) -> str:
        """The writer in words."""
        if not self.asks:
            return "rewardsmith, from the answers of judges"
        without_model = {
            "grammar": "the built-in grammar search, without a model",
            "questions": "the built-in questions about the instruction, without a model",
        }
        return (
            self.replies
            or self.model
            or without_model.get(self.writer, "the user, by ask and tell")
        )


class TrainConfig(BaseModel):
    """What ``rewardsmith train`` was asked to do, written once into ``train.json``.

    Attributes:
        task: name of the task, whose frozen copy lies in the folder.
        program: id of the program.
        file: the file that the program came from; None if it was given as source.
        steps: training steps of each training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    program: str
    file: str | None
    steps: int = Field(gt=0)

    @property
    def written_by(self) -> str:
        """The origin of the program in words."""
        return f"the file {self.file}" if self.file is not None else "the user"


class Confinement(TypedDict):
    """How generated code was confined; see :class:`rewardsmith.sandbox.report.SandboxReport`."""

    level: str
    layers: Sequence[str]
    worked: Sequence[str]
    landlock: int
    system: str


class Manifest(TypedDict):
    """``run.json`` or ``train.json``: the settings, and what it was started with.

    ``config`` is what :class:`RunConfig` or :class:`TrainConfig` writes; versions are by package,
    None if not installed. Only a run has digests of its settings and prompts, and its confinement.
    """

    schema: int
    created: str
    config: Mapping[str, object]
    config_digest: NotRequired[str]
    task_digest: str
    prompts_digest: NotRequired[str]
    sandbox: NotRequired[Confinement]
    python: str
    versions: Mapping[str, str | None]
    git: str | None


NOT_IN_DIGEST = {"asks"} | {  # the options decide it
    name for name in RunSettings.model_fields if not setting_of(RunSettings, name).in_digest
}
