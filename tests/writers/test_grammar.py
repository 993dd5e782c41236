"""The grammar: programs do what they say, scores guide the search, and seeds make it repeatable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.api import runs as api
from rewardsmith.api.planning import plan
from rewardsmith.errors import UsageError
from rewardsmith.run.events import fold
from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.sandbox.client.program import HostedProgram
from rewardsmith.types import FloatArray, Slot
from rewardsmith.writers.extract import extract_code
from rewardsmith.writers.grammar.drafts import Evidence
from rewardsmith.writers.grammar.features import Feature, feature_statistics, features_of
from rewardsmith.writers.grammar.moves import (
    SearchSpace,
    as_potential,
    cross,
    draw,
    has_potential,
    mutate,
    of_potential,
    with_bonus,
    with_time_cost,
)
from rewardsmith.writers.grammar.terms import KINDS, Genome, Term, program_text
from rewardsmith.writers.grammar.writer import compose, generator_for, genome_in, reply_text
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import happened, kinds
from tests.support.lineworld import write_task
from tests.support.preflights import argument
from tests.support.programs import TASKS, N

EPISODE = 30  # transitions of an episode
GAMMA = 0.95


def space_of(name: str) -> tuple[SearchSpace, Evidence]:
    """A task's features, and episodes whose fitness is how far its first field came."""
    shapes, rows = TASKS[name]
    arguments = {
        key: argument(shape=shape, dtype=str(dtype)) for key, (shape, dtype) in shapes.items()
    }
    features = features_of(arguments, {})
    lengths = [EPISODE] * (N // EPISODE)
    fitness = rows[features[0].before.partition("[")[0]].reshape(len(lengths), -1).max(axis=1)
    evidence = Evidence(rows, lengths, fitness.tolist(), GAMMA)
    known = {feature: feature_statistics(feature, rows, evidence.ends[:3]) for feature in features}
    action = rows["action"]
    return SearchSpace(known, action.shape[1:] if action.dtype.kind == "f" else None), evidence


def some_programs(space: SearchSpace, count: int) -> list[Genome]:
    """Drawn, changed and crossed ones."""
    rng = np.random.default_rng(7)
    found = [draw(space, rng) for _ in range(count)]
    found += [mutate(parent, space, rng) for parent in found]
    return found + [
        cross(one, other, rng) for one, other in zip(found, reversed(found), strict=True)
    ]


@pytest.mark.parametrize("name", TASKS)
def test_programs_are_valid_and_mean_what_screening_computes(name: str) -> None:
    (shapes, rows), (space, evidence) = TASKS[name], space_of(name)
    rng = np.random.default_rng(0)
    refused, shaped_ones = [], 0
    for number in range(12):
        parents = [draw(space, rng) for _ in range(number % 3)]
        genome = compose(parents, space, evidence, rng)
        shaped = any(term.potential for term in genome)
        verdict = check_on_transitions(program_text(genome), shapes, rows)
        if not verdict.accepted:
            refused.append([str(found) for found in verdict.errors])
            continue
        about = program_text(genome), verdict.entries, shapes
        with HostedProgram(*about, capacity=N, style="batched", gamma=GAMMA) as program:
            said = program({argument: rows[argument] for argument in program.arguments})
        np.testing.assert_allclose(said.total, evidence.rewards(genome), rtol=1e-12, atol=1e-12)
        assert len(said.terms) == len([term for term in genome if not term.potential]) + shaped
        shaped_ones += shaped
    assert len(refused) <= 1 and shaped_ones >= 2, refused


def test_every_kind_of_term_is_drawn() -> None:
    drawn = {
        term.kind
        for name in TASKS
        for genome in some_programs(space_of(name)[0], 300)
        for term in genome
    }
    assert drawn == set(KINDS) - ({"effort_of_one"} - drawn)


def test_children_come_from_their_parents() -> None:
    space, _ = space_of("drive")
    rng = np.random.default_rng(3)
    for _ in range(100):
        one, other = draw(space, rng), draw(space, rng)
        child = cross(one, other, rng)
        added = {Term(kind="ended", weight=10.0)}  # where only a potential is left
        assert set(child) <= {*one, *other, *added} and set(child) & set(one)
        assert set(child) & set(other)
        changed = mutate(one, space, rng)
        assert len(set(changed) - set(one) - added) <= 2 and changed


def test_screening_orders_episodes_by_their_mean_reward() -> None:
    space, evidence = space_of("drive")
    toward = (Term(kind="level", weight=2.0, x=next(iter(space.features))),)
    away = (toward[0].model_copy(update={"weight": -0.1}),)
    fitness = TASKS["drive"][1]["next_position"].reshape(-1, EPISODE).mean(axis=1)
    exact = Evidence(evidence.columns, [EPISODE] * (N // EPISODE), fitness.tolist(), GAMMA)
    assert (exact.agreement(toward), exact.agreement(away)) == (1.0, 0.0)
    assert 0.1 < evidence.agreement(toward) < 0.9  # whose fitness is another
    assert (
        evidence.agreement((Term(kind="time", weight=1.0),)) == 0.0
    )  # constant: it would be refused


def test_a_reply_gives_its_program_back() -> None:
    space, _ = space_of("arm")
    for parents, genome in enumerate(some_programs(space, 5)):
        reply = reply_text(genome, parents)
        assert genome_in(reply) == genome
        assert extract_code(reply).source == program_text(genome)
        assert "no model was asked" in reply
    assert genome_in("```python\ndef reward(x):\n    return x\n```") is None


def test_a_slot_gets_one_program_whatever_was_asked_before() -> None:
    space, evidence = space_of("drive")
    asked = [Slot(0, 0), Slot(0, 1), Slot(1, 0)]
    once, again = (
        {slot: compose((), space, evidence, generator_for(5, slot)) for slot in slots}
        for slots in (asked, asked[::-1])
    )
    assert once == again and len(set(once.values())) == 3
    assert compose((), space, evidence, generator_for(6, asked[0])) != once[asked[0]]


def test_a_program_of_a_potential_pays_no_failure_for_going_on() -> None:
    """Without an end, only the first and the last state count, besides costs."""
    steps = np.random.default_rng(0).normal(size=N + 1).cumsum()
    space = SearchSpace({X: feature_statistics(X, walk(steps), np.arange(3))}, None)
    rng, last = np.random.default_rng(1), GAMMA**N
    shaped = 0
    for _ in range(100):
        drawn = draw(space, rng)
        genome = tuple(t for t in of_potential(drawn) if not KINDS[t.kind].penalty)
        if not has_potential(genome):
            continue
        shaped += 1
        returns = [discounted(genome, walk(path)) for path in (steps, detour(steps))]
        assert returns[0] == pytest.approx(returns[1], abs=last * 1e3), program_text(genome)
    assert shaped > 50


def test_a_term_that_is_moved_to_the_potential_and_back_is_the_same() -> None:
    space, _ = space_of("drive")
    term = Term(kind="level", weight=3.0, x=next(iter(space.features)), scale=2.0)
    (moved, reward) = as_potential([term])
    assert moved == term.model_copy(update={"potential": True, "weight": 30.0})
    assert reward == Term(kind="ended", weight=10.0), "a potential alone rewards no goal"
    flag = Term(kind="happens", weight=1.0, x=Feature("on", "next_on", "on", flag=True))
    assert as_potential([flag]) == (flag,), "it reads two states"


X = Feature("x", "next_x", "x")


def walk(path: FloatArray) -> dict[str, Any]:
    """The columns of one episode along a path that does not end."""
    return {"x": path[:-1], "next_x": path[1:], "terminated": np.zeros(len(path) - 1, bool)}


def detour(path: FloatArray) -> FloatArray:
    """Another path with the same first and last state."""
    return np.concatenate([path[:1], 7.0 * np.sin(np.arange(len(path) - 2)), path[-1:]])


def discounted(genome: Genome, columns: dict[str, Any]) -> float:
    steps = len(columns["terminated"])
    rewards = Evidence(columns, [steps], [0.0], GAMMA).rewards(genome)
    return float(np.sum(rewards * GAMMA ** np.arange(steps)))


# ------------------------------------------------------------------------------------------------
# runs


def search(tmp_path: Path, **settings: Any) -> api.Run:
    task = write_task(tmp_path / "line")
    options = {"rounds": 3, "samples": 4, "seeds": 2}
    return api.design(
        str(task), runs=tmp_path / "runs", options=options, report_seeds=2, **settings
    )


def test_without_a_key_the_grammar_writes_and_later_rounds_build_on_scores(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    run = search(tmp_path, executor=executor)
    config = run.folder.config()
    assert (config.writer, config.strategy, config.model) == ("grammar", "evolve", None)
    assert "without a model" in config.written_by
    state = run.state
    assert len(state.slots) == 12 and state.tokens == 0 and state.usd == 0.0
    assert len(state.programs) >= 10
    later = [entry for slot, entry in state.slots.items() if slot.round > 0]
    assert any(len(entry.parents) == 1 for entry in later) and any(
        len(entry.parents) == 2 for entry in later
    )
    odd = {entry.program for slot, entry in state.slots.items() if slot.sample % 2}
    even = {entry.program for slot, entry in state.slots.items() if not slot.sample % 2}
    assert all(is_shaped(run, name) for name in odd if name), "success ends the episode here"
    assert not all(is_shaped(run, name) for name in even if name)
    best = state.ranked()[0]
    assert {trial.seed for trial in state.trials_of(best, "selection")} >= {
        0,
        1,
    }  # it proved itself


def is_shaped(run: api.Run, program: str) -> bool:
    return "def potential(" in run.folder.program(program).source


def test_an_interrupted_search_writes_the_same_programs(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    whole = search(tmp_path / "whole", executor=executor)
    executor.trouble = Interrupt(after=len(executor.calls) // 3)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "cut", executor=executor)
    executor.trouble = lambda *_: None
    (cut,) = (tmp_path / "cut" / "runs").iterdir()
    assert "exported" not in kinds(api.load_run(cut))
    resumed = happened(api.load_run(cut).resume(executor=executor))
    assert resumed == happened(whole)


class Interrupt:
    """Ctrl-C in a call."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_another_seed_is_another_search(tmp_path: Path, executor: FakeExecutor) -> None:
    def programs(seed: int) -> set[str]:
        task = write_task(tmp_path / str(seed))
        options = {"rounds": 1, "samples": 4, "seeds": 1, "seed": seed}
        return set(
            fold(
                api.design(
                    str(task), runs=tmp_path / f"r{seed}", options=options, executor=executor
                ).folder.events()
            ).programs
        )

    assert len(programs(0) & programs(1)) <= 1


def test_what_only_a_model_can_take_is_refused() -> None:
    with pytest.raises(UsageError, match="base_url is a setting of a model"):
        plan("mountain-car", base_url="http://localhost:1/v1")
    assert plan("mountain-car", model="grammar").config.writer == "grammar"


def test_a_child_costs_as_much_as_the_reward_of_a_good_step() -> None:
    """If only good episodes arrive, going on must not be rewarded more than arriving."""
    space, _ = space_of(next(iter(TASKS)))
    _, rows = TASKS[next(iter(TASKS))]
    lengths, ends = [EPISODE] * (N // EPISODE), np.arange(1, N + 1) % EPISODE == 0
    arrives = ends & (np.arange(N) < N // 2)
    fitness = [1.0 if arrives[end] else 0.0 for end in np.flatnonzero(ends)]
    evidence = Evidence({**rows, "terminated": arrives}, lengths, fitness, GAMMA)
    everyone = Evidence({**rows, "terminated": ends}, lengths, fitness, GAMMA)
    changed = 0
    for genome in some_programs(space, 20):
        going_on = evidence.reward_for_continuing(genome)
        ended = with_time_cost(genome, going_on)
        assert everyone.reward_for_continuing(genome) == 0.0, "here an end says nothing"
        if going_on > 0 and len(genome) < 4:
            changed += 1
            without_bonus = tuple(term for term in ended if term.kind != "ended")
            assert (
                evidence.reward_for_continuing(without_bonus) < 0
                and max(term.weight for term in ended) >= 10
            )
        elif going_on <= 0:
            assert ended == genome
    assert changed > 5


def test_a_program_that_prefers_failures_gets_the_bonus_that_it_lacks() -> None:
    """Good episodes are short and terminate; with the bonus, nine of ten are preferred."""
    space, _ = space_of(next(iter(TASKS)))
    _, rows = TASKS[next(iter(TASKS))]
    lengths = np.array([EPISODE] * (N // EPISODE - 3) + [EPISODE // 2] * 6)
    ends, good = np.cumsum(lengths) - 1, lengths < EPISODE
    fitness = good.astype(float).tolist()
    arrives = np.isin(np.arange(N), ends[good])
    whose = np.where(good, "p", "q").tolist()
    evidence = Evidence({**rows, "terminated": arrives}, lengths.tolist(), fitness, GAMMA, whose)

    def returns(genome: Genome) -> FloatArray:
        rewards = np.split(evidence.rewards(genome), ends[:-1] + 1)
        return np.array([np.sum(r * GAMMA ** np.arange(len(r))) for r in rewards])

    lacked = 0
    for genome in some_programs(space, 20):
        bonus, found = evidence.lacking_bonus(genome, "p"), returns(genome)
        if bonus == 0:
            assert np.quantile(found[good], 0.1) >= found[~good].max()
            assert with_bonus(genome, bonus) == genome
        elif len(genome) < 5 and not any(term.kind == "ended" for term in genome):
            lacked += 1
            rng = np.random.default_rng(0)
            child = compose([genome], space, evidence, rng, exploited="p")
            shaped = any(term.potential for term in set(child) - set(genome))
            form = as_potential(genome) if shaped else genome
            assert child == with_bonus(form, evidence.lacking_bonus(form, "p"))
            repaired, found = returns(child), returns(form)
            assert np.quantile(repaired[good], 0.1) > repaired[~good].max()
            assert repaired[~good] == pytest.approx(found[~good]), "the returns of failures stay"
    assert lacked > 5
    assert evidence.lacking_bonus(some_programs(space, 1)[0], "q") == 0.0, "it has no successes"
    everyone = Evidence({**rows, "terminated": arrives | True}, lengths.tolist(), fitness, GAMMA)
    assert everyone.lacking_bonus(some_programs(space, 1)[0], "") == 0.0
