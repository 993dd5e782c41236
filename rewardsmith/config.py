"""What a run is asked to do: frozen, complete, written once into ``run.json`` with nulls."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Budget(BaseModel):
    """What a run may use; None is no limit. Spent: by sending tokens, stepping environments, and time passing.

    Tokens and steps are hard between orders; minutes stop a run only between rounds, so that a resumed run
    decides as the first one did.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: int | None = Field(None, gt=0)
    steps: int | None = Field(None, gt=0)
    minutes: float | None = Field(None, gt=0)


class RunConfig(BaseModel):
    """Everything that a run was asked to do, nothing left to be looked up again.

    Attributes:
        task: name of the task, whose frozen copy lies in the run.
        strategy, options: who decides, and its resolved options.
        model: ``provider/name``; None when replies come from a file.
        base_url: of a server that speaks the provider's form.
        replies: whose recorded replies are used, in words; None with a model.
        steps: environment steps of each training.
        report_seeds: trainings of the best program and of the native reward for the final comparison.
        device: where networks live.
        allow_weak_sandbox: go on where generated code is not confined strongly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    strategy: str
    options: dict[str, Any]
    model: str | None = None
    base_url: str | None = None
    replies: str | None = None
    steps: int = Field(gt=0)
    report_seeds: int = Field(5, ge=0)
    device: str = "auto"
    allow_weak_sandbox: bool = False
    budget: Budget = Budget()
    max_output_tokens: int = Field(16_000, gt=0)
    temperature: float | None = None
    llm_timeout_s: float = Field(300.0, gt=0)

    @property
    def digest(self) -> str:
        """Digest of what decides the result: all but the budget, which may be raised."""
        content = self.model_dump(mode="json", exclude={"budget", "llm_timeout_s", "base_url", "allow_weak_sandbox"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
