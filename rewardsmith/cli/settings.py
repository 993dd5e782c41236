"""The settings of a run as options of the command line, made from the fields of ``Settings``.

It is imported only when a command with such options is called, because pydantic loads slowly.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic.fields import FieldInfo

from rewardsmith.api.settings import Settings
from rewardsmith.cli.complete import run_names, strategy_names
from rewardsmith.cli.options import ALL_SETTINGS
from rewardsmith.cli.values import pairs, prices, training_changes
from rewardsmith.run.settings import Budget, Group, RunSettings, Setting, setting_of, validated

BUDGET = "budget_"  # before the names of its fields
_TYPES: dict[str, Any] = {  # where the type of the option differs from the type of the field
    "bank": list[str] | None,
    "effort": str | None,
    "options": list[str] | None,
    "price": str | None,
    "produce": str | None,
    "prompts": Path | None,
    "replies": Path | None,
    "start": Path | None,
    "training": list[str] | None,
}
_READ: dict[str, Callable[[Any], Any]] = {
    "options": pairs,
    "price": prices,
    "training": training_changes,
}
_COMPLETED = {"bank": run_names, "strategy": strategy_names}


def setting_options(names: Sequence[str]) -> list[inspect.Parameter]:
    """Options for these settings, or for all of them; the budget has one for each limit."""
    options = []
    for name in Settings.model_fields if names == ALL_SETTINGS else names:
        setting = setting_of(Settings, name)
        if name == "budget":
            options += [
                _option(BUDGET + limit, field, setting)
                for limit, field in Budget.model_fields.items()
            ]
        else:
            options.append(_option(name, Settings.model_fields[name], setting))
    return sorted(options, key=_place)


def read_settings(values: Mapping[str, Any]) -> Settings:
    """The settings from the options of a call; a setting without an option has its default.

    Raises:
        UsageError: a value is not valid.
    """
    budget = {
        name.removeprefix(BUDGET): value
        for name, value in values.items()
        if name.startswith(BUDGET) and value is not None
    }
    given = {
        name: _READ.get(name, _unchanged)(value)
        for name, value in values.items()
        if not name.startswith(BUDGET) and value not in (None, _default(name))
    }
    if budget:
        given["budget"] = validated(Budget, budget)
    return validated(Settings, given)


def _option(name: str, field: FieldInfo, setting: Setting) -> inspect.Parameter:
    named = setting.option or name.replace("_", "-")
    flag = f"--{named}/--no-{named}" if field.default is True else f"--{named}"
    about = typer.Option(
        flag,
        *([setting.short] if setting.short else []),
        help=field.description,
        metavar=setting.metavar,
        min=_least(field),
        autocompletion=_COMPLETED.get(name),
        rich_help_panel=setting.group,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if name in _TYPES else field.default,
        annotation=Annotated[_TYPES.get(name, field.annotation), about],
    )


def _least(field: FieldInfo) -> int | None:
    """The least value of a whole number; other limits are checked with the record."""
    if field.annotation not in (int, int | None):
        return None
    limits = {type(limit).__name__: limit for limit in field.metadata}
    if "Gt" in limits:
        return int(limits["Gt"].gt) + 1
    return int(limits["Ge"].ge) if "Ge" in limits else None


def _place(option: inspect.Parameter) -> tuple[int, bool]:
    """Sort key: by group, then the settings of the call before those that the run records."""
    groups = get_args(Group)
    panel = option.annotation.__metadata__[0].rich_help_panel
    return groups.index(panel), option.name in RunSettings.model_fields


def _default(name: str) -> Any:
    return None if name in _TYPES else Settings.model_fields[name].default


def _unchanged(value: Any) -> Any:
    return value
