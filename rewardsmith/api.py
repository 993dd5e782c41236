"""The library: everything the command line does, as functions.

Every usage error is raised before anything is spent. Nothing here prints.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from rewardsmith.choosing import Settings
from rewardsmith.config import Budget, RunConfig
from rewardsmith.engine.gate import current_budget
from rewardsmith.engine.observer import Observer
from rewardsmith.errors import NoProgram, UsageError, did_you_mean
from rewardsmith.planning import Plan, plan, plan_replay, provider_of
from rewardsmith.program import NATIVE
from rewardsmith.sandbox.report import SandboxReport, sandbox_report
from rewardsmith.session import carry_on, why_none
from rewardsmith.state import RunState, fold
from rewardsmith.store import RunFolder, create_run, open_run
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.types import Interval
from rewardsmith.wording import spent

if TYPE_CHECKING:
    from rewardsmith.program import Verdict

RUNS = Path("runs")
CHECK_S = 20.0  # for looking up a model


@dataclass(frozen=True)
class Best:
    """The program that a run chose.

    Attributes:
        score: fitness over the report seeds where there are some, else over the selection seeds.
        native: fitness of the native reward under the same training, on the same seeds; None without a report.
        rung: which seeds the score comes from.
    """

    id: str
    source: str
    score: Interval
    native: Interval | None
    rung: str


class Run:
    """A run that exists on disk, for looking at and exporting."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder.path

    @property
    def state(self) -> RunState:
        """Folded from its events, now."""
        return fold(self.folder.events())

    @property
    def best(self) -> Best:
        """The program with the best selection score.

        Raises:
            NoProgram: no program was accepted and trained to the end.
        """
        state = self.state
        ranked = state.ranked()
        if not ranked:
            raise NoProgram(f"{self.folder.name} has no program with a score", why_none(state))
        program = ranked[0]
        reported = state.score(program, "report")
        score = reported if reported is not None else state.score(program)
        assert score is not None
        rung = "report" if reported is not None else "selection"
        native = state.score(NATIVE, rung)
        return Best(program, self.folder.program_source(program), score, native, rung)

    def export(self, target: str | Path | None = None) -> Path:
        """Write ``reward.py``, ``reward.json`` and the policy; returns the folder.

        Args:
            target: a folder, or the path that ``reward.py`` shall have; the run's own ``export`` by default.

        Raises:
            NoProgram: nothing is good enough.
            RunError: the target cannot be written.
        """
        from rewardsmith.export import export_run

        best = self.best
        return export_run(self.folder, self.state, best.id, Path(target) if target is not None else None)

    def report(self, target: str | Path | None = None) -> Path:
        """Write the run as one HTML file, ``report.html`` in its folder by default; returns its path.

        Raises:
            RunError: the run is damaged, or the file cannot be written.
        """
        from rewardsmith.report import report_run

        return report_run(self, target)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the result, in two lines."""
        state = self.state
        told = f"fitness {self.best.score}, native {self.best.native}" if state.ranked() else "no program has a score"
        return f"<b>{escape(self.folder.name)}</b><br>{escape(told)}; {escape(spent(state))}"


def design(
    task: Task | str | Plan,
    goal: str | None = None,
    *,
    workers: int | None = None,
    runs: str | Path = RUNS,
    observer: Observer | None = None,
    **settings: Unpack[Settings],
) -> Run:
    """Design a reward: write, check, train, reflect, and compare the best with the native reward.

    With ``ask=True`` it returns as soon as a reply has to be brought, see :class:`rewardsmith.search.Search`.

    Args:
        task: what :func:`plan` takes, or a plan.
        goal: what the agent must achieve, in words; a task may have its own.
        workers: trainings side by side; the number of cores by default.
        runs: where the run's folder is made.
        observer: told of everything that happens.
        settings: see :class:`Settings`.

    Raises:
        UsageError: before anything is spent.
        BoundaryError: environment, provider, sandbox or trainer failed; resume the run when it is mended.
        RunError: the run's folder cannot be written.
        NoProgram: the run ended and nothing usable came out.
    """
    planned = task if isinstance(task, Plan) else plan(task, goal, **settings)
    if planned.config.writer == "model":  # a missing key, or a model that is none, is told before a folder is made
        assert planned.config.model is not None
        provider_of(planned.config).check(planned.config.model, CHECK_S)
    sandbox = _strong_enough(planned.config)
    given = (planned.config, planned.task, planned.prompts, sandbox.as_json(), planned.files, planned.bank)
    run = create_run(Path(runs), *given)
    try:
        carry_on(run, workers, observer or Observer())
        return Run(run)
    except UsageError:
        if Run(run).state.preflight is None:  # found by the look at the environment: there is nothing to resume
            shutil.rmtree(run.path, ignore_errors=True)
        raise


def resume(
    run: str | Path | Run,
    *,
    budget: Mapping[str, float] | None = None,
    workers: int | None = None,
    runs: str | Path = RUNS,
    observer: Observer | None = None,
) -> Run:
    """Go on with a run that was interrupted, or whose budget was raised.

    Args:
        budget: new limits, e.g. ``{"tokens": 200_000}``.

    Raises:
        RunError: there is no such run, or it is in use, or its folder was changed.
    """
    folder = run.folder if isinstance(run, Run) else open_run(run, Path(runs))
    _strong_enough(folder.config())
    if budget:
        unknown = sorted(set(budget) - set(Budget.model_fields))
        if unknown:
            raise UsageError(f"there is no budget of {unknown[0]!r}", did_you_mean(unknown[0], Budget.model_fields))
        before = current_budget(folder.config(), fold(folder.events()))
        for name, limit in budget.items():
            was = getattr(before, name)
            if limit <= 0 or (was is not None and limit < was):
                raise UsageError(f"a budget can only be raised: {name} from {was} to {limit}", "give a larger one")
    carry_on(folder, workers, observer or Observer(), budget)
    return Run(folder)


def say(run: str | Path | Run, words: str, *, program: str | None = None, runs: str | Path = RUNS) -> str:
    """Tell the writer what a person thinks of a program's agent: the run then owes one round more, see :func:`resume`.

    Args:
        program: its id, or the beginning of it; the best one by default.

    Returns:
        The id of the program.

    Raises:
        RunError: there is no such run, or it is in use.
        UsageError: nothing was said, or there is no such program.
    """
    folder = run.folder if isinstance(run, Run) else open_run(run, Path(runs))
    if not words.strip():
        raise UsageError("nothing was said", "say in a sentence what the agent should do otherwise")
    with folder.lock():
        state = fold(folder.events())
        known = state.ranked() or list(state.programs)
        fitting = [name for name in known if program is None or name.startswith(program)]
        if not fitting:
            raise UsageError(f"{folder.name} has no program {program or ''}", did_you_mean(program or "", known))
        folder.events().append("said", program=fitting[0], words=words.strip())
    return fitting[0]


def replay(
    run: str | Path | Run,
    *,
    by_position: bool = False,
    workers: int | None = None,
    runs: str | Path = RUNS,
    observer: Observer | None = None,
    allow_weak_sandbox: bool = False,
) -> Run:
    """Do again what a run did, with its recorded replies in place of a model: no key, no network.

    Args:
        by_position: see :func:`rewardsmith.planning.plan_replay`.

    Raises:
        RunError: there is no such run, or something is asked that it was not asked.
    """
    folder = run.folder if isinstance(run, Run) else open_run(run, Path(runs))
    planned = plan_replay(folder, by_position=by_position, allow_weak_sandbox=allow_weak_sandbox)
    return design(planned, workers=workers, runs=runs, observer=observer)


def load_run(run: str | Path, runs: str | Path = RUNS) -> Run:
    """A run by path, name, or the end of its name.

    Raises:
        RunError: there is no such run.
    """
    return Run(open_run(run, Path(runs)))


def check_program(source: str, task: Task | str) -> Verdict:
    """Judge a program on random behaviour of a task, and whether its learner can use all of it.

    Raises:
        UsageError, BoundaryError: the task or its environment is at fault, not the program.
    """
    from rewardsmith.engine.judging import check_for_training
    from rewardsmith.look import look_at

    resolved = resolve_task(task)
    look = look_at(resolved)
    return check_for_training(source, look.report.model_dump(), look.transitions, resolved.spec.training)


def program_text(path: str | Path) -> str:
    """The program in a Python file, an exported one too, or in a reply of a model (``.md``, ``.txt``).

    Raises:
        UsageError: the file cannot be read, or a reply holds no program.
    """
    from rewardsmith.coder.extract import extract_code
    from rewardsmith.export.module import program_in

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "give the path of a Python file") from None
    if Path(path).suffix not in (".md", ".txt"):
        return program_in(text)
    found = extract_code(text)
    if found.source is None:
        raise UsageError(f"{path} holds no program: {found.problem}", "it must hold one fenced python block")
    return found.source


def trainable_program(path: str | Path, task: Task) -> tuple[str, Verdict]:
    """The source of a program in a file and its verdict, if agents may be trained under it.

    Raises:
        UsageError: the file cannot be read, or the program was refused; the message lists the findings.
    """
    source = program_text(path)
    verdict = check_program(source, task)
    if not verdict.accepted:
        found = "\n  ".join(str(finding) for finding in verdict.errors)
        raise UsageError(f"{path} was refused:\n  {found}", f"see: rewardsmith check {path} --task {task.name}")
    return source, verdict


def _strong_enough(config: RunConfig) -> SandboxReport:
    """How well programs are confined on this machine, now.

    Raises:
        BoundaryError: less than strongly, and that was not allowed.
    """
    report = sandbox_report()
    report.require(weak_allowed=config.allow_weak_sandbox)
    return report
