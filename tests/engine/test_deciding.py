"""Who leads a search: trainings on fresh seeds until it is decided or they are spent."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import rewardsmith as rs
from rewardsmith.engine.deciding import FIRST_DECIDING_SEED, deciding_trainings_made
from rewardsmith.program import NATIVE
from rewardsmith.run.trials import TrialJob
from tests.support.closing_runs import (
    ALIVE,
    ONE_ROUND,
    OTHER,
    SOUND,
    run_of,
    text_in,
    write_solved_task,
)


@pytest.fixture
def task(tmp_path: Path) -> str:
    return write_solved_task(tmp_path)


def fresh_seeds(run: rs.Run, program: str) -> list[int]:
    trials = run.state.trials_of(program, "selection")
    return [trial.seed for trial in trials if trial.seed >= FIRST_DECIDING_SEED]


def noisy(job: TrialJob, mean: float, spread: float) -> float:
    return mean + spread * random.Random(f"{job.program}/{job.seed}").uniform(-1, 1)


def program_with(run: rs.Run, word: str) -> str:
    return next(p for p in run.state.programs if word in run.folder.program(p).source)


def test_a_lucky_first_seed_does_not_choose_the_program(task: str, tmp_path: Path) -> None:
    """The first program is better on its one seed, and worse on all others."""

    def fitness(job: TrialJob) -> float:
        if text_in(job, "20.0"):
            return 0.9 if job.seed == 0 else noisy(job, 0.5, 0.02)
        return noisy(job, 0.85, 0.02)

    without = run_of(task, tmp_path / "without", fitness, SOUND, OTHER, looks=1)
    assert "20.0" in without.best.source
    run = run_of(task, tmp_path, fitness, SOUND, OTHER, looks=1, deciding_trainings=12)
    assert "30.0" in run.best.source
    lucky, steady = program_with(run, "20.0"), program_with(run, "30.0")
    assert run.state.standing() == [steady, lucky]
    assert fresh_seeds(run, lucky) == fresh_seeds(run, steady), "on equal seeds"
    assert set(fresh_seeds(run, lucky)) < set(range(100, 107))


def test_it_ends_when_the_order_is_decided(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return noisy(job, 0.9 if text_in(job, "20.0") else 0.2, 0.01)

    run = run_of(task, tmp_path, fitness, SOUND, OTHER, deciding_trainings=40)
    assert deciding_trainings_made(run.state) == 4, "two seeds of each show it"


def test_it_ends_when_its_trainings_are_spent(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return noisy(job, 0.5, 0.5)

    run = run_of(task, tmp_path, fitness, SOUND, OTHER, looks=1, deciding_trainings=10)
    assert deciding_trainings_made(run.state) == 8, "another batch would need twelve"


def test_two_programs_at_the_ceiling_need_no_decision(task: str, tmp_path: Path) -> None:
    options = {**ONE_ROUND, "seeds": 3}
    run = run_of(
        task, tmp_path, lambda job: 0.99 if text_in(job, "20.0") else 0.985, SOUND, OTHER,
        options=options, deciding_trainings=12,
    )  # fmt: skip
    assert deciding_trainings_made(run.state) == 0


def test_equal_programs_are_tied_and_the_simpler_one_leads(task: str, tmp_path: Path) -> None:
    longer = SOUND.replace("20.0", "20.0 + 0.0 * 7.5")
    options = {**ONE_ROUND, "seeds": 3}

    def fitness(job: TrialJob) -> float:
        return 0.9 if text_in(job, "7.5") else 0.899

    run = run_of(task, tmp_path, fitness, longer, SOUND, options=options, deciding_trainings=4)
    assert "7.5" not in run.best.source
    assert run.state.ranked()[0] != run.best.id, "by its mean, the longer one leads"


def test_what_is_exploited_gets_no_further_trainings(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return noisy(job, 0.9 if text_in(job, "alive") else 0.8, 0.05)

    run = run_of(task, tmp_path, fitness, ALIVE, SOUND, exploit_search=True, deciding_trainings=12)
    alive = program_with(run, "alive")
    assert run.state.exploited(alive) and fresh_seeds(run, alive) == []
    assert run.best.id != alive


def test_nothing_is_decided_where_no_program_is_better_than_the_random_policy(
    task: str, tmp_path: Path
) -> None:
    run = run_of(task, tmp_path, lambda job: -9.0, SOUND, OTHER, deciding_trainings=12)
    assert deciding_trainings_made(run.state) == 0


def test_nothing_is_decided_between_failures(task: str, tmp_path: Path) -> None:
    """The task is solved from 0.5, and the random policy has a fitness of about 0."""

    def of(best: float, where: str) -> int:
        run = run_of(
            task,
            tmp_path / where,
            lambda job: noisy(job, best, 0.05),
            SOUND,
            OTHER,
            looks=1,
            deciding_trainings=12,
        )
        return deciding_trainings_made(run.state)

    assert of(0.0, "failures") == 0 < of(0.3, "half")


def test_a_budget_without_steps_for_it_keeps_the_leader(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return 0.0 if job.program == NATIVE else noisy(job, 0.5, 0.4)

    free = run_of(task, tmp_path / "free", fitness, SOUND, OTHER, looks=1)
    budget = rs.Budget(steps=free.state.steps + 10)
    run = run_of(
        task, tmp_path, fitness, SOUND, OTHER, looks=1, deciding_trainings=12, budget=budget
    )
    assert deciding_trainings_made(run.state) == 0 and run.best.id == free.best.id
    assert run.best.score.n == 2


def test_a_plan_counts_these_trainings() -> None:
    few = rs.plan("mountain-car", model="openai/some", deciding_trainings=0)
    usual = rs.plan("mountain-car", model="openai/some")
    assert (few.closing.deciding, usual.closing.deciding) == (0, 12)
    with pytest.raises(rs.UsageError, match="deciding_trainings"):
        rs.plan("mountain-car", model="openai/some", deciding_trainings=-1)
