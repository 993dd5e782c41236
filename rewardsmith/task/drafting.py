"""A task drafted from an environment: spaces, docstring, info keys, and random steps.

Used for a bare environment id, and by ``rewardsmith tasks new``, which writes the draft for the
user to edit. Programs never read what looks like success or reward; a success key becomes the
fitness.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jinja2

from rewardsmith.errors import RunError, UsageError, did_you_mean
from rewardsmith.task.actions import says_what_is_legal
from rewardsmith.task.docstrings import action_names
from rewardsmith.task.draft_fields import draft_fields, info_source
from rewardsmith.task.environment import longest_episode, make_env
from rewardsmith.task.files import TASK_FILE, locate
from rewardsmith.task.fitness import DRAFT
from rewardsmith.task.held import Held, hold_actions
from rewardsmith.task.layout import check_actions
from rewardsmith.task.loading import Task, known_tasks
from rewardsmith.task.look import TRAINING_STEPS, Look, look_at, look_time
from rewardsmith.task.observations import fitting_policy, wrappers_for
from rewardsmith.task.origin import AnyEnvironment, origin_of
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.remarks import remarks
from rewardsmith.task.spec import ActionSpec, FitnessSpec
from rewardsmith.task.timebox import Tell, silent
from rewardsmith.task.toml import toml_value
from rewardsmith.task.training import Policy, TrainingSpec

OWN_FITNESS = "fitness.py:fitness"
TO_WRITE = "to be written"  # in place of a goal


class Draft(NamedTuple):
    """A task drafted from what was seen of its environment.

    Attributes:
        notes: what needs the user's attention, one sentence each.
        look: what was seen in random steps.
        held: what was seen while one action was held, if that was asked for.
    """

    task: Task
    notes: tuple[str, ...]
    look: Look
    held: tuple[Held, ...]


class WrittenDraft(NamedTuple):
    """A draft and its folder."""

    task: Task
    folder: Path
    notes: tuple[str, ...]


def task_from_env(
    environment: AnyEnvironment,
    goal: str | None = None,
    *,
    fitness: str | None = None,
    unmeasured: str | None = None,
    **env_kwargs: Any,
) -> Task:
    """A task for any Gymnasium environment.

    Args:
        environment: an id for ``gymnasium.make``, ``module:Class``, ``path/to/file.py:Class``, a
            class, or a function that makes an environment. Of the user's own files, a copy is kept
            in every run.
        goal: what the agent must achieve, in words.
        fitness: ``native_return`` or ``info["key"]``; by default it follows from the environment.
        unmeasured: the fitness if nothing that was observed measures success; None refuses such an
            environment.
        env_kwargs: arguments that the environment is made with.

    Raises:
        UsageError: there is no goal, no such environment, nothing that programs can read, or
            nothing that measures success.
        BoundaryError: the environment fails on reset or in a step.

    Example:
        task = rs.task_from_env("CartPole-v1", goal="Keep the pole upright.")
        run = rs.design(task)
    """
    return draft_from_data(environment, env_kwargs, goal, fitness, unmeasured).task


def draft_from_data(
    environment: AnyEnvironment,
    kwargs: Mapping[str, Any],
    goal: str | None,
    fitness: str | None,
    unmeasured: str | None,
    *,
    tell: Tell = silent,
    numbered: bool = False,
    hold: bool = False,
) -> Draft:
    """Draft a task from what is seen of its environment.

    Args:
        environment, goal, fitness, unmeasured: as :func:`task_from_env` takes them.
        kwargs: arguments that the environment is made with.
        tell: is called every few seconds with how far the look at a slow environment is.
        numbered: give each number of an observation without names a field.
        hold: also play episodes in which one action is held.

    Raises:
        UsageError, BoundaryError: see :func:`task_from_env`.
    """
    origin = origin_of(environment, kwargs)
    if not (goal or "").strip():
        raise UsageError(
            f"{origin.env_id} has no goal",
            'describe what the agent must achieve, e.g. --goal "reach the flag quickly"',
        )
    env_id, folder, files = origin.env_id, None, None
    if env_id.rpartition(":")[0].endswith(".py"):
        env_id, folder, files = locate(env_id)
    made = {"id": env_id, "kwargs": origin.kwargs, "max_episode_steps": origin.max_episode_steps}
    bare = {"goal": goal, "env": made, "fitness": FitnessSpec(source="native_return")}
    name = _slug(env_id)
    first = Task(name, parse_spec(bare, env_id), folder, files)
    with closing(make_env(first)) as env:
        check_actions(env, env_id)
        look = look_at(env, longest_episode(first, env), look_time(tell))
        measure = _fitness(look, fitness, unmeasured)
        if measure.source == "native_return" and measure.solved is None:
            measure = measure.model_copy(update={"solved": origin.solved})
        wrappers = wrappers_for(env.observation_space, env_id)
        fields = draft_fields(look, measure.source, numbered)
        draft = bare | {
            "env": made | {"wrappers": wrappers},
            "fitness": measure,
            "fields": fields,
            "training": _training(look, bool(wrappers)),
            "action": ActionSpec(names=action_names(env)),
        }
        notes = remarks(look, fields, measure.source, env_id, goal or "")
        held = hold_actions(env, look.motion, look_time(tell)) if hold else []
    return Draft(Task(name, parse_spec(draft, env_id), folder, files), notes, look, tuple(held))


def draft_task(
    environment: AnyEnvironment,
    goal: str | None,
    target: Path | None,
    *,
    fitness: str | None = None,
    kwargs: Mapping[str, Any] = MappingProxyType({}),
    tell: Tell = silent,
) -> WrittenDraft:
    """Draft a task and write its folder, with a copy of the environment's own files.

    Args:
        environment, fitness: as :func:`task_from_env` takes them.
        kwargs: arguments that the environment is made with.
        goal: None leaves it empty, to be written later; no run accepts an empty goal.
        target: the folder; ``tasks/<name>`` by default.
        tell: is called every few seconds with how far the look at a slow environment is.

    Raises:
        UsageError, BoundaryError: see :func:`task_from_env`; if nothing measures success, the draft
            uses ``fitness.py`` instead.
        RunError: the folder exists or cannot be written.
    """
    draft = draft_from_data(
        environment, kwargs, goal or TO_WRITE, fitness, OWN_FITNESS, tell=tell, numbered=True
    )
    task = draft.task
    if goal is None:
        task = replace(task, spec=task.spec.model_copy(update={"goal": ""}))
    folder = target or Path("tasks") / task.name
    written = write_task(task, folder, draft.notes, draft.look.motion.described())
    return WrittenDraft(task, written, draft.notes)


def write_task(
    task: Task,
    folder: Path,
    notes: Sequence[str] = (),
    comments: Mapping[str, str] = MappingProxyType({}),
    fitness_code: str = "",
) -> Path:
    """Write a drafted task as a folder for the user to edit.

    Args:
        notes: comments at the head of its file.
        comments: source of a field, or ``goal``, ``action``, ``fitness`` or ``training`` -> comment
            on it.
        fitness_code: the file that the fitness of the task is in; by default a ``fitness.py`` to be
            edited.

    Raises:
        RunError: the folder exists or cannot be written.
    """
    if folder.exists():
        raise RunError(f"{folder} exists", "choose another folder, or edit the existing task")
    template = jinja2.Template(
        Path(__file__).with_name("draft.toml.j2").read_text(encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
    )
    try:
        task.copy_files(folder)
        (folder / TASK_FILE).write_text(
            template.render(task=task.spec, toml=toml_value, notes=notes, comments=comments),
            encoding="utf-8",
        )
        own = folder / (task.spec.fitness.source if fitness_code else OWN_FITNESS).partition(":")[0]
        if not own.exists():  # the environment's folder may have a fitness.py
            own.write_text(fitness_code or DRAFT, encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"cannot write {folder}: {error.strerror}", "choose a folder that can be written"
        ) from error
    return folder


def _fitness(look: Look, wanted: str | None, unmeasured: str | None) -> FitnessSpec:
    numeric = [key for key, seen in look.info.items() if seen.value is not None]
    if wanted is not None:
        known = {info_source(key): key for key in numeric}
        if wanted.startswith("info[") and wanted not in known:
            raise UsageError(f"info has no {wanted} after a step", did_you_mean(wanted, known))
        return FitnessSpec(source=wanted)
    if (flag := _success_flag(look)) is not None:
        doc = f"the environment's own {flag}"
        return FitnessSpec(source=info_source(flag), solved=0.9, doc=doc)
    threshold = look.env.spec.reward_threshold if look.env.spec is not None else None
    if not look.rewarded and threshold is None:
        if unmeasured is not None:
            return FitnessSpec(source=unmeasured)
        seen = f" (info holds {', '.join(sorted(numeric))})" if numeric else ""
        raise UsageError(
            f"the environment gave no reward and no success key in random episodes{seen}, "
            "so nothing measures success",
            "use --fitness 'info[\"key\"]', or --fitness native_return if its reward is only rare; "
            "or draft a task folder with a fitness.py: rewardsmith tasks new",
        )
    doc = "the environment's own return"
    return FitnessSpec(source="native_return", solved=threshold, doc=doc)


def _success_flag(look: Look) -> str | None:
    """The info key that says whether an episode succeeded, if there is one."""
    flags = sorted(
        key
        for key, seen in look.info.items()
        if fnmatch.fnmatch(key.lower(), "*success*") and seen.usable and seen.is_flag
    )
    usual = [key for key in ("is_success", "success") if key in flags]
    return next(iter([*usual, *flags]), None)


def _training(look: Look, flat: bool) -> TrainingSpec:
    """Defaults that work in most small environments: PPO over 16 environments.

    Args:
        flat: the policy sees one flat array, by a wrapper.
    """
    policy: Policy = "MlpPolicy" if flat else fitting_policy(look.env.observation_space)
    hyperparameters = {"n_steps": 128, "batch_size": 256, "n_epochs": 10, "gamma": 0.99}
    return TrainingSpec(
        algorithm="MaskablePPO" if says_what_is_legal(look.env) else "PPO",
        policy=policy,
        steps=TRAINING_STEPS,
        n_envs=16,
        hyperparameters=hyperparameters,
    )


def _slug(env_id: str) -> str:
    """The name of a task's folder; never the name of a shipped task.

    ``crane.py:Crane`` gives ``crane``: a class that is named like its file adds nothing.
    """
    module, _, attribute = env_id.lower().replace(".py:", ":").rpartition(":")
    parts = [attribute] if module == attribute else [module, attribute]
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts)).strip("-")
    return f"my-{name}" if name in known_tasks() else name
