"""Choices that follow from the settings of a run: writer, functions of programs, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewardsmith.api.settings import Settings
from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.llm.providers import DEFAULTS, default_model
from rewardsmith.program import ENTRY_POINTS
from rewardsmith.run.config import Writer
from rewardsmith.sandbox.behaviour.for_training import unusable_parts
from rewardsmith.strategy.making import strategy_class
from rewardsmith.task.loading import Task
from rewardsmith.writers.recorded import RecordedReplies

# writers that use no model, by name
NO_MODEL: dict[str, Writer] = {"grammar": "grammar", "questions": "questions"}
USUAL_STRATEGY: dict[Writer, str] = {"grammar": "evolve", "questions": "eager"}
# strategy -> its writer without a model; the grammar for the others
_WITHOUT_A_MODEL: dict[str | None, Writer] = {"eager": "questions"}
# the only function that a writer can write; the other writers write all
_WRITES: dict[Writer, str] = {"grammar": "reward", "questions": "subgoals"}
_KEYS = " or ".join(DEFAULTS)


def who_writes(settings: Settings, recorded: RecordedReplies | None) -> Writer:
    """Choose the writer.

    Raises:
        UsageError: more than one writer was given, or a setting of a model without a model.
    """
    asked = {"--model": settings.model, "--replies": recorded, "--ask": settings.ask}
    named = [name for name, value in asked.items() if value]
    if len(named) > 1:
        raise UsageError(
            f"expected one writer, found {' and '.join(named)}",
            f"give one of {', '.join(named)}",
        )
    if recorded is not None:
        return "replies"
    if settings.ask:
        return "user"
    model = settings.model or default_model()
    if model is not None and model not in NO_MODEL:
        return "model"
    _refuse_settings_of_a_model(settings)
    return NO_MODEL[model] if model else _WITHOUT_A_MODEL.get(settings.strategy, "grammar")


def _refuse_settings_of_a_model(settings: Settings) -> None:
    of_a_model = {
        "base_url": settings.base_url,
        "price": settings.price,
        "temperature": settings.temperature,
        "effort": settings.effort,
    }
    for name, value in of_a_model.items():
        if value is not None:
            raise UsageError(
                f"{name} is a setting of a model, but this run uses no model",
                f"name one with --model, or set {_KEYS}",
            )


def training_changes(strategy: str, settings: Settings) -> dict[str, object]:
    """Changes of the task's training: those of the strategy, then the user's."""
    changes = settings.training_changes
    shaping = {**strategy_class(strategy).shaping, **changes.get("shaping", {})}
    return {**changes, "shaping": shaping} if shaping else changes


def fitting_options(
    writer: Writer, recorded: RecordedReplies | None, strategy: str, given: Mapping[str, Any]
) -> dict[str, int]:
    """Default options for a writer: as many samples and repairs as there are replies.

    A user is asked for as few programs as the strategy allows.

    Args:
        given: the options that the user named.
    """
    if writer == "user":
        return _fewest_samples(strategy)
    if recorded is None or any(reply.attempt for reply in recorded.replies):
        return {}
    if not recorded.listed or not {"rounds", "samples"} <= set(
        strategy_class(strategy).Options.model_fields
    ):
        return {"repairs": 0}
    replies = len(recorded.replies)
    rounds, samples = given.get("rounds", 1), given.get("samples")
    if isinstance(samples, int) and samples > 0:
        return {"repairs": 0, "rounds": max(1, replies // samples)}
    if isinstance(rounds, int) and rounds > 0:
        return {"repairs": 0, "rounds": rounds, "samples": max(1, replies // rounds)}
    return {"repairs": 0}


def _fewest_samples(strategy: str) -> dict[str, int]:
    field = strategy_class(strategy).Options.model_fields.get("samples")
    if field is None:
        return {}
    bounds = [getattr(bound, "ge", None) or 1 for bound in field.metadata]
    return {"samples": max([1, *bounds])}


def produced(
    wanted: str | Sequence[str] | None, strategy: str, task: Task, writer: Writer = "model"
) -> tuple[str, ...]:
    """The functions that programs must define, in the order of :data:`ENTRY_POINTS`.

    Args:
        wanted: names, ``all`` that the task's learner can use, or None for the strategy's
            default.

    Raises:
        UsageError: the function does not exist, the learner of the task cannot use it, or the
            writer cannot write it.
    """
    if wanted == "all":
        wanted = _WRITES.get(writer, "all")
    wanted = wanted or strategy_class(strategy).produces
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
