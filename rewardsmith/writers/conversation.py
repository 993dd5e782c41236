"""What a model is told: the strategy's texts around the task's card and the past turns of the run.

The unchanging part comes first, so that providers' prompt caches hit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rewardsmith.llm.prompts import Prompts
from rewardsmith.program import PRODUCED
from rewardsmith.task.spec import TaskSpec
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
    preflight: Mapping[str, Any],
    steps: int,
    past: Sequence[PastTurn],
    examples: Sequence[Example] = (),
    produce: Sequence[str] = ("reward",),
) -> Conversation:
    """The conversation that asks for the next program.

    Args:
        preflight: what was seen of the environment, see
            :class:`rewardsmith.train.preflight.Preflight`.
        steps: environment steps of each training.
        past: told oldest first.
        examples: rewards of other tasks, for strategies that show some.
        produce: the functions that the program shall define.
    """
    system = prompts.render(
        f"{strategy}/system",
        contract=prompts.render(
            "shared/contract", produce=produce, n_actions=preflight["n_actions"]
        ),
        pitfalls=prompts.render("shared/pitfalls", produce=produce),
    )
    card = task_card(spec, preflight, steps)
    task = prompts.render("shared/task", produce=produce, **card)
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


def task_card(spec: TaskSpec, preflight: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """The values of ``shared/task``: only what programs may know."""
    arguments = preflight["arguments"]
    fields = [_field(field.name, arguments, field) for field in spec.fields if not field.hidden]
    if "obs" in arguments and not any(field.source.startswith("obs") for field in spec.fields):
        fields.insert(0, _field("obs", arguments, None))
    action = arguments["action"]
    return {
        "goal": spec.goal,
        "naive": spec.naive,
        "env_id": spec.env.id,
        "episode_length": preflight["episode_length"],
        "time_limit": preflight.get("time_limit"),
        "ended": preflight.get("ended", 1.0),
        "fields": fields,
        "action": {
            "shape": _shape(action),
            "low": action["range"][0],
            "high": action["range"][1],
            "doc": spec.action.doc,
            "names": spec.action.names,
            "space": preflight["actions"],
        },
        "algorithm": spec.training.algorithm,
        "steps": steps,
        "gamma": spec.training.gamma,
        "normalised_reward": spec.training.normalise_reward,
        "greedy": spec.evaluation.deterministic,
        "random_fitness": sum(preflight["random_fitness"]) / len(preflight["random_fitness"]),
        "solved": spec.fitness.solved,
    }


def _field(name: str, arguments: Mapping[str, Any], spec: Any) -> dict[str, Any]:
    forms = [form for form in (name, f"next_{name}", f"first_{name}") if form in arguments]
    seen = arguments[forms[0]]
    return {
        "name": name,
        "forms": ", ".join(f"`{form}`" for form in forms),
        "shape": _shape(seen),
        "low": seen["range"][0],
        "high": seen["range"][1],
        "unit": spec.unit if spec else "",
        "range": spec.range if spec else None,
        "doc": spec.doc if spec else "the observation",
        "words": spec.words if spec else (),
    }


def _shape(argument: Mapping[str, Any]) -> str:
    kind = {"int64": ", int", "bool": ", bool"}.get(argument["dtype"], "")
    shape = tuple(argument["shape"])
    numbers = "number" if shape == (1,) else "numbers"
    return ("scalar" if not shape else f"{'x'.join(map(str, shape))} {numbers}") + kind
