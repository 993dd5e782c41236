"""An executor for tests of the engine: a training takes no time, and its fitness is a function of program and seed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from rewardsmith.engine.workers.calls import learn
from rewardsmith.engine.workers.executor import Call
from rewardsmith.episodes.files import EPISODES, SCRIPTED_FILE, save_episodes
from rewardsmith.episodes.random_policy import (
    RANDOM_SEED,
    collect_preflight,
    random_behaviour,
)
from rewardsmith.episodes.scripted import play_scripts
from rewardsmith.errors import RewardsmithError, UsageError
from rewardsmith.run.trials import POLICY, TrainedReport, TrialJob, TrialResult, write_json
from rewardsmith.task.fitness import fitness_function
from rewardsmith.task.loading import Task, load_task

EVALUATION_STEPS = 330  # what ranking and evaluation of the line world take at most


class FakeExecutor:
    """Stands in for LocalExecutor.

    Args:
        fitness: of a job; by default a number between -1 and 1 that looks like chance.
        trouble: called with each call's name and job; raises what the call shall fail with.
        varied: trials have different evaluation episodes, and their fitness.
    """

    def __init__(
        self,
        workers: int = 1,
        fitness: Callable[[TrialJob], float] | None = None,
        trouble: Callable[[str, TrialJob], None] = lambda *_: None,
        varied: bool = False,
    ) -> None:
        self._varied = varied
        self.workers = workers
        self.calls: list[tuple[str, str, int]] = []
        self._fitness = fitness or some_fitness
        self.trouble = trouble
        self._lock = threading.Lock()

    def submit(self, call: Call) -> Future[None]:
        future: Future[None] = Future()
        task = load_task(str(call.task))
        try:
            with self._lock:
                if call.name == "learn":
                    learn(call)  # a real fit: it takes a second
                for folder in () if call.name == "learn" else call.folders:
                    getattr(self, f"_{call.name}")(task, folder)
                future.set_result(None)
        except RewardsmithError as error:
            future.set_exception(error)
        return future

    def progress(self, call: Call) -> None:
        return None

    def close(self) -> None:
        pass

    def _preflight(self, task: Task, folder: Path) -> None:
        write_preflight(task, folder)

    def _scripts(self, task: Task, folder: Path) -> None:
        save_episodes(folder / SCRIPTED_FILE, play_scripts(task)[0])

    def _train(self, task: Task, folder: Path) -> None:
        job = self._job(folder, "train")
        digest = job.digest(task.digest)
        report = TrainedReport(
            digest=digest, status="finished", steps=job.steps, wall_s=0.0, checkpoints=["1"]
        )
        (folder / "curve.csv").write_text(
            f"steps,wall_s,episodes,length,own_return,fitness,term/pay\n{job.steps},1,9,10,1.5,0.25,1.5\n"
        )
        write_json(folder / "trained.json", report)

    def _evaluate(self, task: Task, folder: Path) -> None:
        job = self._job(folder, "evaluate")
        steps = job.steps + EVALUATION_STEPS
        digest = job.digest(task.digest)
        seed = _chance(job, 1 << 20) if self._varied else RANDOM_SEED
        episode = random_behaviour(task, 1, seed).episodes[0]
        measured = fitness_function(task)(episode).value
        fitness = [measured if self._varied else self._fitness(job)]
        result = TrialResult(
            digest=digest,
            status="finished",
            checkpoint="1",
            own_return=1.0,
            validation=fitness,
            fitness=fitness,
            steps=steps,
        )
        save_episodes(folder / EPISODES, [episode])
        write_json(folder / "result.json", result)

    def _export_policy(self, task: Task, folder: Path) -> None:
        (folder / POLICY).write_bytes(b"")

    def _film(self, task: Task, folder: Path) -> None:
        raise UsageError("the line cannot draw itself")

    def _job(self, folder: Path, call: str) -> TrialJob:
        job = TrialJob.model_validate_json((folder / "job.json").read_text())
        self.calls.append((call, job.program, job.seed))
        self.trouble(call, job)
        return job


def some_fitness(job: TrialJob) -> float:
    return _chance(job, 1 << 24) / (1 << 23) - 1.0


def _chance(job: TrialJob, below: int) -> int:
    """A number that looks like chance and is the same whenever the trial is carried out."""
    digest = hashlib.sha256(f"{job.program}{job.seed}".encode()).hexdigest()
    return int(digest[:6], 16) % below


def write_preflight(task: Task, folder: Path) -> None:
    """Write what the preflight writes, without making a learner."""
    collected = collect_preflight(task)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "transitions.npz", **collected.transitions)  # type: ignore[arg-type]
    save_episodes(folder / "random.npz", collected.behaviour.episodes)
    write_json(folder / "preflight.json", collected.report)
