"""The built-in kinds of terms keep the contract of a term, and broken ones fail it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel

from rewardsmith.program import EntryPoint
from rewardsmith.terms.specs import term_kind
from rewardsmith.terms.term import NoPayload
from rewardsmith.testing import TermContract
from rewardsmith.types import Array, Columns, Output
from tests.support.contracts import failure

PROGRAM = """
def reward(position, next_position):
    return {"progress": next_position - position, "cost": -0.01}


def potential(position):
    return position


def subgoals(next_position):
    return {"right": next_position > 0.2, "far": next_position > 0.4}
"""


def function(name: str, *arguments: str) -> dict[str, Any]:
    return {"source": PROGRAM, "entry": EntryPoint(name, arguments, name)}


PAYLOADS: dict[str, dict[str, Any]] = {
    "native": {},
    "program": function("reward", "position", "next_position"),
    "potential": function("potential", "position"),
    "subgoals": function("subgoals", "next_position"),
}


@pytest.mark.parametrize("name", PAYLOADS)
class TestBuiltIn(TermContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name: str) -> None:
        self.name, self.payload = name, PAYLOADS[name]  # type: ignore[misc]

    def kind(self) -> Any:
        return term_kind(self.name)


class Kind:
    """A kind that keeps the contract; those below break it."""

    Payload: ClassVar[type[BaseModel]] = NoPayload
    name: Any = "kind"
    arguments: Any = ("position",)
    ranks: Any = True

    @classmethod
    def open(cls, payload: Any, opening: Any) -> Any:
        return cls()

    def __call__(self, columns: Columns) -> Output:
        return Output(columns["position"].astype(np.float64))


class Opaque(Kind):
    class Payload(BaseModel, arbitrary_types_allowed=True):
        """It loses a setting in JSON."""

        factor: float = 2.0

        def model_dump_json(self, **_: Any) -> str:
            return "{}"


class Nameless(Kind):
    name = ""


class Listing(Kind):
    arguments: ClassVar[Any] = ["position"]


class Misreading(Kind):
    arguments = ("velocity",)


class Single(Kind):
    def __call__(self, columns: Columns) -> Output:
        return Output(columns["position"].astype(np.float32))


class Logarithm(Kind):
    def __call__(self, columns: Columns) -> Output:
        return Output(np.sqrt(columns["position"].astype(np.float64) - 2.0))


class Learning(Kind):
    """It learns when its value is asked."""

    def __init__(self) -> None:
        self.asked = 0.0

    def __call__(self, columns: Columns) -> Output:
        self.asked += 1.0
        return Output(np.full(len(columns["position"]), self.asked))


class InPlace(Kind):
    def __call__(self, columns: Columns) -> Output:
        values = columns["position"]
        values -= values
        return Output(values.astype(np.float64))


class Centred(Kind):
    """The value of a row depends on the others."""

    def __call__(self, columns: Columns) -> Output:
        values = columns["position"].astype(np.float64)
        return Output(values - values.mean())


class Shared(Kind):
    """It counts the steps of all trials together."""

    steps: ClassVar[list[float]] = []

    def observe(self, columns: Columns, dones: Array) -> None:
        self.steps.append(1.0)

    def __call__(self, columns: Columns) -> Output:
        return Output(np.full(len(columns["position"]), float(len(self.steps))))


class Sticky(Kind):
    """Its flag stays in the next episode."""

    shows = ("began",)

    def restart(self, n_envs: int) -> None:
        self.shown = self.shown_at_end = np.zeros((n_envs, 1), bool)

    def observe(self, columns: Columns, dones: Array) -> None:
        self.shown = self.shown_at_end = np.ones_like(self.shown)

    def holds(self, columns: Columns) -> Mapping[str, Array]:
        return {"began": np.ones(len(columns["position"]), bool)}


class Broken(TermContract):
    payload: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def kind(self) -> Any:
        return self._kind


class WithFactor(Broken):
    payload: ClassVar[Mapping[str, Any]] = {"factor": 3.0}


@pytest.mark.parametrize(
    ("contract", "test", "message"),
    [
        (WithFactor(Opaque), "its_payload_survives_json", "after JSON"),
        (Broken(Nameless), "it_says_what_it_is", "a name, found ''"),
        (Broken(Listing), "it_says_what_it_is", "a tuple of arguments"),
        (Broken(Misreading), "it_reads_columns_that_the_task_has", "found 'velocity'"),
        (Broken(Single), "it_gives_a_finite_value_for_each_row", "float32"),
        (Broken(Logarithm), "it_gives_a_finite_value_for_each_row", "finite values of total"),
        (Broken(Learning), "valuing_a_step_changes_nothing", "a second time"),
        (Broken(InPlace), "valuing_a_step_changes_nothing", "column position unchanged"),
        (Broken(Centred), "a_term_that_does_not_observe_values_each_row_by_itself", "row by row"),
        (Broken(Shared), "a_second_term_begins_anew", "in a second trial"),
        (
            Broken(Sticky),
            "the_flags_that_it_shows_have_a_row_for_each_environment",
            "no flag in a new episode",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt")
def test_a_broken_term_fails(contract: Broken, test: str, message: str) -> None:
    failure(contract, test, match=message)


def test_a_sound_term_of_another_package_passes() -> None:
    Broken(Kind).test_a_term_that_does_not_observe_values_each_row_by_itself()
    Broken(Kind).test_valuing_a_step_changes_nothing()
