"""The reply of a model as a task, with where each part of it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import gymnasium as gym

from rewardsmith.errors import UsageError
from rewardsmith.task.algorithms import check_names
from rewardsmith.task.drafting import OWN_FITNESS, Draft
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.loading import Task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.sources import parse_source
from rewardsmith.task.training import TrainingSpec
from rewardsmith.writers.drafts.claims import check_claims, places_of, seen_range
from rewardsmith.writers.drafts.reply import SCORE, DraftedField, DraftReply
from rewardsmith.writers.drafts.score import StepScore

_BASIS = {
    "docstring": "named from the docstring",
    "source": "named from the source",
    "data": "named from its behaviour",
    "knowledge": "named from the model's knowledge of this environment",
    "guess": "a guess",
}


_KINDS = {
    "angle": "an angle that wraps",
    "flag": "a flag",
    "constant": "a constant",
    "fixed": "set by the reset",
    "counter": "a counter",
    "unit": "a vector of length one",
}


class Proposal(NamedTuple):
    """A reply as a task.

    Attributes:
        problems: what must be corrected, in words.
        insisted: what recorded steps refute and the model is sure of.
        score: the fitness, if it is an expression.
    """

    task: Task
    problems: list[str]
    insisted: list[str]
    score: StepScore | None


def propose(draft: Draft, reply: DraftReply) -> Proposal:
    """The task that a reply drafts, as far as it is one.

    Args:
        draft: from data alone; what the reply does not say is taken from it.
    """
    look = draft.look
    problems, insisted = check_claims(reply, look, reply.fitness.source)
    fields = list(_fields(reply, draft, problems))
    score = _score(reply, fields, draft, problems)
    source = reply.fitness.source
    if source not in (SCORE, "native_return") and not _is_key(source, draft):
        problems.append(f"fitness.source = {source!r} is not score, native_return or a key of info")
    problems += _action_problems(reply, draft)
    given = draft.task.spec.model_dump(mode="json")
    spec = given | {
        "goal": reply.goal,
        "naive": reply.naive,
        "fields": [field.model_dump(mode="json") for field in fields],
        "action": reply.action.model_dump(mode="json"),
        "fitness": given["fitness"] | _fitness(reply, draft.task),
    }
    try:
        task = replace(draft.task, spec=parse_spec(spec, "the draft"))
    except UsageError as error:
        return Proposal(draft.task, [*problems, error.message], insisted, score)
    return Proposal(_trained(task, reply, problems), problems, insisted, score)


def origins(reply: DraftReply, draft: Draft, goal: str | None) -> dict[str, str]:
    """Source of a field, or ``goal``, ``fitness``, ``action``, ``training`` -> where it is from."""
    seen = draft.look.motion.described()
    found = {field.source: _origin(field, seen, draft) for field in reply.fields}
    found["goal"] = f"the user's words: {goal}" if goal else "from the model"
    found["fitness"] = "from the model: read it, and try it with rewardsmith tasks check"
    found["action"] = "from the model"
    if reply.training:
        found["training"] = f"from the model: {', '.join(reply.training)}"
    return {name: " ".join(text.split()) for name, text in found.items()}


def _fields(reply: DraftReply, draft: Draft, problems: list[str]) -> Iterator[FieldSpec]:
    known = {field.source: field for field in draft.task.spec.fields}
    for one in reply.fields:
        given = one.model_dump(include={"source", "name", "unit", "doc", "range"})
        data = known.get(one.source)
        if data is not None:
            extras = {"at_reset", "default", "words", "most_words"}
            given |= data.model_dump(include=extras)
        try:
            yield FieldSpec.model_validate(given)
        except ValueError as error:
            problems.append(f"{one.source}: {_first_line(error)}")


def _first_line(error: ValueError) -> str:
    return str(error).splitlines()[-2 if len(str(error).splitlines()) > 2 else 0].strip()


def _score(
    reply: DraftReply, fields: list[FieldSpec], draft: Draft, problems: list[str]
) -> StepScore | None:
    if reply.fitness.source != SCORE:
        return None
    try:
        return StepScore(reply.fitness, fields, draft.look.limit)
    except UsageError as error:
        problems.append(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
        return None


def _is_key(source: str, draft: Draft) -> bool:
    try:
        parsed = parse_source(source)
    except ValueError:
        return False
    return parsed.kind == "info" and parsed.name in draft.look.info


def _action_problems(reply: DraftReply, draft: Draft) -> Iterator[str]:
    space, names = draft.look.env.action_space, reply.action.names
    sizes = {gym.spaces.Discrete: "n", gym.spaces.Box: "shape"}
    wanted = next(
        (getattr(space, name) for kind, name in sizes.items() if isinstance(space, kind)), None
    )
    count = wanted[0] if isinstance(wanted, tuple) and len(wanted) == 1 else wanted
    if names and isinstance(count, int) and len(names) != count:
        yield f"action.names has {len(names)} names, but the action has {count} choices or numbers"


def _fitness(reply: DraftReply, task: Task) -> Mapping[str, Any]:
    fitness = reply.fitness
    taken = any(file.name == "fitness.py" for file in task.files())  # of the environment
    own = f"drafted_{OWN_FITNESS}" if taken else OWN_FITNESS
    is_flag = fitness.source.startswith("info")
    return {
        "source": own if fitness.source == SCORE else fitness.source,
        "doc": fitness.doc,
        "solved": fitness.solved if fitness.solved is not None else 0.9 if is_flag else None,
        "range": None if is_flag else fitness.range,
    }


def _trained(task: Task, reply: DraftReply, problems: list[str]) -> Task:
    """The task with the training settings of the reply, if they are valid."""
    if not reply.training:
        return task
    try:
        trained = task.with_training(_nested(reply.training))
        training = trained.spec.training
        check_names(training.algorithm, training.hyperparameters)
        return trained
    except (UsageError, TypeError, AttributeError) as error:
        problems.append(f"training: {getattr(error, 'message', error)}")
        return task


def _claims(field: DraftedField) -> Iterator[str]:
    """What the model says of the numbers, in words."""
    if field.kind != "number":
        yield _KINDS[field.kind]
    if field.rate_of:
        yield f"the rate of {field.rate_of}"


def _nested(training: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with hyper-parameters, such as gamma, in their own table."""
    own = {name: value for name, value in training.items() if name in TrainingSpec.model_fields}
    rest = {name: value for name, value in training.items() if name not in own}
    return {**own, "hyperparameters": {**own.get("hyperparameters", {}), **rest}}


def _origin(field: DraftedField, seen: Mapping[str, str], draft: Draft) -> str:
    """Where the name of a field is from, and what the recorded steps say of it."""
    said = [_BASIS[field.basis], *_claims(field)]
    if field.source in seen:
        return "; ".join([*said, seen[field.source]])
    numbers = [draft.look.motion.facts.numbers[at] for at in places_of(field.source, draft.look)]
    if numbers:
        low, high = seen_range(numbers)
        steps = draft.look.motion.facts.steps
        said.append(f"{len(numbers)} numbers, {low:.3g} to {high:.3g} in {steps} random steps")
    return "; ".join(said)
