"""Audit the native reward of an environment, as a program is audited."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rewardsmith.engine.closing import EXPLOIT_SEEDS, exploiter_training
from rewardsmith.engine.exploits import ExploitSearch
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.training import Trainings, trained
from rewardsmith.engine.workers.executor import (
    ONE_CORE,
    Execution,
    Executor,
    Resources,
    preflight_call,
)
from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.evidence.diagnosis import native_farmed
from rewardsmith.evidence.rewards import native_rewards
from rewardsmith.journal import disk_error
from rewardsmith.maths.agreement import kendall_tau
from rewardsmith.program import NATIVE
from rewardsmith.run.bank import RunBank
from rewardsmith.run.event import Event
from rewardsmith.run.events import ExploitsSearched, PreflightDone
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.orders import PlayScripts, Train
from rewardsmith.run.outcomes import ExploitState
from rewardsmith.run.state import RunState
from rewardsmith.run.trials import ExploiterSpec
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.types import Interval

_NAMED = re.compile("rew|cost|penalty", re.IGNORECASE)  # in names of parts of the reward


@dataclass(frozen=True)
class NativeAudit:
    """What an audit of the native reward found.

    Attributes:
        fitness: of the agents that were trained with it; None if a training failed.
        exploits: the outcome of the exploit search.
        in_order: share of pairs of a better and a worse episode of which the better has the higher
            discounted return; None without such pairs.
        agreement: rank agreement of discounted return with fitness (TAC), in [-1, 1].
        farmed: whether agents earn more and more of it while the fitness is flat, in words.
        constant: fields that look like parts of the reward and never vary.
        folder: of curves, checkpoints, episodes and the exploit.
    """

    fitness: Interval | None
    exploits: ExploitState
    in_order: float | None
    agreement: float | None
    farmed: str
    constant: tuple[str, ...]
    folder: Path


def audit_native(
    task: Task | str,
    *,
    seeds: int = 5,
    steps: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    executor: str | Executor = "local",
    needs: Resources = ONE_CORE,
    runs: str | Path = "runs",
    observer: Observer | None = None,
) -> NativeAudit:
    """Train agents with the native reward, and search for failures that it prefers to success.

    Args:
        task: a task, its name, or its folder. Its fitness says what success is.
        seeds: number of trainings, with seeds 0, 1, …
        steps: training steps of each; by default the task's.
        workers, executor, needs: as :func:`rewardsmith.design` takes them.

    Raises:
        UsageError: the fitness of the task is the native return itself.
        BoundaryError: the environment failed, or every training did.
        RunError: the folder cannot be written.

    Example:
        found = rs.audit_native("lunar-lander")
        found.exploits.verdict, found.agreement, found.farmed
    """
    resolved = resolve_task(task)
    _check_fitness(resolved)
    folder = _lay_out(Path(runs), resolved)
    with Execution(executor, workers, needs).opened() as opened:
        session = _Session(folder, resolved, device, opened, needs, observer or Observer())
        session.play(seeds, steps or resolved.spec.training.steps)
    state, bank = session.state, RunBank(folder).before(session.state)
    rewards = native_rewards(bank, resolved.spec.training.gamma)
    kept = rewards.agreement("pairs", "discounted")
    return NativeAudit(
        fitness=state.score(NATIVE),
        exploits=state.exploits[NATIVE],
        in_order=kept.share if kept is not None else None,
        agreement=kendall_tau(rewards.scores("discounted"), bank.fitness),
        farmed=native_farmed(folder, state, "selection"),
        constant=_constant_parts(bank),
        folder=folder.path,
    )


class _AuditFolder(RunFolder):
    """The folder of an audit: laid out as that of a run, without a search and its settings."""

    def task(self) -> Task:
        """The task as it was when the audit began."""
        return load_task(self.task_folder)


class _Session:
    """The calls of an audit, in order; each is recorded as an event."""

    def __init__(
        self,
        folder: RunFolder,
        task: Task,
        device: str,
        executor: Executor,
        needs: Resources,
        observer: Observer,
    ) -> None:
        self.state = RunState()
        self._folder = folder
        self._executor = executor
        self._needs = needs
        self._observer = observer
        self._trainings = Trainings(folder, task, device, executor, needs)
        self._exploits = ExploitSearch(folder, RunBank(folder), executor)

    def play(self, seeds: int, steps: int) -> None:
        """Check the task, train agents and exploiters, and search."""
        self._observer.doing("checking the task")
        self._executor.submit(preflight_call(self._folder, needs=self._needs)).result()
        self._record(PreflightDone(found=self._folder.preflight()))
        self._train(Train(NATIVE, tuple(range(seeds)), "selection", steps))
        self._observer.doing("recording episodes of scripted actions")
        self._record(self._exploits.carry_out(PlayScripts(), self.state))
        exploiter = self._exploits.exploiter(NATIVE, self.state)
        self._train(exploiter_training(NATIVE, EXPLOIT_SEEDS, steps), {NATIVE: exploiter})
        self._observer.doing("searching recorded episodes for exploits of the native reward")
        self._record(ExploitsSearched(found=self._exploits.search(NATIVE, self.state)))

    def _train(self, order: Train, exploiters: Mapping[str, ExploiterSpec] | None = None) -> None:
        self._observer.doing(f"training {len(order.seeds)} agents")
        failures = []
        done = self._trainings.carry_out([order], self._observer.progress, exploiters)
        for trial, outcome in done:
            if isinstance(outcome, BoundaryError):
                failures.append(outcome)
            self._record(trained(trial, outcome))
        if len(failures) == len(order.seeds):
            raise failures[0]

    def _record(self, event: Event) -> None:
        event = self._folder.events().append(event)
        event.apply(self.state)
        self._observer.event(event, self.state)


def _check_fitness(task: Task) -> None:
    if task.spec.fitness.source == "native_return":
        raise UsageError(
            f"the fitness of {task.name} is its native return, so nothing can be compared with it",
            "name a task with a fitness of its own, or --fitness 'info[\"key\"]'; "
            "rewardsmith tasks new drafts one",
        )


def _lay_out(runs: Path, task: Task) -> RunFolder:
    folder = _AuditFolder(runs / f"audit-{task.name}-{uuid.uuid4().hex[:8]}")
    try:
        folder.program_folder(NATIVE).mkdir(parents=True)
        task.freeze(folder.task_folder)
    except OSError as error:
        raise disk_error(folder.path, error) from error
    return folder


def _constant_parts(bank: Bank) -> tuple[str, ...]:
    """Fields that look like parts of the reward, and have one value on all recorded episodes."""
    named = bank.trajectories[0].episode.fields
    return tuple(name for name in named if _NAMED.search(name) and _is_constant(bank, name))


def _is_constant(bank: Bank, name: str) -> bool:
    values = [np.asarray(one.episode.fields[name], np.float64) for one in bank.trajectories]
    return float(np.ptp(np.concatenate(values))) == 0.0
