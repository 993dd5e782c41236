"""Check a program and screen it on recorded episodes: ``rewardsmith check``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rewardsmith.api.programs import AnyProgram, check_on, program_text
from rewardsmith.engine.observer import Observer
from rewardsmith.episodes.bank import Bank
from rewardsmith.episodes.columns import joined_columns
from rewardsmith.episodes.random_policy import PreflightData, collect_preflight, preflight_time
from rewardsmith.episodes.recording import recorded_trajectories
from rewardsmith.errors import ProgramError, RewardsmithError, RunError
from rewardsmith.evidence.appraisal import Appraisal, appraise, random_bank
from rewardsmith.evidence.rewards import columns_read, hosted
from rewardsmith.evidence.subgoals import audit_subgoals
from rewardsmith.program import CheckedProgram, Verdict
from rewardsmith.run.bank import RunBank
from rewardsmith.run.best import shipped_trial
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.names import list_runs, open_run
from rewardsmith.run.records import SubgoalStatistics
from rewardsmith.run.trial_folder import TrialFolder
from rewardsmith.task.drafting import task_from_env
from rewardsmith.task.files import TASK_FILE
from rewardsmith.task.loading import Task, known_tasks
from rewardsmith.task.resolving import AnyTask, resolve_task
from rewardsmith.types import Episode

_NO_GOAL = "(none)"  # where nothing is written


@dataclass(frozen=True)
class TermRanges:
    """The ranges of a program's terms on recorded episodes.

    Attributes:
        source: name of the run, or path of the file, that the episodes come from.
        transitions: number of transitions.
        terms: term name -> (lowest, mean, highest).
        problem: the error of the program on these episodes; empty when there was none.
    """

    source: str
    transitions: int
    terms: dict[str, tuple[float, float, float]]
    problem: str = ""


@dataclass(frozen=True)
class Check:
    """The result of :func:`check`.

    Attributes:
        verdict: whether the program is accepted, and its findings.
        ranges: term ranges on recorded episodes, or on those of the best agent of a run; None
            when there are no such episodes or the program was refused.
        appraisal: how the program orders recorded episodes; None when the program was refused, has
            only subgoals, or failed on them.
        subgoals: how often each subgoal is reached in recorded episodes.
    """

    verdict: Verdict
    ranges: TermRanges | None = None
    appraisal: Appraisal | None = None
    subgoals: tuple[SubgoalStatistics, ...] = ()


def check(
    program: AnyProgram,
    task: AnyTask,
    *,
    goal: str | None = None,
    run: str | None = None,
    episodes: str | Path | None = None,
    runs: str | Path = "runs",
    observer: Observer | None = None,
) -> Check:
    """Check a program, and screen it on recorded episodes if it is accepted.

    Args:
        program: a program, its source, or the path of its file. A text with a line break is
            source, any other text is a path.
        task: a task, its name, its folder, or an environment as :func:`task_from_env` takes it.
        goal: the goal in words; by default the task's own. An environment needs none here.
        run: the run whose episodes are used; by default the latest of the task in ``runs`` that
            trained a program. Without such a run the episodes of random policies are used.
        episodes: a file of recorded episodes, used in place of a run.
        runs: the folder that holds the runs.
        observer: is notified of the progress of the random episodes of a slow environment.

    Raises:
        UsageError: the task, the program file or the file of episodes cannot be used.
        RunError: ``run`` has no trained program of this task.
        BoundaryError: the environment or the sandbox failed, not the program.

    Example:
        found = rs.check("my_reward.py", "mountain-car")
        found.verdict.accepted, found.verdict.findings
    """
    source = program_text(program)
    resolved = resolve_without_goal(task, goal)
    time_box = preflight_time((observer or Observer()).doing)
    collected = collect_preflight(resolved, time_box)
    verdict = check_on(source, resolved, collected)
    if not verdict.accepted:
        return Check(verdict)
    recorded = _recorded(resolved, collected, run, episodes, Path(runs))
    checked = CheckedProgram.of(source, verdict)
    gamma = resolved.spec.training.gamma
    return Check(
        verdict,
        _ranges(checked, gamma, recorded),
        _appraised(checked, gamma, recorded.bank, collected),
        _subgoals_of(checked, resolved, recorded.bank),
    )


def resolve_without_goal(task: AnyTask, goal: str | None, fitness: str | None = None) -> Task:
    """The task that the user named; an environment needs no goal where nothing is written."""
    if fitness is not None and not isinstance(task, Task):
        return task_from_env(task, goal or _NO_GOAL, fitness=fitness)
    if goal or isinstance(task, Task):
        return resolve_task(task, goal)
    named = isinstance(task, str) and (task in known_tasks() or (Path(task) / TASK_FILE).is_file())
    return resolve_task(task, None if named else _NO_GOAL)


class _Recorded(NamedTuple):
    """Recorded episodes of a task.

    Attributes:
        bank: all of them, with their fitness.
        source: the user's file, or the name of the run; empty for episodes of random policies.
        episodes: those of the file, or of the best agent of the run.
    """

    bank: Bank
    source: str = ""
    episodes: tuple[Episode, ...] = ()


def _recorded(
    task: Task, collected: PreflightData, run: str | None, file: str | Path | None, runs: Path
) -> _Recorded:
    """The user's file, or the episodes of a run, or those of random policies."""
    random = random_bank(task, collected)
    if file is not None:
        own = recorded_trajectories(task, file)
        bank = Bank([*random.trajectories, *own])
        return _Recorded(bank, str(file), tuple(one.episode for one in own))
    folder = _latest_run(task, runs) if run is None else _named_run(task, run, runs)
    if folder is None:
        return _Recorded(random)
    state = fold(folder.events())
    assert state.best is not None
    best = folder.trial(shipped_trial(state, state.best))
    return _Recorded(RunBank(folder).before(state), folder.name, _episodes_of(best))


def _episodes_of(trial: TrialFolder) -> tuple[Episode, ...]:
    try:
        return tuple(trial.episodes())
    except OSError:
        return ()


def _named_run(task: Task, name: str, runs: Path) -> RunFolder:
    folder = open_run(name, runs)
    if folder.config().task != task.name or not fold(folder.events()).ranked():
        raise RunError(
            f"{folder.name} has no trained program of {task.name}", "name another run, or none"
        )
    return folder


def _latest_run(task: Task, runs: Path) -> RunFolder | None:
    """The latest run of a task that trained a program; None when there is none."""
    for folder in reversed(list_runs(runs)):
        try:
            if folder.task().digest == task.digest and fold(folder.events()).ranked():
                return folder
        except RewardsmithError:
            continue  # a damaged run is no reason to refuse the check of a file
    return None


def _ranges(program: CheckedProgram, gamma: float, recorded: _Recorded) -> TermRanges | None:
    """Term ranges on the episodes of the file or of the best agent; None when there are none."""
    source, episodes = recorded.source, recorded.episodes
    if not episodes:
        return None
    names = tuple(columns_read(program.verdict)) or ("action",)
    try:
        columns = joined_columns(episodes, names)
    except KeyError:
        return None  # a field that the run did not record yet
    try:
        with hosted(program, columns, gamma) as running:
            output = running(joined_columns(episodes, running.arguments))
    except ProgramError as error:
        return TermRanges(source, sum(map(len, episodes)), {}, error.message)
    terms = dict(output.terms) or {"total": output.total}
    ranges = {term: (float(v.min()), float(v.mean()), float(v.max())) for term, v in terms.items()}
    return TermRanges(source, len(output.total), ranges)


def _appraised(
    program: CheckedProgram, gamma: float, bank: Bank, collected: PreflightData
) -> Appraisal | None:
    """How a program orders recorded episodes; subgoals alone are no reward and order nothing."""
    if set(program.verdict.entries) == {"subgoals"}:
        return None
    try:
        return appraise(program, bank, gamma, collected.report)
    except ProgramError:
        return None


def _subgoals_of(program: CheckedProgram, task: Task, bank: Bank) -> tuple[SubgoalStatistics, ...]:
    """How often the subgoals of a program are reached in recorded episodes."""
    if "subgoals" not in program.verdict.entries:
        return ()
    try:
        return tuple(audit_subgoals(task, program, bank, {}))
    except ProgramError:
        return ()
