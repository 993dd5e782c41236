"""A run thought through before it is begun: everything resolved and checked, nothing spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from pydantic import ValidationError

from rewardsmith.api.knowledge import known_behaviour, like_tasks
from rewardsmith.api.settings import (
    USUAL_STRATEGY,
    Settings,
    fitting_options,
    produced,
    training_changes,
    who_writes,
)
from rewardsmith.episodes.bank import Bank
from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.llm.pacing import PacedProvider
from rewardsmith.llm.prices import FREE, Prices, prices_of
from rewardsmith.llm.prompts import Prompts
from rewardsmith.llm.protocol import Provider, Usage
from rewardsmith.llm.providers import default_model, make_provider, provider_name
from rewardsmith.llm.replay import Tape
from rewardsmith.llm.retrying import Patience, RetryingProvider
from rewardsmith.run.config import RunConfig
from rewardsmith.run.folder import RunFolder
from rewardsmith.strategy import STRATEGIES
from rewardsmith.strategy.base import Strategy
from rewardsmith.task.loading import Task
from rewardsmith.task.resolving import resolve_task
from rewardsmith.writers.examples import EXAMPLES, examples_text
from rewardsmith.writers.questions.answering import check_demonstrations
from rewardsmith.writers.questions.program import texts_of
from rewardsmith.writers.recorded import REPLIES, RecordedReplies, RecordedReply, load_replies

TAPE = "tape.jsonl"  # in a run that replays another
_AS_GIVEN = (
    "base_url", "price", "report_seeds", "device", "allow_weak_sandbox", "budget", "temperature", "effort",
    "max_output_tokens", "llm_timeout_s", "llm_at_once", "llm_per_minute",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """A run that was thought through and not begun: everything resolved, nothing spent.

    Attributes:
        files: name -> text of what its writer reads, see ``REPLIES`` and ``TAPE``.
        bank: behaviour that is known before; None where none was given.
    """

    task: Task
    config: RunConfig
    strategy: Strategy
    prompts: Prompts
    files: Mapping[str, str] = field(default_factory=dict)
    bank: Bank | None = None

    @property
    def prices(self) -> Prices:
        """What its replies cost."""
        return prices_in(self.config)

    @property
    def most_steps(self) -> int:
        """Training steps of the whole run at most; evaluation adds to them."""
        steps = self.task.spec.training.steps_taken(self.config.steps)
        return steps * (self.strategy.planned_trials() + 2 * self.config.report_seeds)


def plan(task: Task | str, goal: str | None = None, **settings: Unpack[Settings]) -> Plan:
    """Resolve a run without beginning it: every usage error comes out here, but for a missing key.

    Args:
        task: a task, the name of a shipped one, a task folder, or an environment id (with
            ``goal``).
        settings: see :class:`Settings`.

    Raises:
        UsageError: something is missing, unknown or does not fit.
        BoundaryError: an environment id was given and the environment fails.
    """
    unknown = sorted(set(settings) - Settings.__optional_keys__)
    if unknown:
        raise UsageError(
            f"there is no setting {unknown[0]!r}",
            did_you_mean(unknown[0], Settings.__optional_keys__),
        )
    resolved = resolve_task(task, goal)
    replies = settings.get("replies")
    recorded = load_replies(Path(replies)) if isinstance(replies, str | Path) else replies
    writer = who_writes(settings, recorded)
    name = settings.get("strategy") or USUAL_STRATEGY.get(writer, "eureka")
    resolved = resolved.with_training(training_changes(name, settings))
    asked = settings.get("steps")
    steps = resolved.spec.training.steps if asked is None else asked
    strategy = make_strategy(
        name, fitting_options(writer, recorded) | dict(settings.get("options", {})), steps
    )
    plain = {key: settings[key] for key in _AS_GIVEN if key in settings}  # type: ignore[literal-required]
    config = _config(
        task=resolved.name,
        strategy=name,
        options=strategy.options.model_dump(mode="json"),
        writer=writer,
        model=(settings.get("model") or default_model()) if writer == "model" else None,
        replies=_provenance(recorded),
        steps=steps,
        produce=produced(settings.get("produce"), name, resolved, writer),
        bank=tuple(map(str, settings.get("bank", ()))),
        use_expert=settings.get("use_expert", False),
        **plain,
    )
    _check_budget(config, resolved.spec.training.steps_taken(steps))
    if recorded is not None:
        _check_replies(recorded, strategy)
    elif config.model is not None:
        provider_name(config.model)
    elif getattr(strategy.options, "votes", 0):
        raise UsageError(
            f"votes ask a model about steps, but {config.written_by} writes",
            "name one with --model",
        )
    own, plugin = settings.get("prompts"), getattr(strategy, "prompts", None)
    folders = [Path(folder) for folder in (own, Prompts().folder, plugin) if folder is not None]
    prompts = Prompts(*folders)
    files = {} if recorded is None else {REPLIES: recorded.model_dump_json(indent=1) + "\n"}
    shown = like_tasks(resolved, int(getattr(strategy.options, "examples", 0)))
    if shown:
        files[EXAMPLES] = examples_text(shown)
    known = known_behaviour(resolved, config.bank, expert=config.use_expert)
    _check_answers(resolved, config, known)
    return Plan(resolved, config, strategy, prompts, files, known)


def _check_answers(task: Task, config: RunConfig, known: Bank | None) -> None:
    """Whether questions can be asked and answered without a model."""
    learned = config.options.get("answers") == "learned"
    if config.writer == "questions":
        texts = texts_of(task.spec, str(config.options.get("instruction", "")))
        if learned:
            given = () if known is None else known.trajectories
            if given and all(one.success is None for one in given):
                raise UsageError(
                    "answers are learned from successes, but the task's fitness tells none",
                    "let it return (value, success); see docs/environments.md",
                )
            check_demonstrations(texts, [one.episode for one in given if one.success])
    elif learned:
        hint = "drop what names another writer (--model, --replies, --ask)"
        raise UsageError(
            f"answers are learned without a model, but {config.written_by} writes", hint
        )


def plan_replay(
    run: RunFolder, *, by_position: bool = False, allow_weak_sandbox: bool = False
) -> Plan:
    """A run that does again what another did, with its replies in place of a model.

    Args:
        by_position: take the reply of the same slot whatever is asked, where trainings come out
            otherwise than they did (on another machine, after a change); for demonstrations, not as
            proof.

    Raises:
        RunError: the run holds no replies, or its folder was changed.
    """
    tape, config = Tape(run.llm_log), run.config()
    strategy = make_strategy(config.strategy, config.options, config.steps)
    as_before: dict[str, Any] = {"base_url": None, "allow_weak_sandbox": allow_weak_sandbox}
    if not by_position:
        asked = next(
            (line.request.model for line in tape), None
        )  # a request names who was asked, also where it was a file
        as_before |= {
            "writer": "replay",
            "model": asked,
            "replies": f"the replies of {run.name}, replayed",
        }
        files = {TAPE: run.llm_log.read_text(encoding="utf-8")}
    else:
        recorded = _by_position(tape, config)
        as_before |= {
            "writer": "replies",
            "model": None,
            "replies": f"the replies of {run.name}, replayed by position",
        }
        files = {REPLIES: recorded.model_dump_json(indent=1) + "\n"}
    if (run.path / EXAMPLES).exists():
        files[EXAMPLES] = (run.path / EXAMPLES).read_text(encoding="utf-8")
    known = run.given_bank()
    return Plan(
        run.task(), config.model_copy(update=as_before), strategy, run.prompts(), files, known
    )


def make_strategy(name: str, options: dict[str, Any], steps: int) -> Strategy:
    """A strategy with its options.

    Raises:
        UsageError: there is no such strategy, or an option that it does not have or cannot take.
    """
    cls = STRATEGIES.get(name)
    try:
        resolved = cls.Options.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{name} has no option {option!r}", did_you_mean(option, cls.Options.model_fields)
            ) from None
        raise UsageError(f"{name}: {option}: {first['msg']}", f"found {first['input']!r}") from None
    made: Strategy = cls(resolved, steps)
    return made


def provider_of(config: RunConfig, left_s: float | None = None) -> Provider:
    """The provider that answers a run's requests, at its pace, and tries again where that may help.

    Args:
        left_s: seconds that the run's budget leaves; no wait is begun that would end later.

    Raises:
        UsageError: there is no such provider, or it has no key.
    """
    assert config.model is not None
    paced = PacedProvider(
        make_provider(config.model, config.base_url), config.llm_at_once, config.llm_per_minute
    )
    longest = Patience().total_s
    return RetryingProvider(
        paced, Patience(total_s=longest if left_s is None else min(longest, max(left_s, 0.0)))
    )


def prices_in(config: RunConfig) -> Prices:
    """What the replies of a run cost."""
    return FREE if config.model is None else prices_of(config.model, config.price, config.base_url)


def _by_position(tape: Tape, config: RunConfig) -> RecordedReplies:
    replies = tuple(
        RecordedReply(
            **line.slot._asdict(), text=line.reply.text, finish_reason=line.reply.finish_reason
        )
        for line in tape
        if line.slot.attempt >= 0  # else a judge was asked, not the writer
    )
    return RecordedReplies(model=config.written_by, replies=replies)


def _check_replies(recorded: RecordedReplies, plan: Strategy) -> None:
    options = plan.options.model_dump()
    recorded.check(options.get("rounds", 1), options.get("samples", 1))


def _provenance(recorded: RecordedReplies | None) -> str | None:
    if recorded is None:
        return None
    return f"recorded replies of {recorded.model}" + (
        f", {recorded.recorded}" if recorded.recorded else ""
    )


def _config(**values: Any) -> RunConfig:
    """The config of a run.

    Raises:
        UsageError: a value is out of its range.
    """
    try:
        return RunConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{first['loc'][0]}: {first['msg']}", f"found {first['input']!r}"
        ) from None


def _check_budget(config: RunConfig, steps: int) -> None:
    """Refuse a budget that cannot pay for one training and the closing comparison."""
    least = steps * (1 + 2 * config.report_seeds)
    if config.budget.steps is not None and config.budget.steps < least:
        raise UsageError(
            f"a budget of {config.budget.steps:,} steps cannot pay for one training of {steps:,} steps and a "
            f"report over {config.report_seeds} seeds ({least:,})",
            "raise --budget-steps, or lower --steps or --report-seeds",
        )
    if config.writer == "model":
        _check_price(config)


def _check_price(config: RunConfig) -> None:
    """Refuse a budget that cannot pay for one answer, or whose price nobody knows."""
    budget, prices, most = config.budget, prices_in(config), config.max_output_tokens
    if budget.tokens is not None and budget.tokens <= most:
        raise UsageError(
            f"a budget of {budget.tokens:,} tokens cannot pay for one answer of up to {most:,}",
            "raise --budget-tokens, or lower --max-output-tokens",
        )
    answer = prices.cost(Usage(0, 0, most, 0, 0)) or 0.0
    if budget.usd is not None and budget.usd <= answer:
        raise UsageError(
            f"a budget of ${budget.usd:g} cannot pay for one answer of up to {most:,} tokens (${answer:.2g})",
            "raise --budget-usd, or lower --max-output-tokens",
        )
    if budget.usd is not None and not prices.known:
        raise UsageError(
            f"a budget of ${config.budget.usd:g} needs prices, but those of {config.model} are not known",
            "give them in USD per million tokens, e.g. --price 2,10 (input, output), or use --budget-tokens",
        )
