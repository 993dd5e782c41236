"""Values of command-line options: NAME=VALUE pairs, prices, training settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from rewardsmith.errors import UsageError

if TYPE_CHECKING:
    from rewardsmith.engine.workers.executor import Resources


def pairs(texts: list[str] | None) -> dict[str, object]:
    """NAME=VALUE texts as a dictionary; a value that is not valid JSON is a string.

    Raises:
        UsageError: a text has no name or no equals sign.
    """
    found: dict[str, object] = {}
    for text in texts or []:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise UsageError(f"expected NAME=VALUE, found {text!r}", "for example: rounds=2")
        try:
            found[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            found[name.strip()] = value.strip()
    return found


def prices(text: str | None) -> tuple[float, float] | None:
    """``IN,OUT`` as two numbers, USD per million tokens.

    Raises:
        UsageError: it is not two numbers, or one is negative.
    """
    if text is None:
        return None
    try:
        per_input, per_output = (float(part) for part in text.split(","))
    except ValueError:
        per_input = per_output = -1.0
    if not (0 <= per_input < float("inf") and 0 <= per_output < float("inf")):
        raise UsageError(
            f"expected two prices as IN,OUT, found {text!r}", "USD per million tokens: --price 2,10"
        )
    return per_input, per_output


def training_changes(texts: list[str] | None) -> dict[str, Any]:
    """``--set`` texts as changes of ``[training]``; unknown names are hyper-parameters.

    ``training.`` and ``hyperparameters.`` may be left out; further dots name entries of tables.

    Raises:
        UsageError: a text is not NAME=VALUE, or names another part of the task.
    """
    from rewardsmith.task.spec import TaskSpec
    from rewardsmith.task.training import TrainingSpec

    changes: dict[str, Any] = {}
    for name, value in pairs(texts).items():
        first, *rest = name.removeprefix("training.").removeprefix("hyperparameters.").split(".")
        if first in TaskSpec.model_fields and rest:
            raise UsageError(
                f"--set changes [training] only, not {name}",
                "make a task folder: rewardsmith tasks new",
            )
        known = first in TrainingSpec.model_fields
        table = changes if known else changes.setdefault("hyperparameters", {})
        for key in [first, *rest][:-1]:
            table = table.setdefault(key, {})
        table[[first, *rest][-1]] = value
    return changes


class Where(TypedDict):
    """Keyword arguments that say where trainings run."""

    executor: str
    workers: int | None
    needs: Resources


def execution(executor: str, workers: int | None, gpus: float | None) -> Where:
    """Where trainings run, from the options."""
    from rewardsmith.engine.workers.executor import Resources

    return {"executor": executor, "workers": workers, "needs": Resources(gpus=gpus)}
