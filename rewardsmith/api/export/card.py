"""The ``README.md`` of an export, which is a model card for the Hugging Face Hub too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rewardsmith.api.export.example import example
from rewardsmith.api.export.provenance import Provenance, Scores
from rewardsmith.api.export.templates import template
from rewardsmith.run.wording import number
from rewardsmith.task.loading import Task

_TAGS = ("reinforcement-learning", "stable-baselines3", "rewardsmith", "reward-design")


def model_card(
    task: Task, facts: Provenance, name: str, prefix: str, inputs: Sequence[str], subgoals: bool
) -> str:
    """The text of ``README.md``.

    Args:
        name: of the reward file.
        prefix: of the names of the policy's files.
        inputs: names of the inputs of the ONNX file; none without one.
        subgoals: whether the policy sees which subgoals are done.
    """
    text: str = template("card.md.j2").render(
        facts=facts,
        title=f"{facts.training.algorithm} on {facts.task}",
        tags=[*_TAGS, facts.training.algorithm, facts.environment],
        score=facts.fitness.report,
        number=number,
        interval=_interval,
        name=name,
        json_name=Path(name).with_suffix(".json").name,
        prefix=prefix,
        onnx=bool(inputs),
        dict_keys=list(inputs) if list(inputs) != ["obs"] else [],
        example=example(task, Path(name).stem, subgoals),
    )
    return text


def _interval(scores: Scores) -> str:
    low, high = scores.interval_95
    return "-" if low is None or high is None else f"{number(low)} to {number(high)}"
