"""What was seen of an environment, as the request for a drafted task shows it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.task.docstrings import docstring_of
from rewardsmith.task.draft_fields import info_source, is_offered
from rewardsmith.task.drafting import Draft
from rewardsmith.task.facts import NumberFacts
from rewardsmith.task.held import Held
from rewardsmith.task.look import Look
from rewardsmith.task.observations import leaves, source_of
from rewardsmith.task.training import TrainingSpec

_LEFT_OUT = ("## Version History", "## Credits", "## References")
_LONGEST_TEXT = 40_000  # characters of a documentation or a source


class NumberRow(NamedTuple):
    """A number of the observation, or a run of constants."""

    source: str
    start: tuple[float, float]
    low: float
    high: float
    change: float
    seen: str


class InfoRow(NamedTuple):
    """A key of info."""

    source: str
    share: float
    at_reset: bool
    example: str
    remark: str


class Change(NamedTuple):
    """The change of a number while an action was held."""

    source: str
    by: float


class HeldRow(NamedTuple):
    """An action that was held."""

    action: str
    steps: int
    ended: bool
    native_return: float
    changes: list[Change]
    info: Mapping[str, float]


def evidence(
    draft: Draft,
    goal: str | None,
    fitness: str | None,
    *,
    documentation: bool = True,
    send_source: bool = False,
) -> dict[str, Any]:
    """The variables of the template ``task/request``.

    Args:
        draft: from data alone, with its look and held actions.
        goal, fitness: the user's own; None leaves them to the model.
        documentation: show the docstring of the environment.
        send_source: show the source of its class.
    """
    look = draft.look
    recorded = set(look.motion.sources)
    return {
        "env_id": draft.task.env_id,
        "limit": look.limit,
        "goal": goal,
        "fitness": fitness,
        "observation_space": _short(str(look.env.observation_space)),
        "action_space": _short(str(look.env.action_space)),
        "seconds": _seconds(look.env),
        "documentation": _documentation(look.env) if documentation else "",
        "source": source_text(look.env)[:_LONGEST_TEXT] if send_source else "",
        "steps": look.motion.facts.steps,
        "numbers": list(_number_rows(look)),
        "others": list(_others(look, recorded)),
        "info": list(_info_rows(look)),
        "held": [_held_row(one, look) for one in draft.held],
        "training": _training(draft.task.spec.training),
    }


def source_text(env: Any) -> str:
    """The source of an environment's class; empty where there is none to read."""
    try:
        return inspect.getsource(type(env.unwrapped))
    except (OSError, TypeError):
        return ""


def _documentation(env: Any) -> str:
    """The docstring without the sections that say nothing of the present environment."""
    parts = re.split(r"^(?=## )", docstring_of(env), flags=re.MULTILINE)
    kept = [part for part in parts if not part.startswith(_LEFT_OUT)]
    return "".join(kept).strip()[:_LONGEST_TEXT]


def _seconds(env: Any) -> float | None:
    """The time of the environment that a step takes, where a simulator states it."""
    found = getattr(env.unwrapped, "dt", None)
    return float(found) if isinstance(found, int | float) else None


def _short(text: str) -> str:
    return text if len(text) <= 1000 else f"{text[:1000]}…"


def _number_rows(look: Look) -> Iterator[NumberRow]:
    """Of each number a row; of equal constants that follow one another, one row."""
    described = look.motion.described()
    facts = look.motion.facts.numbers
    at = 0
    while at < len(facts):
        end = at + 1
        while facts[at].kind == "constant" and end < len(facts) and _equal(facts[at], facts[end]):
            end += 1
        one, source = facts[at], look.motion.sources[at]
        name = source if end == at + 1 else f"{source} to {look.motion.sources[end - 1]}"
        seen = "constant" if one.kind == "constant" else described[source].partition("; ")[2]
        yield NumberRow(name, one.start, one.low, one.high, one.change, seen)
        at = end


def _equal(one: NumberFacts, other: NumberFacts) -> bool:
    return other.kind == "constant" and other.low == one.low


def _others(look: Look, recorded: set[str]) -> Iterator[str]:
    for keys, leaf in leaves(look.env.observation_space):
        source = source_of(keys)
        if source not in recorded and f"{source}[0]" not in recorded:
            yield f"{source}: {_short(str(leaf))}"


def _info_rows(look: Look) -> Iterator[InfoRow]:
    for key, seen in sorted(look.info.items()):
        source = info_source(key)
        example = "-" if seen.value is None else np.array2string(seen.value, precision=4)
        remark = seen.other or ("0 or 1 only" if seen.is_flag else "numbers")
        if not is_offered(key, ""):
            remark += "; not for programs: it may say success or reward"
        share = seen.steps / max(1, look.steps)
        yield InfoRow(source, share, key in look.at_reset, _short(example), remark)


def _held_row(one: Held, look: Look) -> HeldRow:
    changes = [Change(look.motion.sources[at], by) for at, by in one.changes.items()]
    info = dict(list(one.info.items())[:6])
    return HeldRow(one.action, one.steps, one.ended, one.native_return, changes, info)


def _training(training: TrainingSpec) -> str:
    settings = ", ".join(f"{name} = {value}" for name, value in training.hyperparameters.items())
    return (
        f"{training.algorithm}, {training.steps} steps, {training.n_envs} environments, {settings}"
    )
