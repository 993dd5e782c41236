"""The reply of a model as a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import gymnasium as gym
from pydantic import ValidationError

from rewardsmith.errors import UsageError
from rewardsmith.task.algorithms import check_names
from rewardsmith.task.drafting import OWN_FITNESS, Draft
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.loading import Task
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.sources import parse_source
from rewardsmith.task.training import TrainingSpec
from rewardsmith.writers.drafts.claims import check_claims
from rewardsmith.writers.drafts.reply import SCORE, DraftReply
from rewardsmith.writers.drafts.score import StepScore


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


def propose(draft: Draft, reply: DraftReply, fitness: str | None = None) -> Proposal:
    """The task that a reply drafts, as far as it is one.

    Args:
        draft: from data alone; what the reply does not say is taken from it.
        fitness: its source, where the user chose it.
    """
    proposing = _Proposing(draft, reply)
    proposing.check_fitness(fitness)
    proposing.check_action()
    fields = proposing.fields()
    score = proposing.score(fields)
    task = proposing.task(fields)
    return Proposal(task, proposing.problems, proposing.insisted, score)


class _Proposing:
    """Reads the parts of a reply, and collects what is wrong with them."""

    def __init__(self, draft: Draft, reply: DraftReply) -> None:
        self._draft, self._reply = draft, reply
        self.problems, self.insisted = check_claims(reply, draft.look, reply.fitness.source)

    def check_fitness(self, chosen: str | None) -> None:
        """Whether the fitness is what the user chose, else whether there is such a source."""
        source = self._reply.fitness.source
        if chosen is not None and source != chosen:
            self.problems.append(f"fitness.source = {source!r}, but the user chose {chosen!r}")
        elif source not in (SCORE, "native_return") and not self._is_key(source):
            self.problems.append(
                f"fitness.source = {source!r} is not score, native_return or a key of info"
            )

    def check_action(self) -> None:
        """Whether each choice, or each number, of the action has a name."""
        count, names = _size(self._draft.look.env.action_space), self._reply.action.names
        if names and count is not None and len(names) != count:
            self.problems.append(
                f"action.names has {len(names)} names, but the action has {count} choices or "
                "numbers"
            )

    def fields(self) -> list[FieldSpec]:
        """The fields that are valid; what a field needs beside its meaning is taken from data."""
        known = {field.source: field for field in self._draft.task.spec.fields}
        found = []
        for one in self._reply.fields:
            given = one.model_dump(include={"source", "name", "unit", "doc", "range"})
            if (data := known.get(one.source)) is not None:
                extras = {"at_reset", "default", "words", "most_words"}
                given |= data.model_dump(include=extras)
            try:
                found.append(FieldSpec.model_validate(given))
            except ValidationError as error:
                text = error.errors()[0]["msg"].removeprefix("Value error, ")
                self.problems.append(f"{one.source}: {text}")
        return found

    def score(self, fields: list[FieldSpec]) -> StepScore | None:
        """The fitness, if it is an expression that can be used."""
        if self._reply.fitness.source != SCORE:
            return None
        try:
            return StepScore(self._reply.fitness, fields, self._draft.look.limit)
        except UsageError as error:
            hint = f" ({error.hint})" if error.hint else ""
            self.problems.append(f"{error.message}{hint}")
            return None

    def task(self, fields: list[FieldSpec]) -> Task:
        """The task; without what is not valid."""
        reply, drafted = self._reply, self._draft.task
        given = drafted.spec.model_dump(mode="json")
        spec = given | {
            "goal": reply.goal,
            "naive": reply.naive,
            "fields": [field.model_dump(mode="json") for field in fields],
            "action": reply.action.model_dump(mode="json"),
            "fitness": given["fitness"] | _fitness(reply, drafted),
        }
        try:
            return self._trained(replace(drafted, spec=parse_spec(spec, "the draft")))
        except UsageError as error:
            self.problems.append(error.message)
            return drafted

    def _trained(self, task: Task) -> Task:
        """The task with the training settings of the reply, if they are valid."""
        if not self._reply.training:
            return task
        try:
            trained = task.with_training(_nested(self._reply.training))
            training = trained.spec.training
            check_names(training.algorithm, training.hyperparameters)
        except (UsageError, TypeError, AttributeError) as error:
            self.problems.append(f"training: {getattr(error, 'message', error)}")
            return task
        return trained

    def _is_key(self, source: str) -> bool:
        try:
            parsed = parse_source(source)
        except ValueError:
            return False
        return parsed.kind == "info" and parsed.name in self._draft.look.info


def _size(space: gym.Space[Any]) -> int | None:
    """How many choices or numbers an action has; None if it is of another kind."""
    if isinstance(space, gym.spaces.Discrete):
        return int(space.n)
    is_vector = isinstance(space, gym.spaces.Box) and len(space.shape) == 1
    return int(space.shape[0]) if is_vector and space.shape else None


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


def _nested(training: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with hyper-parameters, such as gamma, in their own table."""
    own = {name: value for name, value in training.items() if name in TrainingSpec.model_fields}
    rest = {name: value for name, value in training.items() if name not in own}
    return {**own, "hyperparameters": {**own.get("hyperparameters", {}), **rest}}
