"""The library: everything the command line does, as functions.

Every usage error is raised before anything is spent. Nothing here prints.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, Field

from rewardsmith.api.doctor import strong_enough
from rewardsmith.api.planning import Plan, plan_replay, resolved_plan
from rewardsmith.api.providers import patient_provider
from rewardsmith.api.session import carry_on, nothing_done
from rewardsmith.api.settings import Settings, takes_settings
from rewardsmith.api.widening import check_feedback_is_read, raised_budget, widened
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.workers.executor import ONE_CORE, Execution, Executor, Resources
from rewardsmith.errors import BoundaryError, UsageError, did_you_mean
from rewardsmith.evidence.diagnosis import RunDiagnosis, diagnose_run
from rewardsmith.run.best import Best, best_program, trial_of_seed
from rewardsmith.run.creation import create_run
from rewardsmith.run.events import fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.inbox import say_to
from rewardsmith.run.names import list_runs as folders_of_runs
from rewardsmith.run.names import open_run
from rewardsmith.run.state import RunState
from rewardsmith.run.user_events import Commented
from rewardsmith.run.wording import spent
from rewardsmith.task.resolving import AnyTask

if TYPE_CHECKING:
    from rewardsmith.api.comparison import Comparable, ComparedRun

RUNS = Path("runs")
CHECK_S = 20.0  # seconds to check that the model exists


class Run:
    """A run in its folder: what :func:`design` and :func:`load_run` return.

    Example:
        run = rs.load_run("mountain-car-eureka-1a2b3c4d")
        run.say("Do not swing so far.")
        run.resume()
        run.report()
    """

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
        """The program that the run chooses: of those with a report the best one, else the leader.

        Raises:
            NoProgram: no program was accepted and trained to the end.
        """
        return best_program(self.folder, self.state)

    @property
    def diagnosis(self) -> RunDiagnosis | None:
        """Which lever is missing; None if the best program solves the task on every seed.

        Raises:
            NoProgram: no program was accepted and trained to the end.
        """
        state = self.state
        return diagnose_run(self.folder, state, best_program(self.folder, state).id)

    def export(
        self,
        target: str | Path | None = None,
        *,
        program: str | None = None,
        seed: int | None = None,
        executor: str | Executor = "local",
        onnx: bool = False,
        hub: str | None = None,
        private: bool = False,
    ) -> Path:
        """Write ``reward.py``, ``reward.json`` and the policy; returns the folder.

        Args:
            target: a folder, or the path that ``reward.py`` shall have; the run's own ``export`` by
                default, which holds the best program only.
            program: the id of a program, or the beginning of it; the best one by default.
            seed: training seed of the policy; by default the one with the highest validation
                fitness.
            executor: where the policy is built.
            onnx: write the policy as ``policy.onnx`` too, with the normalisation of observations.
            hub: the repository of the Hugging Face Hub that the export is uploaded to, such as
                ``user/name``; nothing is uploaded by default.
            private: make it a private one, if there is none of that name.

        Raises:
            NoProgram: nothing is good enough.
            UsageError: there is no such program or training, another one than the best was asked
                for without a target, or a package or a token is missing.
            RunError: the target cannot be written.
            BoundaryError: the policy cannot be written as ONNX, or the upload failed.
        """
        from rewardsmith.api.export import export_run
        from rewardsmith.api.export.extras import Extras

        extras = Extras(onnx, hub, private)
        extras.check()

        state, path = self.state, Path(target) if target is not None else None
        chosen = (
            self.best.id
            if program is None
            else self._first(state.ranked(), program, "trained program")
        )
        trial = trial_of_seed(state, chosen, seed) if seed is not None else None
        if path is None and (trial is not None or chosen != self.best.id):
            raise UsageError(
                "the export of a run holds its best program and policy",
                "name another place with --output",
            )
        with Execution(executor, workers=1).opened() as opened:
            return export_run(self.folder, state, chosen, path, opened, trial, extras)

    def _first(self, known: Sequence[str], program: str, what: str = "program") -> str:
        """The first of some programs whose id begins so."""
        found = next((name for name in known if name.startswith(program)), None)
        if found is None:
            raise UsageError(
                f"{self.folder.name} has no {what} {program}", did_you_mean(program, known)
            )
        return found

    def report(self, target: str | Path | None = None) -> Path:
        """Write the run as one HTML file; returns its path.

        Args:
            target: the file; ``report.html`` in the run's folder by default.

        Raises:
            RunError: the run is damaged, or the file cannot be written.
        """
        from rewardsmith.api.report import report_run

        return report_run(self.folder, target)

    def resume(
        self,
        *,
        budget: Mapping[str, float] | None = None,
        rounds: int = 0,
        report_seeds: int | None = None,
        workers: int | None = None,
        executor: str | Executor = "local",
        needs: Resources = ONE_CORE,
        observer: Observer | None = None,
    ) -> Run:
        """Continue the run where it stopped, with a larger budget, or with more to do; returns it.

        Args:
            budget: new limits, e.g. ``{"tokens": 200_000}``.
            rounds: further rounds of the search.
            report_seeds: seeds of each final comparison from now on, more than before.
            workers, executor, needs: as :func:`design` takes them.
            observer: is notified of every event.

        Raises:
            RunError: the run is in use, or its folder was changed.
            UsageError: a limit is unknown, or lower than before.
        """
        config = self.folder.config()
        strong_enough(config)
        limits = raised_budget(config, self.state, budget) if budget else None
        wider = widened(config, self.state, rounds, report_seeds)
        if wider is not None:
            with self.folder.lock():
                self.folder.events().append(wider)
        carry_on(self.folder, Execution(executor, workers, needs), observer or Observer(), limits)
        return self

    def say(self, words: str, *, program: str | None = None) -> str:
        """Give the writer feedback on an agent, for one more round.

        A run that is carried out now takes it before its next wave of requests or trainings; a run
        that has ended needs :meth:`resume`.

        Args:
            words: what the agent should do differently.
            program: the id of its program, or the beginning of it; the best one by default.

        Returns:
            The id of the program.

        Raises:
            UsageError: the words are empty, there is no such program, or the strategy asks no
                writer that could read them.
        """
        check_feedback_is_read(self.folder.name, self.folder.config())
        if not words.strip():
            hint = "say in a sentence what the agent should do differently"
            raise UsageError("the feedback is empty", hint)
        state = self.state
        chosen = self._first(state.ranked() or list(state.programs), program or "")
        say_to(self.folder, Commented(program=chosen, words=words.strip()))
        return chosen

    def replay(
        self,
        *,
        by_position: bool = False,
        workers: int | None = None,
        executor: str | Executor = "local",
        needs: Resources = ONE_CORE,
        runs: str | Path = RUNS,
        observer: Observer | None = None,
        allow_weak_sandbox: bool = False,
    ) -> Run:
        """Repeat the run with its recorded replies in place of a model: no key, no network.

        Args:
            by_position: see :func:`rewardsmith.api.planning.plan_replay`.
            workers, executor, needs, runs, observer: as :func:`design` takes them.
            allow_weak_sandbox: run the programs even if the sandbox is weak here.

        Returns:
            The new run.

        Raises:
            RunError: the repeated run makes a request that the recorded one did not make.
        """
        planned = plan_replay(
            self.folder, by_position=by_position, allow_weak_sandbox=allow_weak_sandbox
        )
        return design(
            planned, workers=workers, executor=executor, needs=needs, runs=runs, observer=observer
        )

    def compare(self, *others: Comparable) -> list[ComparedRun]:
        """Compare the best program of this run with those of others, on seeds that chose nothing.

        Args:
            others: runs and train results of the same task. Their step budgets may differ; the
                note of a row says so.

        Returns:
            One row for this run, then one for each of the others.

        Raises:
            UsageError: there is no other, or one is of a different task.
            NoProgram: one has no program with a score.
        """
        from rewardsmith.api.comparison import compare_with

        return compare_with(self, others)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the result, in two lines."""
        state = self.state
        scores = (
            f"fitness {self.best.score}, native {self.best.native}"
            if state.ranked()
            else "no program has a score"
        )
        return f"<b>{escape(self.folder.name)}</b><br>{escape(scores)}; {escape(spent(state))}"


class DesignSettings(Settings):
    """The keywords of :func:`design`: settings of the run, and where and how it is carried out."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    workers: Annotated[
        int | None, Field(gt=0, description="Concurrent trainings; the number of cores by default.")
    ] = None
    executor: Annotated[
        str | Executor,
        Field(
            description="Where trainings run: the name of an executor, or one that the caller "
            "opened and closes."
        ),
    ] = "local"
    needs: Annotated[
        Resources,
        Field(description="What each training needs; Resources(gpus=0.25) lets four share a GPU."),
    ] = ONE_CORE
    runs: Annotated[str | Path, Field(description="Folder in which the run's folder is made.")] = (
        RUNS
    )
    observer: Annotated[Observer | None, Field(description="Is notified of every event.")] = None

    @property
    def execution(self) -> Execution:
        """Where the calls of the run are carried out."""
        return Execution(self.executor, self.workers, self.needs)


@takes_settings(DesignSettings)
def design(task: AnyTask | Plan, goal: str | None, settings: DesignSettings) -> Run:
    """Design a reward: write, check, train, reflect, and compare the best with the native reward.

    With ``ask=True`` it returns as soon as the run waits for a reply, see
    :class:`rewardsmith.api.search.Search`.

    Args:
        task: what :func:`plan` takes, or a plan, which has its settings already.
        goal: what the agent must achieve, in words; by default the task's own.
        settings: the fields of :class:`DesignSettings`, as keywords.

    Raises:
        UsageError: before anything is spent.
        BoundaryError: environment, provider, sandbox or trainer failed; resume the run when it is
            fixed. A run that fails before its first request leaves no folder.
        RunError: the run's folder cannot be written.
        NoProgram: the run ended without a usable program.

    Example:
        run = rs.design("mountain-car", model="anthropic/…", budget=rs.Budget(usd=2.0))
        run.best.source, run.best.score
        run.export("exported/reward.py")
    """
    planned = _planned(task, goal, settings)
    if planned.config.writer == "model":  # before a folder is made: the key and the model exist
        assert planned.config.model is not None
        patient_provider(planned.config.model, planned.config).check(planned.config.model, CHECK_S)
    sandbox = strong_enough(planned.config)
    given = (
        planned.config,
        planned.task,
        planned.prompts,
        sandbox.as_json(),
        planned.files,
        planned.bank,
    )
    run = create_run(Path(settings.runs), *given)
    try:
        carry_on(run, settings.execution, settings.observer or Observer())
        return Run(run)
    except (UsageError, BoundaryError) as error:
        if nothing_done(run, error):
            shutil.rmtree(run.path, ignore_errors=True)
        raise


def _planned(task: AnyTask | Plan, goal: str | None, settings: DesignSettings) -> Plan:
    if not isinstance(task, Plan):
        return resolved_plan(task, goal, settings)
    repeated = settings.model_fields_set & Settings.model_fields.keys()
    if repeated or goal is not None:
        raise UsageError(
            f"a plan has its settings already, but {min(repeated, default='goal')} was given",
            "pass it to rs.plan",
        )
    return task


def load_run(run: str | Path, runs: str | Path = RUNS) -> Run:
    """A run.

    Args:
        run: its path; or below ``runs`` its name, a beginning or an end of the name, or the first
            of its digits, if no other run has them; or ``last`` for the run that was started last.

    Raises:
        RunError: there is no such run.
        UsageError: several runs fit, or it is a train result, see :func:`load_training`.

    Example:
        rs.load_run("mountain-car-eureka-1a2b3c4d").resume(budget={"usd": 4.0})
    """
    return Run(open_run(run, Path(runs)))


def list_runs(runs: str | Path = RUNS) -> list[Run]:
    """The runs in a folder, oldest first, with damaged ones, which raise an error when read.

    Example:
        [run.folder.name for run in rs.list_runs()]
    """
    return [Run(folder) for folder in folders_of_runs(Path(runs))]
