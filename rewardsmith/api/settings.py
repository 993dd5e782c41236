"""What a run is told, and the choices that follow: who writes, what is written, how it is trained for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.llm.providers import DEFAULTS, default_model
from rewardsmith.program import ENTRY_POINTS
from rewardsmith.run.config import Budget, Writer
from rewardsmith.sandbox.behaviour.for_training import unusable_parts
from rewardsmith.strategy import STRATEGIES
from rewardsmith.task.loading import Task
from rewardsmith.types import Effort
from rewardsmith.writers.recorded import RecordedReplies

UNAIDED: dict[str, Writer] = {
    "grammar": "grammar",
    "questions": "questions",
}  # writers that ask nobody, by their name
USUAL_STRATEGY: dict[Writer, str] = {"grammar": "evolve", "questions": "eager"}
_WITHOUT_A_MODEL: dict[str | None, Writer] = {"eager": "questions"}  # else the grammar
_WRITES: dict[Writer, str] = {
    "grammar": "reward",
    "questions": "subgoals",
}  # the others write anything
_KEYS = " or ".join(DEFAULTS)


class Settings(TypedDict, total=False):
    """What a run may be told besides its task.

    Attributes:
        model: ``provider/name``; or ``grammar`` for the search that asks none, ``questions`` for
            those of the strategy eager; by default it follows from the key that is set, and is one
            of these where none is.
        base_url: of a server that speaks the provider's form.
        replies: recorded replies in place of a model.
        ask: somebody writes by ask and tell, in place of a model.
        price: USD per million tokens of input and of output, where no table has the model or has it
            wrong.
        strategy, options: who decides, and its options, e.g. ``{"rounds": 2, "samples": 3}``; by
            default ``eureka``, and ``evolve`` where the grammar writes.
        budget: limits of the whole run.
        steps: environment steps of each training; the task's by default.
        report_seeds: trainings per side of the final comparison; 0 leaves it out.
        training: changes to the task's training defaults.
        temperature, effort: of the model; None leaves them to the provider.
        max_output_tokens: of one answer, hidden reasoning included.
        llm_timeout_s: how long a request may go without an answer.
        llm_at_once: requests that may be open at a time.
        llm_per_minute: requests that may be begun in a minute; None is no limit.
        device: where networks live; ``auto`` takes a GPU only where it pays.
        prompts: a folder whose templates override ours.
        produce: what programs are asked to define: ``reward``, ``potential``, ``subgoals``,
            ``q_prior``, several of these, or ``all`` that the task's learner can use; a reward by
            default, for qshape all. Without a reward the environment's own stays.
        bank: runs of the same task, or files of recorded episodes, whose behaviour is known from
            the beginning.
        use_expert: let the task's own controller, if it has one, play for the bank.
        allow_weak_sandbox: go on where generated code cannot be confined strongly, see
            ``rewardsmith doctor``.
    """

    model: str | None
    base_url: str | None
    replies: str | Path | RecordedReplies | None
    ask: bool
    price: tuple[float, float] | None
    strategy: str | None
    options: Mapping[str, Any]
    budget: Budget
    steps: int | None
    report_seeds: int
    training: Mapping[str, Any]
    temperature: float | None
    effort: Effort | None
    max_output_tokens: int
    llm_timeout_s: float
    llm_at_once: int
    llm_per_minute: float | None
    device: str
    prompts: str | Path | None
    produce: str | Sequence[str] | None
    bank: Sequence[str | Path]
    use_expert: bool
    allow_weak_sandbox: bool


def who_writes(settings: Settings, recorded: RecordedReplies | None) -> Writer:
    """Who writes.

    Raises:
        UsageError: more than one was named, or something is said of a model where none is asked.
    """
    asked = {"--model": settings.get("model"), "--replies": recorded, "--ask": settings.get("ask")}
    named = [name for name, value in asked.items() if value]
    if len(named) > 1:
        raise UsageError(
            f"{' and '.join(named)} were given, but only one can write",
            f"give one of {', '.join(named)}",
        )
    if recorded is not None:
        return "replies"
    if settings.get("ask"):
        return "person"
    model = settings.get("model") or default_model()
    if model is not None and model not in UNAIDED:
        return "model"
    of_models = next(
        (name for name in ("base_url", "price", "temperature", "effort") if settings.get(name)),
        None,
    )
    if of_models is not None:
        raise UsageError(
            f"{of_models} is for a model, but none is asked",
            f"name one with --model, or set {_KEYS}",
        )
    return UNAIDED[model] if model else _WITHOUT_A_MODEL.get(settings.get("strategy"), "grammar")


def training_changes(strategy: str, settings: Settings) -> dict[str, Any]:
    """Changes of the task's training: those of the strategy, then what was asked for."""
    given = dict(settings.get("training") or {})
    shaping = {**getattr(STRATEGIES.get(strategy), "shaping", {}), **given.get("shaping", {})}
    return {**given, "shaping": shaping} if shaping else given


def fitting_options(writer: Writer, recorded: RecordedReplies | None) -> dict[str, Any]:
    """Options that fit who writes: one program at a time for a person, no repairs that a file does not hold."""
    if writer == "person":
        return {"samples": 1}
    return (
        {"repairs": 0}
        if recorded is not None and not any(reply.attempt for reply in recorded.replies)
        else {}
    )


def produced(
    wanted: str | Sequence[str] | None, strategy: str, task: Task, writer: Writer = "model"
) -> tuple[str, ...]:
    """The functions that programs shall define, in the order of :data:`ENTRY_POINTS`.

    Args:
        wanted: names, ``all`` that the task's learner has a use for, or None for what the strategy
            is made for.

    Raises:
        UsageError: there is no such function, the task's learner has no use for it, or the writer
            cannot write it.
    """
    usual: str = getattr(STRATEGIES.get(strategy), "produces", "reward")
    wanted = _WRITES.get(writer, "all") if wanted == "all" else wanted or usual
    names = wanted.replace("+", ",").split(",") if isinstance(wanted, str) else list(wanted)
    unusable = {name: (why, hint) for name, why, hint in unusable_parts(task.spec.training)}
    if names == ["all"]:
        return tuple(name for name in ENTRY_POINTS if name not in unusable)
    for name in names:
        if name not in ENTRY_POINTS:
            raise UsageError(
                f"programs cannot define {name!r}", did_you_mean(name, [*ENTRY_POINTS, "all"])
            )
        if name in unusable:
            raise UsageError(*unusable[name])
        if _WRITES.get(writer, name) != name:
            raise UsageError(
                f"{writer} writes no {name}, only {_WRITES[writer]}",
                f"name a model, or set {_KEYS}",
            )
    return tuple(name for name in ENTRY_POINTS if name in names)
