"""A task drafted by a language model from the documentation of an environment and from data.

What the model says of each number is checked against recorded steps, and what they refute is asked
again. Replies are kept, so a request that was answered is never paid for twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rewardsmith.api.asker import Asker
from rewardsmith.episodes.random_policy import HELD_EPISODES, HELD_STEPS, random_behaviour
from rewardsmith.errors import RunError, UsageError
from rewardsmith.llm.log import ReplyLog
from rewardsmith.llm.prompts import Prompts
from rewardsmith.llm.protocol import Message, Request
from rewardsmith.run.settings import RunSettings
from rewardsmith.task.drafting import TO_WRITE, Draft, draft_from_data, write_task
from rewardsmith.task.loading import Task
from rewardsmith.task.origin import AnyEnvironment
from rewardsmith.task.spec import FitnessSpec
from rewardsmith.task.timebox import Tell, silent
from rewardsmith.types import Episode
from rewardsmith.writers.drafts.evidence import evidence
from rewardsmith.writers.drafts.origins import origins
from rewardsmith.writers.drafts.reply import DraftReply, read_reply
from rewardsmith.writers.drafts.score import problems_of
from rewardsmith.writers.drafts.writing import Proposal, propose

CORRECTIONS = 2  # requests after the first one
LOG_SUFFIX = ".drafting.jsonl"


class TaskDrafting:
    """The conversation in which a task is drafted; :func:`open_drafting` begins one.

    Attributes:
        problems: what recorded steps refute of the last reply, in words.
    """

    def __init__(
        self, draft: Draft, goal: str | None, fitness: str | None, system: str, first: str
    ) -> None:
        self.problems: tuple[str, ...] = ()
        self._draft, self._goal, self._fitness = draft, goal, fitness
        self._system, self._messages = system, [Message("user", first)]
        self._reply: DraftReply | None = None
        self._proposal: Proposal | None = None

    @property
    def text(self) -> str:
        """The next request, in words."""
        turns = "\n\n".join(f"--- {one.role} ---\n\n{one.content}" for one in self._messages)
        return f"--- system ---\n\n{self._system}\n\n{turns}"

    def request(self, model: str, settings: RunSettings) -> Request:
        """The next request to a model."""
        return Request(
            model=model,
            system=self._system,
            messages=tuple(self._messages),
            max_output_tokens=settings.max_output_tokens,
            temperature=settings.temperature,
            effort=settings.effort,
        )

    @property
    def folder(self) -> Path:
        """The folder that the task is written to by default."""
        return Path("tasks") / self._draft.task.name

    def read(self, text: str) -> None:
        """Read a reply; sets :attr:`problems` and adds them to the conversation.

        Raises:
            BoundaryError: the environment or the sandbox failed.
        """
        self._messages.append(Message("assistant", text or "(empty)"))
        self.problems = tuple(self._problems(text))
        if self.problems:
            again = Prompts().render("task/again", problems=self.problems)
            self._messages.append(Message("user", again))

    def write(self, target: Path | None = None) -> Task:
        """Write the task of the last readable reply as a folder; open problems become notes.

        Raises:
            UsageError: no reply could be read.
            RunError: the folder exists or cannot be written.
        """
        if self._proposal is None or self._reply is None:
            raise UsageError(
                f"no reply was a task: {'; '.join(self.problems)}",
                "try another model, or draft from data alone: leave out --model",
            )
        task, _, insisted, score = self._proposal
        unconfirmed = [f"not confirmed: {one}" for one in (*self.problems, *insisted)]
        notes = (*self._draft.notes, *unconfirmed)
        comments = origins(self._reply, self._draft, self._goal)
        code = score.code if score is not None else ""
        write_task(task, target or self.folder, notes, comments, code)
        return task

    def _problems(self, text: str) -> Iterable[str]:
        try:
            reply = read_reply(text)
        except UsageError as error:
            return [error.message]
        proposal = propose(self._draft, reply, self._fitness)
        self._reply, self._proposal = reply, proposal
        if proposal.score is None or proposal.problems:
            return proposal.problems
        return problems_of(proposal.score, reply.fitness, _episodes(proposal.task))


@dataclass(frozen=True)
class ModelDraft:
    """A task that a model drafted.

    Attributes:
        problems: what recorded steps refute and the model kept; also notes in its file.
        requests: that were sent, answered ones of an earlier try not counted.
        cost_usd: of these; None if the price is unknown.
    """

    task: Task
    folder: Path
    problems: tuple[str, ...]
    requests: int
    cost_usd: float | None


def open_drafting(
    environment: AnyEnvironment,
    goal: str | None = None,
    *,
    fitness: str | None = None,
    kwargs: Mapping[str, Any] = MappingProxyType({}),
    documentation: bool = True,
    send_source: bool = False,
    tell: Tell = silent,
) -> TaskDrafting:
    """Look at an environment and compose the request for its task.

    Args:
        environment, fitness: as :func:`rewardsmith.task_from_env` takes them.
        goal: None lets the model state the goal that the environment was made for.
        kwargs: arguments that the environment is made with.
        documentation: show the docstring of the environment to the model.
        send_source: show the source of its class to the model.
        tell: is called every few seconds with how far the look at a slow environment is.

    Raises:
        UsageError, BoundaryError: see :func:`rewardsmith.task_from_env`.
    """
    draft = draft_from_data(
        environment, kwargs, goal or TO_WRITE, fitness, "native_return", tell=tell, hold=True
    )
    shown = evidence(draft, goal, fitness, documentation=documentation, send_source=send_source)
    prompts = Prompts()
    return TaskDrafting(
        draft,
        goal,
        fitness,
        system=prompts.render("task/system"),
        first=prompts.render("task/request", **shown),
    )


def draft_by_model(
    drafting: TaskDrafting,
    model: str,
    target: Path | None = None,
    settings: RunSettings | None = None,
) -> ModelDraft:
    """Let a model draft a task, and write its folder.

    The replies are kept in ``<folder>.drafting.jsonl``, also if no task comes of them.

    Args:
        model: as ``provider/name``.
        target: the folder; ``tasks/<name>`` by default.
        settings: address, prices and limits of the model.

    Raises:
        UsageError: the model is unknown or has no key, or no reply was a task.
        BoundaryError: the provider, the environment or the sandbox failed.
        RunError: the folder exists or cannot be written.

    Example:
        drafting = open_drafting("BipedalWalker-v3", "Walk to the end without falling.")
        drafted = draft_by_model(drafting, "anthropic/…")
    """
    settings, folder = settings or RunSettings(), target or drafting.folder
    if folder.exists():
        raise RunError(f"{folder} exists", "choose another folder, or edit the existing task")
    folder.parent.mkdir(parents=True, exist_ok=True)
    asker = Asker(model, settings, ReplyLog(folder.with_name(folder.name + LOG_SUFFIX)))
    for _ in range(1 + CORRECTIONS):
        drafting.read(asker.reply(drafting.request(model, settings)))
        if not drafting.problems:
            break
    task = drafting.write(folder)
    return ModelDraft(task, folder, drafting.problems, asker.sent, asker.cost_usd)


def _episodes(task: Task) -> Sequence[Episode]:
    """Random and held episodes with the fields of a task, whatever its fitness."""
    fitness = FitnessSpec(source="native_return")
    bare = dataclasses.replace(task, spec=task.spec.model_copy(update={"fitness": fitness}))
    held = random_behaviour(bare, HELD_EPISODES, seed=1, held=HELD_STEPS)
    return [*random_behaviour(bare).episodes, *held.episodes]
