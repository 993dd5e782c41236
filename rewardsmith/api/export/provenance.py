"""Where an exported program comes from, and its measurements: the content of ``reward.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rewardsmith.program import NATIVE
from rewardsmith.run.config import RunConfig
from rewardsmith.run.costs import Spent, spent_in
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.outcomes import TrialState
from rewardsmith.run.scores import native_score
from rewardsmith.run.state import RunState
from rewardsmith.types import Interval


@dataclass(frozen=True)
class Scores:
    """Fitness over training seeds; ``success_rate`` is None if the task defines no success."""

    mean: float
    interval_95: tuple[float | None, float | None]
    by_seed: Mapping[int, float]
    success_rate: float | None


@dataclass(frozen=True)
class Fitness:
    """The scores of each rung; None where there are none."""

    selection: Scores | None
    report: Scores | None


@dataclass(frozen=True)
class PolicySource:
    """The trial that the exported policy comes from, and the digest of ``policy.zip``.

    ``validation`` is the fitness by which it was chosen; ``fitness`` is measured on other episodes.
    """

    seed: int
    rung: str
    validation: float | None
    fitness: float | None
    success_rate: float | None
    sha256: str = ""


@dataclass(frozen=True)
class Training:
    """How the agents were trained."""

    algorithm: str
    steps: int


@dataclass(frozen=True)
class Digests:
    """Digests of what decides the result of the run."""

    config: str
    task: str
    prompts: str


@dataclass(frozen=True)
class Provenance:
    """All of it; ``sandbox`` is the level of confinement, ``looks`` the programs with a report."""

    program: str
    run: str
    task: str
    goal: str
    environment: str
    written_by: str
    strategy: str
    slot: Sequence[int]
    parents: Sequence[str]
    fitness: Fitness
    native_fitness: Scores | None
    looks: Sequence[str]
    exploits: Mapping[str, object] | None
    policy: PolicySource
    spent: Spent
    training: Training
    gamma: float
    digests: Digests
    sandbox: str
    versions: Mapping[str, str | None]
    created: str


def provenance(run: RunFolder, state: RunState, program: str, trial: TrialState) -> Provenance:
    """The provenance and the measurements of a program; the policy has no digest yet.

    Args:
        trial: whose policy is exported.
    """
    manifest, config, task = run.manifest(), run.config(), run.task()
    return Provenance(
        program=program,
        run=run.name,
        task=config.task,
        goal=task.goal,
        environment=task.env_id,
        written_by=_written_by(config, run, state, program),
        strategy=config.strategy,
        slot=state.programs[program],
        parents=run.lineage(program).parents,
        fitness=Fitness(_scores(state, program, "selection"), _scores(state, program, "report")),
        native_fitness=_native_scores(state, program),
        looks=state.looks,
        exploits=_exploits(state, program),
        policy=policy_source(trial, has_fitness=state.has_fitness),
        spent=spent_in(state),
        training=Training(task.spec.training.algorithm, config.steps),
        gamma=task.spec.training.gamma,
        digests=Digests(
            manifest["config_digest"], manifest["task_digest"], manifest["prompts_digest"]
        ),
        sandbox=manifest["sandbox"]["level"],
        versions=manifest["versions"],
        created=manifest["created"],
    )


def _written_by(config: RunConfig, run: RunFolder, state: RunState, program: str) -> str:
    """The writer in words, and whether a learned reward was added to what it wrote."""
    added = "learned" in state.functions[program] and bool(run.lineage(program).parents)
    note = " (a reward from the answers of judges was added)" if added else ""
    return f"{config.written_by}{note}"


def _exploits(state: RunState, program: str) -> Mapping[str, object] | None:
    """The outcome of the exploit search; None without one."""
    found = state.exploits.get(program)
    return None if found is None else found.model_dump(exclude={"program"})


def policy_source(trial: TrialState, *, has_fitness: bool = True) -> PolicySource:
    """The source of a policy that is exported; it has no digest yet.

    Args:
        has_fitness: whether the task has a fitness.
    """
    numbers = trial.validation, trial.fitness, trial.success_rate
    measured = numbers if has_fitness else (None, None, None)
    return PolicySource(trial.seed, trial.rung, *measured)


def _scores(state: RunState, program: str, rung: str) -> Scores | None:
    """Fitness by training seed with its interval; None when there is none."""
    score = state.score(program, rung) if state.has_fitness else None
    return None if score is None else _over(score, state.trials_of(program, rung))


def _native_scores(state: RunState, program: str) -> Scores | None:
    """The native reward on the report seeds of a program; None when there are none."""
    score = native_score(state, program, "report")
    seeds = {trial.seed for trial in state.trials_of(program, "report")}
    trials = [trial for trial in state.trials_of(NATIVE, "report") if trial.seed in seeds]
    return None if score is None else _over(score, trials)


def _over(score: Interval, trials: Sequence[TrialState]) -> Scores:
    rates = [trial.success_rate for trial in trials if trial.success_rate is not None]
    return Scores(
        mean=score.mean,
        interval_95=(score.low, score.high),
        by_seed={trial.seed: trial.fitness for trial in trials if trial.fitness is not None},
        success_rate=sum(rates) / len(rates) if rates else None,
    )
