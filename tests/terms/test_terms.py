"""Terms as data and as a sum: specs, ids, weights, and a kind that another package adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.program import EntryPoint, program_id
from rewardsmith.terms.native import NativeReward
from rewardsmith.terms.program import ProgramReward
from rewardsmith.terms.reward import Reward, open_reward
from rewardsmith.terms.specs import (
    NATIVE_TERM,
    TERMS,
    TermSpec,
    added_terms,
    candidate_id,
    program_terms,
)
from rewardsmith.terms.term import Opening, ProgramFunction
from rewardsmith.train.observing import observed
from rewardsmith.train.preflight import run_preflight
from rewardsmith.train.rewards import EpisodeSums, reward_block
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import make_vec_env
from rewardsmith.types import NATIVE_REWARD, Array, Columns, Output
from tests.support.trials import toy_task

SOURCE = "def reward(x):\n    return x\n"
OTHER = "def reward(x):\n    return 2 * x\n"


def entries(*names: str) -> dict[str, EntryPoint]:
    return {name: EntryPoint(name, ("x",), name) for name in names}


class Scaled:
    """A function in place of a program host."""

    arguments = ("x",)

    def __init__(self, factor: float, *names: str) -> None:
        self._factor, self._names = factor, names

    def __call__(self, columns: Columns) -> Output:
        values = self._factor * columns["x"]
        return Output(values, dict.fromkeys(self._names, values))


# --- Specs and ids


@pytest.mark.parametrize(
    "names",
    [("reward",), ("potential",), ("subgoals",), ("reward", "potential", "subgoals"), ()],
)
def test_a_candidate_of_one_program_has_its_id(names: tuple[str, ...]) -> None:
    terms = program_terms(SOURCE, entries(*names), None)
    prior = ProgramFunction(source=SOURCE, entry=EntryPoint("q_prior", ("x",), "q_prior"))
    assert candidate_id(terms, prior) == program_id(SOURCE)
    assert candidate_id(terms) == (program_id(SOURCE) if names else "native")


def test_candidates_differ_by_each_of_their_terms() -> None:
    one, other = (program_terms(source, entries("reward"), None) for source in (SOURCE, OTHER))
    candidates = [
        one,
        other,
        one + other,
        other + one,
        (*one, NATIVE_TERM),
        (one[0].model_copy(update={"weight": 2.0}),),
        (NATIVE_TERM,),
        program_terms(SOURCE, entries("potential"), None)[1:],
        (NATIVE_TERM, *program_terms(OTHER, entries("potential"), None)[1:], one[0]),
        (NATIVE_TERM.model_copy(update={"weight": 2.0}), *program_terms(SOURCE, {}, None)),
    ]
    assert len({candidate_id(terms) for terms in candidates}) == len(candidates)


def test_a_spec_survives_json_with_the_payload_of_its_kind() -> None:
    (spec,) = program_terms(SOURCE, entries("reward"), "per_transition")
    read = TermSpec.model_validate_json(spec.model_dump_json())
    assert read == spec and isinstance(read.payload, ProgramFunction)
    assert read.payload.style == "per_transition"
    with pytest.raises(UsageError, match=r"no kind of reward term 'progam'.*") as caught:
        TermSpec(kind="progam", payload={})  # type: ignore[arg-type]
    assert "program" in caught.value.hint
    with pytest.raises(ValidationError, match="entry"):
        TermSpec(kind="program", payload={"source": SOURCE})  # type: ignore[arg-type]


# --- The sum


def test_terms_are_added_with_their_weights_and_logged_by_name() -> None:
    columns = {"x": np.array([1.0, 3.0]), NATIVE_REWARD: np.array([0.5, -1.0])}
    terms = [NativeReward(), ProgramReward(Scaled(2.0, "a", "b")), ProgramReward(Scaled(1.0, "a"))]
    output = Reward(terms, [1.0, 0.5, 10.0])(columns)
    assert output.total.tolist() == [0.5 + 1.0 + 10.0, -1.0 + 3.0 + 30.0]
    assert {name: values.tolist() for name, values in output.terms.items()} == {
        "native": [0.5, -1.0],
        "a": [1.0, 3.0],
        "b": [1.0, 3.0],
        "a_": [10.0, 30.0],
    }


def test_a_native_reward_that_is_no_number_is_the_environments_fault() -> None:
    with pytest.raises(BoundaryError) as caught:
        Reward([NativeReward()])({NATIVE_REWARD: np.array([1.0, np.nan])})
    assert caught.value.where == "environment"


def test_a_block_gives_what_its_steps_give() -> None:
    rng = np.random.default_rng(0)
    shape, reward = (7, 3), Reward([ProgramReward(Scaled(2.0, "a")), NativeReward()])
    x, native = rng.normal(size=shape), rng.normal(size=shape)
    dones = rng.random(shape) < 0.4
    whole, stepwise = EpisodeSums(3), EpisodeSums(3)
    columns = {"x": x.ravel(), NATIVE_REWARD: native.ravel()}
    found = whole.add(reward_block(reward, columns, shape), native, dones, {})
    expected = []
    for t in range(shape[0]):
        block = reward_block(reward, {"x": x[t], NATIVE_REWARD: native[t]}, (1, 3))
        ended = stepwise.add(block, native[t : t + 1], dones[t : t + 1], {})
        expected += [one._replace(step=t) for one in ended]
    assert found == expected and len(found) == dones.sum()


# --- A kind of another package


class Times(BaseModel):
    """What the bonus for seldom seen signs needs."""

    scale: float = 1.0


class Seldom:
    """An intrinsic reward: the scale, divided by the root of how often an action was seen."""

    Payload: ClassVar = Times
    name, ranks, arguments = "seldom", False, ("action",)

    def __init__(self, scale: float) -> None:
        self.scale, self.seen, self.steps = scale, np.zeros(2), 0

    @classmethod
    def open(cls, payload: Times, opening: Opening) -> Seldom:
        return cls(payload.scale)

    def observe(self, columns: Columns, dones: Array) -> None:
        self.steps += 1
        np.add.at(self.seen, columns["action"], 1)

    def __call__(self, columns: Columns) -> Output:
        return Output(self.scale / np.sqrt(self.seen[columns["action"]]))


@pytest.fixture
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    known = TERMS.get
    monkeypatch.setattr(TERMS, "get", lambda name: Seldom if name == "seldom" else known(name))


@pytest.mark.usefixtures("seldom")
@pytest.mark.parametrize(
    ("term", "message"),
    [
        ({"kind": "seldon"}, "no kind of reward term 'seldon'"),
        ({"kind": "seldom", "payload": {"scale": "much"}}, "payload.scale: Input should be"),
    ],
)
def test_the_preflight_refuses_a_wrong_term_of_a_task(
    term: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        run_preflight(toy_task(terms=[term]), tmp_path)


def test_a_task_file_refuses_an_unknown_key_of_a_term() -> None:
    with pytest.raises(UsageError, match="wieght") as caught:
        toy_task(terms=[{"kind": "seldom", "wieght": 2}])
    assert "weight" in caught.value.hint


@pytest.mark.usefixtures("seldom")
def test_the_terms_of_a_task_have_payloads_of_their_kinds() -> None:
    task = toy_task(terms=[{"kind": "seldom", "weight": 2.0, "payload": {"scale": 3.0}}])
    (term,) = added_terms(task.spec.training.terms)
    assert (term.kind, term.weight, term.payload) == ("seldom", 2.0, Times(scale=3.0))


@pytest.mark.usefixtures("seldom")
def test_a_kind_of_another_package_is_trained_like_our_own() -> None:
    task = toy_task()
    venv = make_vec_env(task, 2, 0)
    specs = [NATIVE_TERM, TermSpec(kind="seldom", weight=2.0, payload={"scale": 3.0})]  # type: ignore[arg-type]
    specs = [TermSpec.model_validate_json(spec.model_dump_json()) for spec in specs]
    hosts: Any = None
    reward = open_reward(specs, Opening(task, venv.buffers, venv.envs[0], hosts))
    rewarded = VecReward(observed(venv, reward), reward, task.spec.training.gamma)
    rewarded.reset()
    for step in range(1, 4):
        _, rewards, _, _ = rewarded.step(np.array([1, 1]))
        bonus = 6.0 / np.sqrt(2 * step)
        assert np.allclose(rewards, rewarded.own_rewards + bonus)
        assert reward.terms[1].steps == step  # type: ignore[attr-defined]
    assert rewarded.term_names == ["native", "seldom"]
