"""check, train: commands for a program in a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from rewardsmith.cli import options as given
from rewardsmith.cli.command import Output, command
from rewardsmith.cli.tables import column_table
from rewardsmith.cli.values import execution
from rewardsmith.errors import NoProgram, ProgramError, RewardsmithError, RunError, UsageError

if TYPE_CHECKING:
    from rewardsmith.api.settings import Settings
    from rewardsmith.api.training import TrainResult
    from rewardsmith.episodes.bank import Bank
    from rewardsmith.episodes.random_policy import Look
    from rewardsmith.evidence.appraisal import Appraisal
    from rewardsmith.evidence.subgoals import Reached
    from rewardsmith.program import CheckedProgram, Verdict
    from rewardsmith.run.folder import RunFolder
    from rewardsmith.task.loading import Task
    from rewardsmith.types import Episode

File = Annotated[
    Path, typer.Argument(help="A Python file that defines reward(...) or others, or a reply.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    _add_check(app)
    _add_train(app)


def _add_check(app: typer.Typer) -> None:
    @command(app, "check")
    def check(
        output: Output,
        file: File,
        task: given.TaskOption,
        goal: given.Goal = None,
        run: Annotated[
            str | None, typer.Option(help="Whose trained behaviour to look at; the task's latest.")
        ] = None,
        on: Annotated[
            Path | None,
            typer.Option(
                metavar="EPISODES", help="Episodes of yours to look at instead: tasks record."
            ),
        ] = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """What is wrong with a program, how its terms range, and how fast it is; exit code 5 if it is refused."""
        from rewardsmith.api.programs import program_text
        from rewardsmith.episodes.random_policy import look_at
        from rewardsmith.program import CheckedProgram
        from rewardsmith.sandbox.behaviour.for_training import check_for_training
        from rewardsmith.task.resolving import resolve_task

        source = program_text(file)
        resolved = resolve_task(task, goal or "(none)" if _is_environment(task) else goal)
        look = look_at(resolved)
        verdict = check_for_training(source, look.report, look.transitions, resolved.spec.training)
        trained, known, audits = None, None, []
        if verdict.accepted:
            folder = _run_of(resolved, run, runs) if on is None else None
            bank = _known(resolved, look, on, folder)
            program = CheckedProgram.of(source, verdict)
            trained = _on_trained(program, resolved.spec.training.gamma, on, folder)
            known = _appraised(program, bank, resolved.spec.training.gamma, look)
            audits = _audited(program, bank, resolved)
        if output.json:
            as_json = {
                "accepted": verdict.accepted,
                **dataclasses.asdict(verdict),
                "trained": trained,
            }
            as_json |= {"known": None if known is None else dataclasses.asdict(known)}
            output.emit(as_json | {"subgoals": [one._asdict() for one in audits]})
        else:
            _show_verdict(output, verdict, trained, known)
            _show_audits(output, audits)
        if not verdict.accepted:
            raise typer.Exit(NoProgram.exit_code)


def _add_train(app: typer.Typer) -> None:
    @command(app, "train", settings=("steps", "training", "device"))
    def train(
        output: Output,
        settings: Settings,
        file: File,
        task: given.TaskOption,
        goal: given.Goal = None,
        seeds: Annotated[
            int, typer.Option(min=1, help="Number of trainings, each with a seed of its own.")
        ] = 5,
        native: Annotated[
            bool, typer.Option("--native", help="Train under the native reward too, and compare.")
        ] = False,
        workers: given.Workers = None,
        executor: given.Executor = "local",
        gpus: given.Gpus = None,
        runs: given.RunsFolder = Path("runs"),
    ) -> None:
        """Train agents with the reward of a program, and measure their fitness."""
        from rewardsmith.api.training import train_program
        from rewardsmith.cli.live import watching
        from rewardsmith.task.resolving import resolve_task

        resolved = resolve_task(task, goal or "(none)" if _is_environment(task) else goal)
        resolved = resolved.with_training(settings.training)
        with watching(output) as view:
            result = train_program(
                file,
                resolved,
                seeds=seeds,
                steps=settings.steps,
                native=native,
                device=settings.device,
                **execution(executor, workers, gpus),
                runs=runs,
                observer=view,
            )
        _show_trained(output, result)
        if result.score is None:
            raise typer.Exit(NoProgram.exit_code)


def _is_environment(task: str) -> bool:
    """Whether a task is only an environment id: without a writer it needs no goal."""
    from rewardsmith.task.loading import TASK_FILE, known_tasks

    return task not in known_tasks() and not (Path(task) / TASK_FILE).is_file()


def _episodes_in(file: Path, arguments: tuple[str, ...]) -> tuple[str, list[Episode]]:
    """Recorded episodes that hold what a program asks for."""
    from rewardsmith.episodes.columns import joined_columns
    from rewardsmith.episodes.files import load_episodes

    try:
        episodes = load_episodes(file)
        joined_columns(episodes, arguments)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read episodes from {file}: {error}", "make them with: rewardsmith tasks record"
        ) from None
    except KeyError as error:
        raise UsageError(
            f"the episodes in {file} have no {error}", "record them again, of this task"
        ) from None
    return str(file), episodes


def _on_trained(
    program: CheckedProgram, gamma: float, on: Path | None, run: RunFolder | None
) -> dict[str, Any] | None:
    """Term ranges on a person's episodes, or on what the best agent of a run did; None where there is none."""
    from rewardsmith.episodes.columns import joined_columns
    from rewardsmith.evidence.paid import asked_columns, hosted

    names = tuple(asked_columns(program.verdict))
    found = _episodes_in(on, names) if on is not None else _episodes_of(run, names)
    if found is None:
        return None
    name, episodes = found
    try:
        with hosted(program, joined_columns(episodes, names or ("action",)), gamma) as running:
            output = running(joined_columns(episodes, running.arguments))
    except ProgramError as error:
        return {"run": name, "problem": error.message, "terms": {}}
    terms = dict(output.terms) or {"total": output.total}
    ranges = {term: (float(v.min()), float(v.mean()), float(v.max())) for term, v in terms.items()}
    return {"run": name, "transitions": len(output.total), "terms": ranges}


def _known(task: Task, look: Look, on: Path | None, run: RunFolder | None) -> Bank:
    """Known behaviour: a person's episodes, or all of a run, or what was seen just now."""
    from rewardsmith.evidence.appraisal import recorded_bank, untaught_bank
    from rewardsmith.run.bank import RunBank
    from rewardsmith.run.events import fold

    if on is not None:
        return recorded_bank(task, look, on)
    return untaught_bank(task, look) if run is None else RunBank(run).before(fold(run.events()))


def _appraised(program: CheckedProgram, bank: Bank, gamma: float, look: Look) -> Appraisal | None:
    """What known behaviour says of the reward; nothing of subgoals alone, which are no reward."""
    from rewardsmith.evidence.appraisal import appraise

    if set(program.verdict.entries) == {"subgoals"}:
        return None
    try:
        return appraise(program, bank, gamma, look.report)
    except ProgramError:
        return None


def _audited(program: CheckedProgram, bank: Bank, task: Task) -> list[Reached]:
    """When the subgoals of a program come true on known behaviour."""
    from rewardsmith.evidence.subgoals import audited

    if "subgoals" not in program.verdict.entries:
        return []
    try:
        return audited(task, program, bank, {})
    except ProgramError:
        return []


def _run_of(task: Task, name: str | None, runs: Path) -> RunFolder | None:
    """The run of that name, or the latest of the task that trained something; None where there is none."""
    from rewardsmith.run.events import fold
    from rewardsmith.run.folder import list_runs, open_run

    if name is not None:
        folder = open_run(name, runs)
        if folder.config().task != task.name or not fold(folder.events()).ranked():
            raise RunError(
                f"{folder.name} has no trained behaviour of {task.name}",
                "name another run, or none",
            )
        return folder
    for folder in reversed(list_runs(runs)):
        try:
            if folder.task().digest == task.digest and fold(folder.events()).ranked():
                return folder
        except RewardsmithError:
            continue  # a damaged run is no reason not to check a file
    return None


def _episodes_of(
    run: RunFolder | None, arguments: tuple[str, ...]
) -> tuple[str, list[Episode]] | None:
    """What the best program's agent did in a run, if its episodes hold what a program asks for."""
    from rewardsmith.episodes.columns import joined_columns
    from rewardsmith.run.best import shipped_trial
    from rewardsmith.run.events import fold

    if run is None:
        return None
    state = fold(run.events())
    trial = shipped_trial(state, state.ranked()[0])
    try:
        episodes = run.trial(trial).episodes()
        joined_columns(episodes, arguments)
    except (OSError, KeyError):
        return None
    return run.name, episodes


def _show_verdict(
    output: Output, verdict: Verdict, trained: dict[str, Any] | None, known: Appraisal | None
) -> None:
    from rewardsmith.run.wording import number

    console = output.result
    word = (
        Text("accepted", "bold green")
        if verdict.accepted
        else Text(f"refused, {verdict.stage} check", "bold red")
    )
    console.print(word)
    for finding in verdict.findings:
        console.print(f"  {finding}", markup=False, soft_wrap=True)
    for entry in verdict.entries.values():
        console.print(Text(f"{entry.name}({', '.join(entry.arguments)})", "cyan"), soft_wrap=True)
    if verdict.style is not None and verdict.us_per_transition is not None:
        per = "one transition at a time" if verdict.style == "per_transition" else "batched"
        console.print(
            f"{per}, {number(verdict.us_per_transition)} us per transition, sandbox {verdict.level}"
        )
    if verdict.reacts_to:
        moved = sorted(verdict.reacts_to.items(), key=lambda pair: -pair[1])
        console.print(
            f"reacts to {', '.join(f'{name} {number(share)}' for name, share in moved)}",
            soft_wrap=True,
        )
    for name, rate in verdict.rates.items():
        console.print(f"subgoal {name} holds after {rate:.1%} of random steps", markup=False)
    if verdict.terms:
        console.print("", _terms(verdict, trained))
    if trained:
        told = trained.get("problem") or f"{trained['transitions']:,} transitions"
        whose = "your episodes in" if trained["run"].endswith(".npz") else "the best agent of"
        console.print(f"trained: {whose} {trained['run']}, {told}", markup=False, soft_wrap=True)
    if known is not None:
        console.print()
        show_appraisal(output, known)


def _show_audits(output: Output, audits: list[Reached]) -> None:
    """When each subgoal comes true, and what speaks against it."""
    from rewardsmith.evidence.subgoals import concerns
    from rewardsmith.llm.prompts import percent
    from rewardsmith.run.wording import number

    if not audits:
        return
    table = column_table()
    for name in (
        "subgoal",
        "by chance",
        "in successes",
        "before the end",
        "usual step",
        "false alarms",
        "evidence",
    ):
        table.add_column(
            name, justify="left" if name in ("subgoal", "false alarms", "evidence") else "right"
        )
    for one in audits:
        alarms = (
            f"{one.false} in {one.negatives:,}, at most {one.bound:.2%}"
            if one.bound is not None
            else "not known"
        )
        shares = (percent(one.untaught), percent(one.successes), percent(one.early))
        table.add_row(one.name, *shares, number(one.step), alarms, one.trust)
    output.result.print()
    output.result.print(table)
    for one in audits:
        for concern in concerns(one):
            output.result.print(f"  {concern}", markup=False, soft_wrap=True)


def show_appraisal(output: Output, known: Appraisal) -> None:
    """Print what known behaviour says of a program."""
    from rewardsmith.evidence.appraisal import told
    from rewardsmith.run.wording import number

    lines = Table.grid(padding=(0, 2, 0, 0))
    for name, value in told(known):
        lines.add_row(name, value)
    output.result.print(lines)
    if len(known.quality.terms) > 1:
        table = column_table()
        for column in ("term", "share of differences", "agrees with fitness", "adds to agreement"):
            table.add_column(column, justify="left" if column == "term" else "right")
        for term, credit in known.quality.terms.items():
            table.add_row(term, f"{credit.share:.0%}", number(credit.agrees), number(credit.adds))
        output.result.print("", table)
    for concern in known.concerns:
        output.result.print(f"  {concern}", markup=False, soft_wrap=True)


def _terms(verdict: Verdict, trained: dict[str, Any] | None) -> Table:
    from rewardsmith.run.wording import number

    table = column_table()
    table.add_column("term")
    kinds = ("random", "trained") if trained and trained["terms"] else ("random",)
    for kind in kinds:
        for name in ("low", "mean", "high"):
            table.add_column(f"{kind} {name}", justify="right")
    for term, ranges in verdict.terms.items():
        more = trained["terms"].get(term, (None,) * 3) if trained and len(kinds) > 1 else ()
        table.add_row(term, *map(number, ranges), *map(number, more))
    return table


def _show_trained(output: Output, result: TrainResult) -> None:
    from rewardsmith.run.scores import interval_json, seed_difference
    from rewardsmith.types import Interval

    found: Interval | None = None
    if result.score is not None and result.native is not None:
        found = seed_difference(result.fitness, result.native_fitness)
    if output.json:
        scores = {"fitness": result.score, "native": result.native, "difference": found}
        output.emit(
            {
                "program": result.program,
                "folder": str(result.folder),
                **{name: interval_json(score) for name, score in scores.items()},
                "fitness_by_seed": result.fitness,
                "native_by_seed": result.native_fitness,
                "failures": list(result.failures),
            }
        )
        return
    for failure in result.failures:
        output.warn(f"a training ended early: {failure}")
    _tell_trained(output, result, found)


def _tell_trained(output: Output, result: TrainResult, found: Any) -> None:
    from rewardsmith.run.wording import proof

    console = output.result
    console.print(
        Text("program ", "bold")
        .append(result.program)
        .append("  fitness ")
        .append(_score(result.score))
    )
    if result.native_fitness:
        console.print(Text("native reward         fitness ").append(_score(result.native)))
    if found is not None:
        console.print(proof(found, "the native reward"))
    console.print(
        str(result.policy / "policy.zip" if result.policy else result.folder),
        markup=False,
        soft_wrap=True,
    )


def _score(score: Any) -> str:
    return (
        "-, a training did not finish"
        if score is None
        else f"{score} over {score.n} seed{'s' * (score.n > 1)}"
    )
