"""What a user should know about an environment before anything is spent, one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import gymnasium as gym
import numpy as np

from rewardsmith.task.draft_fields import DraftField, info_source, is_offered
from rewardsmith.task.finite import NAN_HINT
from rewardsmith.task.look import Look
from rewardsmith.task.observations import (
    FLATTEN,
    LONGEST_VECTOR,
    is_plain,
    leaves,
    small_picture,
    source_of,
    unseen,
    wrappers_for,
)
from rewardsmith.types import Array

# Words of a goal that concern time or cost.
_TIME_OR_COST = re.compile(
    r"\b(fast(er|est)?|quick(ly|er|est)?|soon(er|est)?|short(er|est)?|rapid(ly)?|speed(y|ily)?|"
    r"cheap(ly|er|est)?|energy|costs?|fuel|effort|efficient(ly)?|economical(ly)?|"
    r"(within|in|under|at most|less than|fewer than) (at most )?[\d,]+ (time ?)?"
    r"(steps?|seconds?|minutes?))\b",
    re.IGNORECASE,
)


def remarks(
    look: Look, fields: Sequence[DraftField], fitness: str, env_id: str, goal: str
) -> tuple[str, ...]:
    """Remarks about an environment.

    Args:
        fields: of the draft.
        fitness: its source.
        goal: in words.
    """
    return (
        *_blind_fitness(fitness, goal),
        *_actions(look.env.action_space),
        *_policy(look.env.observation_space, env_id),
        *_left_out(look),
        *_info(look, fields, fitness),
        *_not_finite(look),
        *_length(look),
        *([f"{look.slow}: what comes later was not seen"] if look.slow else []),
    )


def _blind_fitness(fitness: str, goal: str) -> Iterator[str]:
    """A success flag does not see how long or how costly a success was."""
    asked = _TIME_OR_COST.search(goal)
    if asked is not None and fitness.startswith("info"):
        yield (
            f"the goal says {asked[0]!r}, but {fitness} only says whether an episode succeeded: a "
            "slow or costly success has the same fitness as a fast or cheap one; to measure both, "
            'write a fitness.py and set [fitness] source = "fitness.py:fitness"'
        )


def _actions(space: gym.Space[object]) -> Iterator[str]:
    if isinstance(space, gym.spaces.Box) and np.dtype(space.dtype).kind in "iu":
        yield (
            f"the actions are a Box of {space.dtype}, and Stable-Baselines3 acts with fractions: "
            "the environment is given them, and programs read them; "
            "round them in step, or declare MultiDiscrete"
        )


def _policy(space: gym.Space[object], env_id: str) -> Iterator[str]:
    problem = unseen(space)
    if (source := small_picture(space)) and not problem:
        problem = f"{source} is a small picture"
    if problem is None:
        return
    if wrappers_for(space, env_id):
        yield (
            f"no policy of Stable-Baselines3 can see the observation: {problem}; the draft adds "
            f"the wrapper {FLATTEN}, and fields are read below it"
        )
    else:
        yield (
            f"no policy of Stable-Baselines3 can see the observation: {problem}; before a training "
            "add a gymnasium.ObservationWrapper of your own, which turns it into numbers or leaves "
            "it out: [env] wrappers"
        )


def _left_out(look: Look) -> Iterator[str]:
    """Parts of the observation that programs cannot read."""
    parts = [(source_of(keys), leaf) for keys, leaf in leaves(look.env.observation_space)]
    unread = [
        f"{source}, {leaf}"
        for source, leaf in parts
        if not is_plain(leaf) and source not in look.texts
    ]
    if unread:
        yield (
            f"programs cannot read {'; '.join(unread)}: they read vectors of at most "
            f"{LONGEST_VECTOR} numbers, and no pictures or maps; "
            "give them a slice of it, numbers of info, or a function in fields.py"
        )


def _info(look: Look, fields: Sequence[DraftField], fitness: str) -> Iterator[str]:
    drafted = {field["source"]: field for field in fields}
    for key, seen in sorted(look.info.items()):
        source = info_source(key)
        if not is_offered(key, fitness):
            continue
        if (field := drafted.get(source)) is None:
            why = seen.other or _why_not(seen.value)
            yield f"{source} is no field: {why}; a function in fields.py can make numbers of it"
        elif "default" in field:
            yield (
                f"{source} was reported in {seen.steps} of {look.steps} random steps: in the "
                "others programs read the field's default, 0; choose what it should be"
            )
        if seen.not_finite and field is not None:
            yield (
                f"{source} is {seen.not_finite}: state the field's default for such steps, "
                f"or {NAN_HINT}"
            )


def _why_not(value: Array | None) -> str:
    return "it was always None" if value is None else f"it has the shape {value.shape}"


def _not_finite(look: Look) -> Iterator[str]:
    if look.not_finite:
        yield (
            f"{look.not_finite}, and in {look.many} of {look.steps} random steps an observation is "
            f"NaN or infinite: {NAN_HINT}"
        )


def _length(look: Look) -> Iterator[str]:
    if not look.ended and look.limit is None:
        yield (
            f"no episode ended in {look.steps} random steps: "
            "if none ends by itself, set [env] max_episode_steps"
        )
