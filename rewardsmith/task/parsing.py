"""Read a task file into a ``TaskSpec``, with errors that name the place."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.spec import ActionSpec, EnvironmentSpec, EvaluationSpec, FitnessSpec, TaskSpec
from rewardsmith.task.training import AddedTerm, PriorSpec, ShapingSpec, TrainingSpec


def parse_spec(data: Mapping[str, object], where: str) -> TaskSpec:
    """Validate the content of a task file.

    Raises:
        UsageError: the content is invalid; the message names the place and the most similar key.
    """
    try:
        return TaskSpec.model_validate(data)
    except ValidationError as error:
        # A misspelt key explains the missing key, so it is reported first.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            known = _known_keys(first["loc"][:-1])
            raise UsageError(
                f"{where}: unknown key {place!r}", did_you_mean(str(first["loc"][-1]), known)
            ) from None
        if first["type"] == "missing":
            raise UsageError(
                f"{where}: {place!r} is missing", _MISSING.get(place, f"add {place!r}")
            ) from None
        text = first["msg"].removeprefix("Value error, ")
        found = first["input"]
        hint = f"correct [{place}]" if isinstance(found, Mapping) else f"found {found!r}"[:200]
        raise UsageError(f"{where}: {place}: {text}", hint) from None


_MISSING = {
    "goal": 'add goal = "what the agent must achieve, in words"',
    "fitness": "add [fitness] with source = "
    '"fitness.py:fitness", info["is_success"] or "native_return"',
    "env": 'add [env] with id = "CartPole-v1", "module:Class" or "env.py:Class"',
}


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys that a table of the file may have; ``path`` leads to the table."""
    model: type[BaseModel] = TaskSpec
    tables: dict[str, type[BaseModel]] = {
        "env": EnvironmentSpec, "fields": FieldSpec, "action": ActionSpec,
        "fitness": FitnessSpec, "training": TrainingSpec, "shaping": ShapingSpec,
        "prior": PriorSpec, "terms": AddedTerm, "evaluation": EvaluationSpec,
    }  # fmt: skip
    for part in path:
        model = tables.get(str(part), model)
    return list(model.model_fields)
