"""What a run is asked to do: frozen, complete, written once into ``run.json`` with nulls."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rewardsmith.types import Effort

Writer = Literal["model", "grammar", "questions", "replies", "replay", "person"]
_DECIDES_NOTHING = {
    "budget", "llm_timeout_s", "llm_at_once", "llm_per_minute", "base_url", "price", "allow_weak_sandbox",
}  # fmt: skip


class Budget(BaseModel):
    """What a run may use; None is no limit.

    Dollars, tokens and calls are hard: the most that a request can come to is kept back before it
    is sent, so requests that are open at once cannot overshoot together. Steps are weighed before a
    training is begun. Minutes stop a run only between rounds, so that a resumed run decides as the
    first one did.

    Attributes:
        usd: what the model may cost.
        tokens: sent and received.
        calls: requests to the model, repairs included.
        steps: of environments, evaluation included.
        minutes: of work, over all sessions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd: float | None = Field(None, gt=0)
    tokens: int | None = Field(None, gt=0)
    calls: int | None = Field(None, gt=0)
    steps: int | None = Field(None, gt=0)
    minutes: float | None = Field(None, gt=0)

    def replaced_by(self, limits: Budget) -> Budget:
        """The same with those limits that another budget sets."""
        return self.model_copy(update=limits.model_dump(exclude_none=True))


class RunConfig(BaseModel):
    """Everything that a run was asked to do, nothing left to be looked up again.

    Attributes:
        task: name of the task, whose frozen copy lies in the run.
        strategy, options: who decides, and its resolved options.
        writer: who answers requests: a model, the grammar search or the questions, which need none,
            a file of replies, a replayed run, or a person (or another program) through ask and
            tell.
        model: ``provider/name``; None when nobody's model is asked for.
        base_url: of a server that speaks the provider's form.
        replies: whose recorded replies are used, in words; None where none are.
        price: USD per million tokens of input and of output, in place of list prices.
        steps: environment steps of each training.
        produce: functions that programs are asked to define, see
            :data:`rewardsmith.program.ENTRY_POINTS`.
        bank: runs and files whose behaviour was known when the run began; a copy lies in it.
        use_expert: whether the task's own controller played for the bank.
        report_seeds: trainings of the best program and of the native reward for the final
            comparison.
        device: where networks live.
        allow_weak_sandbox: go on where generated code is not confined strongly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    strategy: str
    options: dict[str, Any]
    writer: Writer = "model"
    model: str | None = None
    base_url: str | None = None
    replies: str | None = None
    price: tuple[float, float] | None = None
    steps: int = Field(gt=0)
    produce: tuple[str, ...] = ("reward",)
    bank: tuple[str, ...] = ()
    use_expert: bool = False
    report_seeds: int = Field(5, ge=0)
    device: str = "auto"
    allow_weak_sandbox: bool = False
    budget: Budget = Budget()
    max_output_tokens: int = Field(16_000, gt=0)
    temperature: float | None = None
    effort: Effort | None = None
    llm_timeout_s: float = Field(300.0, gt=0)
    llm_at_once: int = Field(8, gt=0)
    llm_per_minute: float | None = Field(None, gt=0)

    @property
    def digest(self) -> str:
        """Digest of what decides the result: all but the budget, which may be raised."""
        content = self.model_dump(mode="json", exclude=_DECIDES_NOTHING)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def written_by(self) -> str:
        """Who writes, in words."""
        unaided = {
            "grammar": "the built-in grammar search; no model is asked",
            "questions": "the built-in questions about the instruction; no model is asked",
        }
        return (
            self.replies
            or self.model
            or unaided.get(self.writer, "a person or a program, by ask and tell")
        )
