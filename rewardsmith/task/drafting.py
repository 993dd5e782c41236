"""A task drafted from an environment: spaces, docstring, info keys, and random steps.

Used for a bare environment id, and by ``rewardsmith tasks new``, which writes the draft for the
user to edit. Programs never read what looks like success or reward; a success key becomes the
fitness.
"""

from __future__ import annotations

import ast
import fnmatch
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from rewardsmith.errors import RunError, UsageError, did_you_mean
from rewardsmith.task.docstrings import action_names
from rewardsmith.task.draft_fields import draft_fields, info_source
from rewardsmith.task.fitness import DRAFT
from rewardsmith.task.loading import TASK_FILE, Task, known_tasks
from rewardsmith.task.look import Look, look_at
from rewardsmith.task.observations import fitting_policy, wrappers_for
from rewardsmith.task.parsing import parse_spec
from rewardsmith.task.remarks import remarks
from rewardsmith.task.spec import ActionSpec, FitnessSpec, Policy, TrainingSpec
from rewardsmith.task.toml import toml_value


class Draft(NamedTuple):
    """A drafted task, and what the user should know about it.

    Attributes:
        notes: what was seen of the environment that needs attention, one sentence each.
    """

    task: Task
    notes: tuple[str, ...]


class WrittenDraft(NamedTuple):
    """A draft and its folder."""

    task: Task
    folder: Path
    notes: tuple[str, ...]


def task_from_env(
    env_id: str,
    goal: str | None = None,
    *,
    fitness: str | None = None,
    folder: Path | None = None,
    unmeasured: str | None = None,
    **env_kwargs: Any,
) -> Task:
    """A task for any Gymnasium environment.

    Args:
        env_id: an id for ``gymnasium.make``, or ``module:Class``.
        goal: what the agent must achieve, in words.
        fitness: ``native_return`` or ``info["key"]``; by default it follows from the environment.
        folder: the folder that contains the file of an environment ``file.py:Class``.
        unmeasured: the fitness if nothing that was observed measures success; None refuses such an
            environment.

    Raises:
        UsageError: there is no goal, no such environment, nothing that programs can read, or
            nothing that measures success.
        BoundaryError: the environment fails on reset or in a step.

    Example:
        task = rs.task_from_env("CartPole-v1", goal="Keep the pole upright.")
        run = rs.design(task)
    """
    if goal is None or not goal.strip():
        raise UsageError(
            f"{env_id} has no goal",
            'describe what the agent must achieve, e.g. --goal "reach the flag quickly"',
        )
    return drafted(env_id, goal, fitness, folder, unmeasured, env_kwargs).task


def drafted(
    env_id: str,
    goal: str,
    fitness: str | None,
    folder: Path | None,
    unmeasured: str | None,
    env_kwargs: dict[str, Any],
) -> Draft:
    """The task of :func:`task_from_env`, with what the user should know about it."""
    name, env = _slug(env_id), {"id": env_id, "kwargs": env_kwargs}
    bare = {"goal": goal, "env": env, "fitness": FitnessSpec(source="native_return")}
    look = look_at(Task(name, parse_spec(bare, env_id), folder))
    measure = _fitness(look, fitness, unmeasured)
    wrappers = wrappers_for(look.env.observation_space, env_id)
    fields = draft_fields(look, measure.source)
    draft = bare | {
        "env": env | {"wrappers": wrappers},
        "fitness": measure,
        "fields": fields,
        "training": _training(look, bool(wrappers)),
        "action": ActionSpec(names=action_names(look.env)),
    }
    look.env.close()
    notes = remarks(look, fields, measure.source, env_id)
    return Draft(Task(name, parse_spec(draft, env_id), folder), notes)


def draft_task(
    env_id: str, goal: str | None, target: Path | None, *, fitness: str | None = None
) -> WrittenDraft:
    """Draft a task and write its folder; the file of ``path/to/file.py:Class`` is copied into it.

    Args:
        goal: None leaves it empty, to be written later; no run accepts an empty goal.
        target: the folder; ``tasks/<name>`` by default.

    Raises:
        UsageError, BoundaryError: see :func:`task_from_env`; if nothing measures success, the draft
            uses ``fitness.py`` instead.
        RunError: the folder exists or cannot be written.
    """
    file, _, cls = env_id.rpartition(":")
    with tempfile.TemporaryDirectory() as made:
        folder = None
        if file.endswith(".py"):
            if not Path(file).is_file():
                raise UsageError(
                    f"there is no file {file}", "give FILE.py:Class, module:Class or a Gymnasium id"
                )
            defined = [
                node.name for node in _module(Path(file)).body if isinstance(node, ast.ClassDef)
            ]
            if cls not in defined:
                raise UsageError(f"{file} has no class {cls!r}", did_you_mean(cls, defined))
            shutil.copy(file, made)
            env_id, folder = f"{Path(file).name}:{cls}", Path(made)
        task, notes = drafted(
            env_id, goal or "to be written", fitness, folder, "fitness.py:fitness", {}
        )
        if goal is None:
            task = Task(task.name, task.spec.model_copy(update={"goal": ""}), task.folder)
        written = write_task(task, target or Path("tasks") / task.name, notes)
        return WrittenDraft(task, written, notes)


def _module(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not Python: {error}", f"run: python {file}") from None


def write_task(task: Task, folder: Path, notes: Sequence[str] = ()) -> Path:
    """Write a drafted task as a folder for the user to edit.

    Args:
        notes: comments at the head of its file.

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
        folder.mkdir(parents=True)
        (folder / TASK_FILE).write_text(
            template.render(task=task.spec, toml=toml_value, notes=notes), encoding="utf-8"
        )
        (folder / "fitness.py").write_text(DRAFT, encoding="utf-8")
        for file in task.files():
            shutil.copy(file, folder)
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
        algorithm="PPO", policy=policy, steps=200_000, n_envs=16, hyperparameters=hyperparameters
    )


def _slug(env_id: str) -> str:
    """The name of a task's folder; never the name of a shipped task."""
    name = re.sub(
        r"[^a-z0-9]+", "-", env_id.removesuffix(".py").replace(".py:", ":").lower()
    ).strip("-")
    return f"my-{name}" if name in known_tasks() else name
