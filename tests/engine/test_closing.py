"""The end of a search: exploit searches, looks on fresh seeds, and extra rounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import rewardsmith as rs
from rewardsmith.api import runs as api
from rewardsmith.engine.closing import closing_orders, searches_before
from rewardsmith.program import NATIVE
from rewardsmith.run.events import Extended
from rewardsmith.run.orders import PlayScripts, Train
from rewardsmith.run.scores import transfer_scores
from rewardsmith.run.trials import TrialJob
from rewardsmith.run.wording import transfer_line
from tests.support.closing_runs import (
    ALIVE,
    ONE_ROUND,
    OTHER,
    SOUND,
    replies,
    run_of,
    text_in,
    write_solved_task,
)
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.line_runs import asked_of, design


@pytest.fixture
def task(tmp_path: Path) -> str:
    return write_solved_task(tmp_path)


def reported(run: api.Run) -> dict[str, list[int]]:
    seeds: dict[str, list[int]] = {}
    for program, seed, rung in run.state.trials:
        if rung == "report":
            seeds.setdefault(program, []).append(seed)
    return {program: sorted(found) for program, found in seeds.items()}


def test_a_leader_with_an_exploit_loses_its_place_before_the_report(
    task: str, tmp_path: Path
) -> None:
    def fitness(job: TrialJob) -> float:
        return 0.9 if text_in(job, "alive") else 0.8

    run = run_of(task, tmp_path, fitness, ALIVE, SOUND, exploit_search=True)
    state = run.state
    verdicts = {
        run.folder.program(p).source.count("alive"): e.verdict for p, e in state.exploits.items()
    }
    assert verdicts == {1: "exploited", 0: "none"}
    assert "goal" in run.best.source and state.looks == [run.best.id]
    loser = next(program for program in state.programs if program != run.best.id)
    assert state.ranked() == [run.best.id, loser]
    margin = state.exploits[loser].margin
    assert margin is not None and margin < 0 and "RS516 error" in state.exploits[loser].finding
    record = run.folder.exploit(loser)
    assert record is not None and record.episode.success is False
    assert run.folder.exploit_episode(loser).exists()
    exploiters = [trial for trial in state.trials.values() if trial.rung == "exploit"]
    assert [trial.seed for trial in exploiters] == [500, 501, 502]  # recorded episodes sufficed
    assert {trial.program for trial in exploiters} == {run.best.id}


def test_the_same_run_without_exploit_search_reports_the_exploit(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return 0.9 if text_in(job, "alive") else 0.8

    run = run_of(task, tmp_path, fitness, ALIVE, SOUND)
    assert "alive" in run.best.source and not run.state.exploits and not run.state.scripted


def test_a_failed_report_seed_leads_to_another_look_on_fresh_seeds(
    task: str, tmp_path: Path
) -> None:
    def fitness(job: TrialJob) -> float:
        if job.program == NATIVE:
            return 0.0
        if text_in(job, "20.0"):
            return 0.1 if job.seed == 1001 else 0.9
        return 0.8

    run = run_of(task, tmp_path, fitness, SOUND, OTHER)
    first, second = run.state.looks
    assert run.state.unsolved_report_seeds(first) == 1
    assert run.best.id == second and "30.0" in run.best.source
    assert reported(run) == {
        first: [1000, 1001], second: [2000, 2001], NATIVE: [1000, 1001, 2000, 2001]
    }  # fmt: skip
    assert run.best.native is not None and run.best.native.n == 2
    facts = json.loads((run.folder.export_folder / "reward.json").read_text())
    report, native = facts["fitness"]["report"]["by_seed"], facts["native_fitness"]["by_seed"]
    assert report.keys() == native.keys(), "on the same seeds, although all looks trained both"


def test_the_number_of_looks_is_limited(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return 0.45 if job.rung == "selection" else 0.4

    run = run_of(task, tmp_path, fitness, SOUND, OTHER, looks=1)
    assert len(run.state.looks) == 1 and run.state.stopped
    both = run_of(task, tmp_path / "two", fitness, SOUND, OTHER, looks=5)
    assert len(both.state.looks) == 2  # there is no third program, and replies end with the file


def test_a_look_that_holds_ends_the_run_although_another_program_leads(
    task: str, tmp_path: Path
) -> None:
    def fitness(job: TrialJob) -> float:
        if text_in(job, "20.0"):
            return 0.9 if job.rung == "selection" else 0.7
        return 0.8

    run = run_of(task, tmp_path, fitness, SOUND, OTHER, looks=3)
    assert len(run.state.looks) == 1 and "20.0" in run.best.source


def test_a_model_writes_one_more_round_if_no_program_holds(task: str, tmp_path: Path) -> None:
    """The report of the only program fails; the writer is asked again, and its answer holds."""

    def fitness(job: TrialJob) -> float:
        return 0.8 if text_in(job, "30.0") else (0.9 if job.rung == "selection" else 0.1)

    with FakeLLM(lambda body: OTHER if len(body["messages"]) > 2 else SOUND) as fake:
        run = asked_of(
            fake,
            task,
            tmp_path,
            options={**ONE_ROUND, "samples": 1},
            executor=FakeExecutor(fitness=fitness),
        )
    extended = [event for event in run.folder.events() if isinstance(event, Extended)]
    assert [event.reason for event in extended] == ["2 of 2 report seeds do not solve the task"]
    assert len(run.state.looks) == 2 and "30.0" in run.best.source


def test_the_writer_is_shown_the_exploit(task: str, tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(body: dict[str, Any]) -> str:
        asked.append(body["messages"][-1]["content"])
        return ALIVE if len(body["messages"]) <= 2 else SOUND

    with FakeLLM(answer) as fake:
        run = asked_of(
            fake, task, tmp_path, options={**ONE_ROUND, "samples": 1}, exploit_search=True,
            executor=FakeExecutor(fitness=lambda job: 0.9),
        )  # fmt: skip
    assert len(asked) == 2 and "This program has an exploit" in asked[1]
    assert "RS516 error" in asked[1] and "| step |" in asked[1]
    assert "20.0" in run.best.source and run.state.extra_rounds == 1


def test_a_search_that_succeeded_nowhere_is_not_attacked(task: str, tmp_path: Path) -> None:
    folder = Path(task)
    text = (folder / "fitness.py").read_text().replace("episode.terminated", "False")
    (folder / "fitness.py").write_text(text)
    run = run_of(task, tmp_path, lambda job: 0.9, SOUND, OTHER, exploit_search=True)
    verdicts = {found.verdict for found in run.state.exploits.values()}
    assert verdicts <= {"unknown"}


def test_successes_that_were_given_are_compared_although_no_agent_succeeds(
    task: str, tmp_path: Path
) -> None:
    run = run_of(task, tmp_path, lambda job: 0.0, SOUND, OTHER, report_seeds=0)
    state, config = run.state, run.folder.config().model_copy(update={"exploit_search": True})
    for key, trial in state.trials.items():
        state.trials[key] = trial.model_copy(update={"success_rate": 0.0})
    assert closing_orders(config, state, 100) == []
    given = config.model_copy(update={"bank": ("demonstrations.npz",)})
    assert closing_orders(given, state, 100) == [PlayScripts()]


def test_without_steps_for_exploiters_recorded_episodes_are_searched(
    task: str, tmp_path: Path
) -> None:
    def cost(run: api.Run) -> int:
        return run.state.steps

    free = run_of(task, tmp_path / "free", lambda job: 0.9, SOUND, OTHER, exploit_search=True)
    (found,) = free.state.exploits.values()
    assert found.trained and found.verdict == "none"
    spent = sum(trial.steps for trial in free.state.trials.values() if trial.rung == "exploit")
    budget = rs.Budget(steps=cost(free) - spent + 10)
    bounded = run_of(
        task,
        tmp_path / "bounded",
        lambda job: 0.9,
        SOUND,
        OTHER,
        exploit_search=True,
        budget=budget,
    )
    (searched,) = bounded.state.exploits.values()
    assert searched.verdict == "none" and not searched.trained
    assert not [trial for trial in bounded.state.trials.values() if trial.rung == "exploit"]
    assert bounded.state.looks == free.state.looks and cost(bounded) <= budget.steps


def test_recorded_exploits_are_searched_before_further_trainings(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return 0.9 if text_in(job, "alive") else 0.8

    run = design(
        task,
        tmp_path,
        replies=replies(ALIVE, SOUND),
        strategy="evolve",
        options={"rounds": 1, "samples": 2, "repairs": 0, "seeds": 3},
        executor=FakeExecutor(fitness=fitness),
        exploit_search=True,
    )
    state = run.state
    alive = next(p for p in state.programs if "alive" in run.folder.program(p).source)
    sound = next(p for p in state.programs if p != alive)
    assert state.exploited(alive) and not state.exploited(sound)
    assert [trial.seed for trial in state.trials_of(alive, "selection")] == [0]
    assert [trial.seed for trial in state.trials_of(sound, "selection")] == [0, 1, 2]
    assert state.best == sound


def test_another_learner_is_trained_after_the_report(task: str, tmp_path: Path) -> None:
    learners: dict[str, set[str]] = {}

    def fitness(job: TrialJob) -> float:
        learners.setdefault(job.rung, set()).add(job.training.algorithm)
        if job.rung == "transfer":
            assert job.training.hyperparameters == {"gamma": 0.95} and job.training.n_envs == 1
        return 0.1 if job.program == NATIVE else 0.9

    run = run_of(task, tmp_path, fitness, SOUND, OTHER, also="sac")
    assert learners == {"selection": {"PPO"}, "report": {"PPO"}, "transfer": {"SAC"}}
    scores = transfer_scores(run.state, run.best.id)
    assert scores is not None and [score.n for score in scores] == [5, 5]
    assert [score.mean for score in scores] == pytest.approx([0.9, 0.1])
    assert "SAC over 5 seeds: 0.9" in transfer_line(run.folder.config().also, scores)
    assert run.best.score.n == 2, "it chooses nothing"


def test_a_learner_that_does_not_fit_is_refused_before_anything_is_written(
    task: str, tmp_path: Path
) -> None:
    with pytest.raises(rs.UsageError, match="DQN with MlpPolicy does not fit"):
        design(
            task,
            tmp_path,
            replies=replies(SOUND, OTHER),
            options=ONE_ROUND,
            also="DQN",
            executor="local",
        )
    with pytest.raises(rs.UsageError, match="no algorithm 'SAK'"):
        run_of(task, tmp_path / "other", lambda job: 0.9, SOUND, OTHER, also="SAK")


def test_more_report_seeds_are_added_to_the_last_look(task: str, tmp_path: Path) -> None:
    def fitness(job: TrialJob) -> float:
        return 0.1 if job.program == NATIVE else 0.9

    run = run_of(task, tmp_path, fitness, SOUND, OTHER)
    assert run.best.score.n == 2
    again = run.resume(report_seeds=6, executor=FakeExecutor(fitness=fitness))
    assert again.best.score.n == 6 and again.state.looks == [run.best.id]
    assert reported(again)[NATIVE] == list(range(1000, 1006))
    with pytest.raises(rs.UsageError, match="only be given more"):
        run.resume(report_seeds=3)


def test_recorded_replies_give_no_further_round(task: str, tmp_path: Path) -> None:
    run = run_of(task, tmp_path, lambda job: 0.9, SOUND, OTHER)
    with pytest.raises(rs.UsageError, match="no further round"):
        run.resume(rounds=1)


def test_further_rounds_go_on_with_the_search(task: str, tmp_path: Path) -> None:
    with FakeLLM(lambda *_: SOUND) as fake:
        run = asked_of(fake, task, tmp_path, options={**ONE_ROUND, "samples": 1})
        before = max(slot.round for slot in run.state.slots)
        again = run.resume(rounds=2, executor=FakeExecutor())
        assert max(slot.round for slot in again.state.slots) == before + 2


def test_the_rest_of_a_wave_that_was_begun_is_not_held_up_by_a_search(
    task: str, tmp_path: Path
) -> None:
    """A run that is resumed within a wave decides as one that was never stopped."""
    run = run_of(task, tmp_path, lambda job: 0.9, SOUND, OTHER)
    state, config = run.state, run.folder.config().model_copy(update={"exploit_search": True})
    program = run.best.id
    further = Train(program, (1,), "selection", 100)
    assert searches_before(config, state, [further]) == [PlayScripts()]
    state.wave = frozenset([(program, 0, "selection"), (program, 1, "selection")])
    assert searches_before(config, state, [further]) == []


def test_a_plan_counts_the_trainings_of_another_learner() -> None:
    alone = rs.plan("mountain-car", model="openai/some")
    both = rs.plan("mountain-car", model="openai/some", also="DQN")
    assert (alone.closing.transfer, both.closing.transfer) == (0, 10)
    each = alone.task.spec.training.steps_taken(alone.config.steps)  # of whole rollouts
    assert both.most_steps == alone.most_steps + 10 * each
