"""What a model is told: the strategy's texts around the task's card and the past turns of the run.

The unchanging part comes first, so that providers' prompt caches hit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rewardsmith.episodes.preflight import Preflight
from rewardsmith.llm.prompts import Prompts
from rewardsmith.program import PRODUCED
from rewardsmith.task.spec import TaskSpec
from rewardsmith.writers.card import task_card
from rewardsmith.writers.examples import Example


class Said(NamedTuple):
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    text: str


class Conversation(NamedTuple):
    """A request before it becomes one of a provider's."""

    system: str
    messages: tuple[Said, ...]


class PastTurn(NamedTuple):
    """An earlier exchange: what the writer answered and what came of it.

    Attributes:
        answer: the program's source, or the raw reply when it held no code.
        asked: which text of the strategy follows: ``reflect`` after a training, ``reconsider``
            where the bank spoke against one, ``repair`` after a refusal, ``failed_round`` when
            nothing of a round was valid.
        parts: (kind of feedback, values for its text in ``shared``), in the order in which they are
            told.
    """

    answer: str
    asked: Literal["reflect", "reconsider", "repair", "failed_round"]
    parts: tuple[tuple[str, Mapping[str, Any]], ...]


def compose(
    prompts: Prompts,
    strategy: str,
    spec: TaskSpec,
    preflight: Preflight,
    steps: int,
    past: Sequence[PastTurn],
    examples: Sequence[Example] = (),
    produce: Sequence[str] = ("reward",),
) -> Conversation:
    """The conversation that asks for the next program.

    Args:
        preflight: what is known of the environment.
        steps: environment steps of each training.
        past: told oldest first.
        examples: rewards of other tasks, for strategies that show some.
        produce: the functions that the program shall define.
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
    messages = [Said("user", request)]
    for turn in past:
        messages += [
            Said("assistant", turn.answer),
            Said("user", _asked_after(prompts, strategy, turn)),
        ]
    return Conversation(system, tuple(messages))


def told(prompts: Prompts, turn: PastTurn) -> str:
    """What came of a program, in words, without what is asked after it."""
    return "\n\n".join(
        text for kind, values in turn.parts if (text := prompts.render(f"shared/{kind}", **values))
    )


def _asked_after(prompts: Prompts, strategy: str, turn: PastTurn) -> str:
    return prompts.render(f"{strategy}/{turn.asked}", feedback=told(prompts, turn))
