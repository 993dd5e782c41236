"""A run before it starts: its settings resolved and checked, nothing spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rewardsmith.api.choices import (
    USUAL_STRATEGY,
    fitting_options,
    produced,
    training_changes,
    who_writes,
)
from rewardsmith.api.knowledge import given_episodes, similar_tasks
from rewardsmith.api.limits import check_budget
from rewardsmith.api.programs import program_text
from rewardsmith.api.providers import prices_in
from rewardsmith.api.settings import Settings, takes_settings
from rewardsmith.engine.closing import ClosingTrainings, closing_trainings
from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import UsageError
from rewardsmith.llm.prices import Prices
from rewardsmith.llm.prompts import Prompts
from rewardsmith.llm.providers import default_model, provider_name
from rewardsmith.llm.replay import Tape
from rewardsmith.program import program_id
from rewardsmith.run.config import RunConfig
from rewardsmith.run.folder import RunFolder
from rewardsmith.strategy.base import Shape, Strategy
from rewardsmith.strategy.making import make_strategy, strategy_of
from rewardsmith.task.algorithms import check_names
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import AnyTask, resolve_task
from rewardsmith.writers.examples import EXAMPLES, Example, examples_text
from rewardsmith.writers.questions.program import texts_of
from rewardsmith.writers.recorded import REPLIES, RecordedReplies, RecordedReply, load_replies
from rewardsmith.writers.sources import START

TAPE = "tape.jsonl"  # in a run that replays another
_SHORT_TRAINING = 100_000  # steps


@dataclass(frozen=True)
class Plan:
    """A run that was resolved and not started: nothing is spent.

    Attributes:
        files: name -> text of what its writer reads, see ``REPLIES`` and ``TAPE``.
        bank: episodes that were recorded before the run; None where none were given.
    """

    task: Task
    config: RunConfig
    strategy: Strategy[Any]
    prompts: Prompts
    files: Mapping[str, str] = field(default_factory=dict)
    bank: Bank | None = None

    @property
    def prices(self) -> Prices:
        """The prices of its replies."""
        return prices_in(self.config)

    @property
    def closing(self) -> ClosingTrainings:
        """The most trainings after the search."""
        return closing_trainings(self.config)

    @property
    def most_steps(self) -> int:
        """The most training steps of the whole run; evaluation steps are not counted."""
        steps = self.task.spec.training.steps_taken(self.config.steps)
        return round(steps * (self.strategy.planned_trials() + self.closing.whole))


@takes_settings(Settings)
def plan(task: AnyTask, goal: str | None, settings: Settings) -> Plan:
    """Resolve a run without starting it; raises every usage error except a missing key.

    Args:
        task: a task, the name of a shipped one, a task folder, or (with ``goal``) an environment as
            :func:`task_from_env` takes it.
        goal: what the agent must achieve, in words; by default the task's own.
        settings: the fields of :class:`rewardsmith.api.settings.Settings`, as keywords.

    Raises:
        UsageError: a setting is missing, unknown or not valid.
        BoundaryError: an environment id was given, and the environment fails.

    Example:
        planned = rs.plan("mountain-car", model="openai/…", budget=rs.Budget(usd=1.0))
        rs.estimate(planned).minutes
        run = rs.design(planned)
    """
    return resolved_plan(task, goal, settings)


def resolved_plan(task: AnyTask, goal: str | None, settings: Settings) -> Plan:
    """The same as :func:`plan`, with the settings as a record."""
    recorded = _recorded(settings.replies)
    writer = who_writes(settings, recorded)
    name = settings.strategy or USUAL_STRATEGY.get(writer, "eureka")
    resolved = resolve_task(task, goal).with_training(training_changes(name, settings))
    if {"algorithm", "hyperparameters"} & set(settings.training):
        check_names(resolved.spec.training.algorithm, resolved.spec.training.hyperparameters)
    steps = settings.steps or resolved.spec.training.steps
    fitting = fitting_options(writer, recorded, name, settings.options)
    strategy = make_strategy(name, {**fitting, **settings.options}, steps)
    if recorded is not None and strategy.shape is not None:
        recorded = recorded.placed(strategy.shape.samples)
    config = RunConfig(
        **settings.recorded_as_given(),
        task=resolved.name,
        strategy=name,
        options=strategy.options.model_dump(mode="json"),
        writer=writer,
        model=(settings.model or default_model()) if writer == "model" else None,
        replies=_provenance(recorded),
        steps=steps,
        report_seeds=_report_seeds(settings.report_seeds, steps),
        produce=produced(settings.produce, name, resolved, writer),
        bank=tuple(map(str, settings.bank)),
        start=program_id(program_text(settings.start)) if settings.start is not None else None,
    )
    if config.also is not None:
        resolved.spec.training.of_algorithm(config.also)  # raises where there is none of that name
    check_budget(config, resolved.spec.training.steps_taken(steps))
    _check_writer(config, recorded, strategy)
    if strategy.chooses_by_fitness and not resolved.spec.fitness.exists:
        raise UsageError(
            f"the task has no fitness, by which the strategy {name} compares programs",
            "let a judge compare what agents do: --strategy icpl; or give [fitness] a source",
        )
    if writer == "questions":
        texts_of(resolved.spec, strategy.needs.instruction)  # raises where nothing can be asked
    given = given_episodes(resolved, config.bank, expert=config.use_expert)
    files = _files(recorded, similar_tasks(resolved, strategy.needs.examples), settings.start)
    return Plan(resolved, config, strategy, _prompts(settings, strategy), files, given)


def _report_seeds(wanted: int | None, steps: int) -> int:
    """Ten where a training takes seconds; each costs two trainings."""
    if wanted is not None:
        return wanted
    return 10 if steps <= _SHORT_TRAINING else 5


def _recorded(replies: str | Path | RecordedReplies | None) -> RecordedReplies | None:
    return load_replies(Path(replies)) if isinstance(replies, str | Path) else replies


def _check_writer(
    config: RunConfig, recorded: RecordedReplies | None, strategy: Strategy[Any]
) -> None:
    """Refuse an unknown model, too few replies, and votes or a judge without a model."""
    if recorded is not None:
        shape = strategy.shape or Shape(rounds=1, samples=1, seeds=1)
        recorded.check(shape.rounds, shape.samples)
    elif config.model is not None:
        provider_name(config.model)
    elif strategy.needs.votes:
        raise UsageError(
            f"votes need a model, but the writer is {config.written_by}",
            "name a model with --model",
        )
    elif strategy.needs.judge:
        raise UsageError(
            f"the judge needs a model, but the writer is {config.written_by}",
            "name a model with --model, or another judge with -O judge=...",
        )


def _files(
    recorded: RecordedReplies | None, examples: Sequence[Example], start: str | Path | None
) -> dict[str, str]:
    """The texts that the writer of a run reads, by file name."""
    found = {
        REPLIES: recorded.model_dump_json(indent=1) + "\n" if recorded is not None else "",
        EXAMPLES: examples_text(examples) if examples else "",
        START: program_text(start) if start is not None else "",
    }
    return {name: text for name, text in found.items() if text}


def _prompts(settings: Settings, strategy: Strategy[Any]) -> Prompts:
    """Templates of the user, then the built-in ones, then those of the strategy."""
    folders = (settings.prompts, Prompts().folder, strategy.prompts)
    return Prompts(*(Path(folder) for folder in folders if folder is not None))


def plan_replay(
    run: RunFolder, *, by_position: bool = False, allow_weak_sandbox: bool = False
) -> Plan:
    """The plan of a run that repeats another, with its recorded replies in place of a model.

    Args:
        by_position: use the reply of the same slot even if the request differs, as it does when
            trainings have other results (on another machine, after a change). This is for
            demonstrations and reproduces nothing.

    Raises:
        RunError: the run has no replies, or its folder was changed.
    """
    tape, config = Tape(run.llm_log), run.config()
    strategy = strategy_of(config)
    if not by_position:
        # a request names its model, also when the replies came from a file
        asked = next((line.request.model for line in tape), None)
        changes = {
            "writer": "replay",
            "model": asked,
            "replies": f"the replies of {run.name}, replayed",
        }
        files = {TAPE: run.llm_log.read_text(encoding="utf-8")}
    else:
        recorded = _by_position(tape, config)
        changes = {
            "writer": "replies",
            "model": None,
            "replies": f"the replies of {run.name}, replayed by position",
        }
        files = {REPLIES: recorded.model_dump_json(indent=1) + "\n"}
    if (run.path / EXAMPLES).exists():
        files[EXAMPLES] = (run.path / EXAMPLES).read_text(encoding="utf-8")
    known = run.given_bank()
    session = {"base_url": None, "allow_weak_sandbox": allow_weak_sandbox}
    config = config.model_copy(update=changes | session)
    return Plan(run.task(), config, strategy, run.prompts(), files, known)


def _by_position(tape: Tape, config: RunConfig) -> RecordedReplies:
    replies = tuple(
        RecordedReply(
            **line.slot._asdict(), text=line.reply.text, finish_reason=line.reply.finish_reason
        )
        for line in tape
        if line.slot.attempt >= 0  # negative: a request to a judge, not to the writer
    )
    return RecordedReplies(model=config.written_by, replies=replies)


def _provenance(recorded: RecordedReplies | None) -> str | None:
    if recorded is None:
        return None
    return f"recorded replies of {recorded.model}" + (
        f", {recorded.recorded}" if recorded.recorded else ""
    )
