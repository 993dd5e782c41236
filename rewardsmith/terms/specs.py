"""Terms as plain data: what a trial is given, and what a candidate is identified by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from rewardsmith.errors import UsageError
from rewardsmith.learned.model import RewardModel
from rewardsmith.plugins import Registry
from rewardsmith.program import NATIVE, EntryPoint, Style, program_id
from rewardsmith.task.training import AddedTerm
from rewardsmith.terms.term import NoPayload, ProgramFunction, TermKind

TERMS = Registry(
    "kind of reward term",
    {
        "native": "rewardsmith.terms.native:NativeReward",
        "program": "rewardsmith.terms.program:ProgramReward",
        "potential": "rewardsmith.terms.potential:PotentialChange",
        "subgoals": "rewardsmith.terms.subgoals:Subgoals",
        "learned": "rewardsmith.terms.learned:LearnedReward",
    },
    "rewardsmith.terms",
)


def term_kind(name: str) -> TermKind:
    """The kind behind a name.

    Raises:
        UsageError: there is no such kind, or its package cannot be imported.
    """
    return cast(TermKind, TERMS.get(name))


class TermSpec(BaseModel):
    """One term of a reward.

    Attributes:
        kind: name in the registry of kinds.
        weight: factor of its values.
        payload: what the kind needs; an instance of the kind's ``Payload``.

    Raises:
        UsageError: there is no such kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    weight: float = 1.0
    payload: SerializeAsAny[BaseModel] = NoPayload()

    @field_validator("payload", mode="before")
    @classmethod
    def _payload_is_of_the_kind(cls, value: Any, info: ValidationInfo) -> BaseModel:
        return term_kind(info.data["kind"]).Payload.model_validate(value)

    @property
    def identity(self) -> str:
        """What the term computes; that of a program's function is the whole program's id."""
        if isinstance(self.payload, ProgramFunction) and self.weight == 1.0:
            return program_id(self.payload.source)
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


NATIVE_TERM = TermSpec(kind="native")


def program_terms(
    source: str,
    entries: Mapping[str, EntryPoint],
    style: Style | None,
    learned: RewardModel | None = None,
) -> tuple[TermSpec, ...]:
    """The terms of a program: its reward, or the native one, and what is added to it.

    Args:
        entries: the program's functions by name.
        style: calling style of its reward.
        learned: a learned reward beside them, or in place of them if there are none.
    """
    model = () if learned is None else (TermSpec(kind="learned", payload=learned),)
    if model and not entries.keys() - {"learned"}:
        return model

    def term(name: str, form: Style = "batched") -> TermSpec:
        payload = ProgramFunction(source=source, entry=entries[name], style=form)
        return TermSpec(kind="program" if name == "reward" else name, payload=payload)

    reward = term("reward", style or "batched") if "reward" in entries else NATIVE_TERM
    added = [term(name) for name in ("potential", "subgoals") if name in entries]
    return (reward, *added, *model)


def added_terms(settings: Sequence[AddedTerm]) -> tuple[TermSpec, ...]:
    """The terms that a task adds to the reward of every training.

    Raises:
        UsageError: there is no such kind, or its payload is wrong.
    """
    return tuple(_added_term(each) for each in settings)


def _added_term(settings: AddedTerm) -> TermSpec:
    try:
        return TermSpec.model_validate(settings.model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"[[training.terms]] of kind {settings.kind!r}: {place}: {first['msg']}",
            f"found {first['input']!r}"[:200],
        ) from None


def candidate_id(reward: Sequence[TermSpec], q_prior: ProgramFunction | None = None) -> str:
    """12 hex digits that identify what is trained: the digest of its terms and of its prior on Q.

    Of a single program this is the program's id, of the native reward alone it is ``native``.
    """
    if q_prior is None and tuple(reward) == (NATIVE_TERM,):
        return NATIVE
    # The native reward is implied if a program defines no reward, and only then.
    has_reward = any(term.kind == "program" for term in reward)
    is_plain = (NATIVE_TERM in reward) != has_reward
    counted = [term for term in reward if not (is_plain and term == NATIVE_TERM)]
    identities = [term.identity for term in counted]
    identities += [program_id(q_prior.source)] if q_prior is not None else []
    distinct = list(dict.fromkeys(identities))
    if is_plain and len(distinct) == 1:
        return distinct[0][:12]
    return hashlib.sha256(" ".join(distinct).encode()).hexdigest()[:12]
