"""The conversation with a model: the strategy's texts, the task's card, and past turns.

The constant part comes first, so that providers can cache it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rewardsmith.episodes.preflight import Preflight
from rewardsmith.llm.prompts import Prompts
from rewardsmith.llm.protocol import Message
from rewardsmith.program import PRODUCED
from rewardsmith.run.orders import Approach, Kind
from rewardsmith.task.spec import TaskSpec
from rewardsmith.writers.card import task_card
from rewardsmith.writers.examples import Example
from rewardsmith.writers.feedback.records import Feedback, TriedProgram


class Conversation(NamedTuple):
    """A request before it becomes one of a provider's."""

    system: str
    messages: tuple[Message, ...]


Template = Literal["reflect", "reconsider", "repair", "failed_round"]


class PastTurn(NamedTuple):
    """An earlier exchange: the writer's answer and the feedback on it.

    Attributes:
        answer: the program's source, or the raw reply when it held no code.
        template: text of the strategy that contains the feedback: ``reflect`` after a training,
            ``reconsider`` after a failed screening, ``repair`` after a failed check,
            ``failed_round`` when no program of a round was valid.
        parts: (kind of feedback, the values of its template in ``shared``), in order.
    """

    answer: str
    template: Template
    parts: tuple[tuple[Kind, Feedback], ...]


class Guidance(NamedTuple):
    """What a request asks for besides a better program; follows the last message.

    Attributes:
        approach: the form of reward; any for None.
        tried: programs of the run that the request does not show.
    """

    approach: Approach | None = None
    tried: Sequence[TriedProgram] = ()


NO_GUIDANCE = Guidance()


def compose(
    prompts: Prompts,
    strategy: str,
    spec: TaskSpec,
    preflight: Preflight,
    steps: int,
    past: Sequence[PastTurn],
    examples: Sequence[Example] = (),
    produce: Sequence[str] = ("reward",),
    guidance: Guidance = NO_GUIDANCE,
) -> Conversation:
    """The conversation that requests the next program.

    Args:
        preflight: the observed properties of the environment.
        steps: environment steps of each training.
        past: oldest first.
        examples: rewards of other tasks, for strategies that show them.
        produce: the functions that the program must define.
        guidance: what else the request asks for.
    """
    system = prompts.render(
        f"{strategy}/system",
        contract=prompts.render("shared/contract", produce=produce, n_actions=preflight.n_actions),
        pitfalls=prompts.render("shared/pitfalls", produce=produce),
    )
    card = task_card(spec, preflight, steps)
    task = prompts.render("shared/task", produce=produce, **vars(card))
    named = [PRODUCED[name].replace("a reward", "the reward") for name in produce]
    wanted = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    request = prompts.render(
        f"{strategy}/request", task=task, card=card, examples=examples, wanted=wanted
    )
    messages = [Message("user", request)]
    for turn in past:
        messages += [
            Message("assistant", turn.answer),
            Message("user", _feedback_message(prompts, strategy, turn)),
        ]
    if any(guidance):
        last, words = messages[-1], prompts.render("shared/guidance", **guidance._asdict())
        messages[-1] = Message(last.role, f"{last.content}\n\n{words}")
    return Conversation(system, tuple(messages))


def feedback_text(prompts: Prompts, turn: PastTurn) -> str:
    """The feedback on a program, without the instruction that follows it."""
    return "\n\n".join(
        text
        for kind, feedback in turn.parts
        if (text := prompts.render(f"shared/{kind}", **vars(feedback)))
    )


def _feedback_message(prompts: Prompts, strategy: str, turn: PastTurn) -> str:
    return prompts.render(f"{strategy}/{turn.template}", feedback=feedback_text(prompts, turn))
