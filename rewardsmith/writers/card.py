"""The description of a task for its writer; it names nothing that programs may not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rewardsmith.episodes.preflight import Argument, Arguments, Number, Preflight
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.spec import TaskSpec


@dataclass(frozen=True)
class FieldCard:
    """A field that programs may read.

    Attributes:
        forms: the names under which they read it.
        shape: as text.
        low, high: its range under a random policy.
        range: the possible values, where the task declares them.
        words: the vocabulary of a text; empty for numbers.
    """

    name: str
    forms: str
    shape: str
    low: float
    high: float
    unit: str
    range: tuple[float, float] | None
    doc: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class NumberCard:
    """One number of a field, as programs read it, see :class:`Number`."""

    name: str
    seen: Number


@dataclass(frozen=True)
class ActionCard:
    """The action, see :class:`FieldCard`; ``space`` describes the action space."""

    shape: str
    low: float
    high: float
    doc: str
    names: tuple[str, ...]
    space: str


@dataclass(frozen=True)
class TaskCard:
    """The values of ``shared/task``.

    Attributes:
        naive: a known mistake that the task warns of; empty for none.
        ended: share of the random policy's episodes that terminated.
        steps: environment steps of each training.
        greedy: whether the evaluated policy is deterministic.
        numbers: of the fields, one by one, with usual values and changes.
        fitness: what the fitness weighs, in words; empty if the task does not say.
        random_fitness: of the random policy, on average; None where the task has no fitness.
        solved: fitness from which the task counts as solved; None where it is not declared.
    """

    goal: str
    naive: str
    env_id: str
    episode_length: float
    time_limit: int | None
    ended: float
    fields: tuple[FieldCard, ...]
    numbers: tuple[NumberCard, ...]
    action: ActionCard
    algorithm: str
    steps: int
    gamma: float
    normalised_reward: bool
    greedy: bool
    fitness: str
    random_fitness: float | None
    solved: float | None


def task_card(spec: TaskSpec, preflight: Preflight, steps: int) -> TaskCard:
    """The card of a task.

    Args:
        steps: environment steps of each training.
    """
    return TaskCard(
        goal=spec.goal,
        naive=spec.naive,
        env_id=spec.env.id,
        episode_length=preflight.episode_length,
        time_limit=preflight.longest or preflight.time_limit,
        ended=preflight.ended,
        fields=tuple(_fields(spec, preflight.arguments)),
        numbers=tuple(_numbers(spec, preflight.arguments)),
        action=_action(spec, preflight),
        algorithm=spec.training.algorithm,
        steps=steps,
        gamma=spec.training.gamma,
        normalised_reward=spec.training.normalise_reward,
        greedy=spec.evaluation.deterministic,
        fitness=spec.fitness.doc,
        random_fitness=preflight.mean_random_fitness if spec.fitness.exists else None,
        solved=spec.fitness.solved,
    )


def _fields(spec: TaskSpec, arguments: Arguments) -> list[FieldCard]:
    cards = [_field(field.name, arguments, field) for field in spec.fields if not field.hidden]
    if "obs" in arguments and not any(field.source.startswith("obs") for field in spec.fields):
        cards.insert(0, _field("obs", arguments, None))
    return cards


def _field(name: str, arguments: Arguments, spec: FieldSpec | None) -> FieldCard:
    forms = [form for form in (name, f"next_{name}", f"first_{name}") if form in arguments]
    seen = arguments[forms[0]]
    return FieldCard(
        name=name,
        forms=", ".join(f"`{form}`" for form in forms),
        shape=_shape(seen),
        low=seen.range[0],
        high=seen.range[1],
        unit=spec.unit if spec else "",
        range=spec.range if spec else None,
        doc=_doc(spec) if spec else "the observation",
        words=spec.words if spec else (),
    )


def _doc(spec: FieldSpec) -> str:
    """Its meaning, and the value of steps that do not report it."""
    if spec.default is None:
        return spec.doc
    values = (spec.default,) if isinstance(spec.default, float) else spec.default
    stated = f"{', '.join(f'{value:g}' for value in values)} where the environment reports no value"
    return f"{spec.doc}; {stated}" if spec.doc else stated


def _numbers(spec: TaskSpec, arguments: Arguments) -> Iterator[NumberCard]:
    """The numbers of all fields, after a step where that is known."""
    for card in _fields(spec, arguments):
        form = f"next_{card.name}" if f"next_{card.name}" in arguments else card.name
        seen = arguments.get(form)
        for part, number in enumerate(seen.numbers if seen is not None else ()):
            index = f"[:, {part}]" if seen is not None and seen.shape else ""
            yield NumberCard(f"{form}{index}", number)


def _action(spec: TaskSpec, preflight: Preflight) -> ActionCard:
    action = preflight.arguments["action"]
    return ActionCard(
        shape=_shape(action),
        low=action.range[0],
        high=action.range[1],
        doc=spec.action.doc,
        names=spec.action.names,
        space=preflight.actions,
    )


def _shape(argument: Argument) -> str:
    kind = {"int64": ", int", "bool": ", bool"}.get(argument.dtype, "")
    numbers = "number" if argument.shape == (1,) else "numbers"
    size = f"{'x'.join(map(str, argument.shape))} {numbers}" if argument.shape else "scalar"
    return size + kind
