"""One session of a run: lock the folder, run the engine, export the best program.

:mod:`rewardsmith.api.runs` and :mod:`rewardsmith.api.search` start sessions. A run has one session
more for each interruption, and one for each reply that the user gives.
"""

from __future__ import annotations

from collections.abc import Callable

from rewardsmith.api.planning import TAPE
from rewardsmith.api.providers import patient_provider, prices_in
from rewardsmith.engine.gate import current_budget
from rewardsmith.engine.loop import Engine
from rewardsmith.engine.observer import Observer
from rewardsmith.engine.workers.executor import Execution, Executor, Resources
from rewardsmith.errors import BoundaryError, NoProgram, UsageError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.replay import Tape
from rewardsmith.run.best import why_none
from rewardsmith.run.config import RunConfig
from rewardsmith.run.events import Exported, fold
from rewardsmith.run.folder import RunFolder
from rewardsmith.run.settings import Budget
from rewardsmith.run.user_events import BudgetRaised
from rewardsmith.strategy.base import Needs
from rewardsmith.strategy.making import strategy_of
from rewardsmith.task.loading import load_task
from rewardsmith.writers.grammar.source import GrammarSource
from rewardsmith.writers.questions.source import QuestionSource
from rewardsmith.writers.recorded import REPLIES, load_replies
from rewardsmith.writers.sources import (
    START,
    FileSource,
    ModelSource,
    Source,
    StartSource,
    TapeSource,
    UserSource,
    Writer,
)


def carry_on(
    folder: RunFolder,
    execution: Execution,
    observer: Observer,
    budget: Budget | None = None,
    add_replies: Callable[[ReplyLog], None] | None = None,
) -> None:
    """Run the engine until the run ends, then export; or until it waits for a reply of the user.

    Args:
        execution: where calls are carried out.
        budget: new limits.
        add_replies: writes replies into the log before the engine runs.

    Raises:
        UsageError, BoundaryError, RunError: see :func:`rewardsmith.api.runs.design`.
        NoProgram: the run ended without a usable program.
    """
    from rewardsmith.api.export import export_run
    from rewardsmith.engine.films import film_policies

    with folder.lock():
        observer.begun(folder)
        log = ReplyLog(folder.llm_log)
        if add_replies is not None:
            add_replies(log)
        exclusive = load_task(folder.task_folder).spec.env.exclusive
        with execution.opened(exclusive) as executor:
            engine = _open_engine(folder, log, executor, observer, execution.needs)
            if budget is not None:
                engine.record(BudgetRaised(limits=budget))
            state = engine.go()
            if engine.waiting:
                return
            best = state.best
            if best is None:
                raise NoProgram(f"{folder.name} ended without a usable program", why_none(state))
            if state.exported != best:
                observer.doing("writing the export")
                export_run(folder, state, best, None, executor)
                observer.doing("filming the agents")
                for why in dict.fromkeys(film_policies(folder, state, best, executor)):
                    observer.doing(f"no film: {why}")
                engine.record(Exported(program=best))


def nothing_done(folder: RunFolder, error: UsageError | BoundaryError) -> bool:
    """Whether a run failed before it had anything to resume from.

    It failed in its preflight, or the key was refused at its first request. Its folder holds only
    a copy of the task, which no later correction of the task reaches.
    """
    state = fold(folder.events())
    if state.preflight is None:
        return True
    key = isinstance(error, BoundaryError) and error.reason == "key"
    return key and not (state.slots or state.trials or folder.llm_log.exists())


def _open_engine(
    folder: RunFolder, log: ReplyLog, executor: Executor, observer: Observer, needs: Resources
) -> Engine:
    config = folder.config()
    strategy = strategy_of(config)
    source = _source(folder, config, strategy.needs, log)
    start = folder.path / START
    if start.exists():
        source = StartSource(start.read_text(encoding="utf-8"), source)
    writer = Writer(source, log)
    return Engine(folder, strategy, writer, executor, log, observer, needs)


def _source(folder: RunFolder, config: RunConfig, needs: Needs, log: ReplyLog) -> Source:
    if config.writer == "user":
        return UserSource()
    if config.writer == "grammar":
        return GrammarSource(folder, log, needs.seed)
    if config.writer == "questions":
        return QuestionSource(folder, needs.instruction)
    if config.writer == "replies":
        return FileSource(load_replies(folder.path / REPLIES))
    if config.writer == "replay":
        return TapeSource(Tape(folder.path / TAPE), prices_in(config))
    state = fold(folder.events())
    minutes = current_budget(config, state).minutes
    left_s = None if minutes is None else 60 * minutes - state.active_s
    assert config.model is not None
    provider = patient_provider(config.model, config, left_s)
    return ModelSource(provider, prices_in(config), config.llm_timeout_s)
