"""The texts in ``prompts/``, rendered by Jinja2; an unknown variable in a template is an error.

A strategy has only the templates in which it differs: where ``<strategy>/x`` does not exist,
``default/x`` is used. A user's folder overrides templates by name. A run keeps a frozen copy, so
that what it sent can be read later.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import jinja2

from rewardsmith.assets import asset_folder
from rewardsmith.errors import UsageError

SUFFIX = ".md.j2"
SHARED, DEFAULT = "shared", "default"  # folders beside those of the strategies
LONGEST_TEXT = 600  # characters of an environment's text that a model is shown
_NO_MARKUP = str.maketrans({"|": "/", "`": "'", "<": "‹", ">": "›", "#": "♯"})


class Prompts:
    """Templates by name, e.g. ``shared/contract``.

    Args:
        folders: searched in order; without any, the shipped ones.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = folders or (asset_folder("prompts"),)
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self._folders),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            autoescape=False,
        )
        self._environment.filters |= {"number": table_cell, "data": quoted_data, "share": percent}

    @property
    def folder(self) -> Path:
        """The first folder."""
        return self._folders[0]

    def render(self, name: str, **context: Any) -> str:
        """The text of a template, or of the default one of that name.

        Raises:
            UsageError: there is no such template, or it uses a variable that it is not given.
        """
        folder, _, text = name.partition("/")
        names = [name] if folder == SHARED else [name, f"{DEFAULT}/{text}"]
        try:
            found = self._environment.select_template([each + SUFFIX for each in names])
            return found.render(**context).strip()
        except jinja2.TemplateNotFound:
            raise UsageError(
                f"there is no prompt template {' or '.join(names)}",
                f"looked in {', '.join(map(str, self._folders))}",
            ) from None
        except jinja2.TemplateError as error:
            raise UsageError(
                f"prompt template {name!r} cannot be rendered: {error}", "fix the template"
            ) from None

    def names(self) -> list[str]:
        """All template names."""
        return sorted(
            name.removesuffix(SUFFIX)
            for name in self._environment.list_templates()
            if name.endswith(SUFFIX)
        )

    @property
    def digest(self) -> str:
        """Digest of all templates as they would be used."""
        content = hashlib.sha256()
        for name in self.names():
            path = self._environment.get_template(name + SUFFIX).filename
            content.update(name.encode() + b"\0" + Path(str(path)).read_bytes())
        return content.hexdigest()[:16]

    def freeze(self, folder: Path, strategy: str) -> None:
        """Copy the templates that a strategy uses, overrides applied, into a new folder."""
        for name in self.names():
            if name.partition("/")[0] not in (SHARED, DEFAULT, strategy):
                continue
            target = folder / (name + SUFFIX)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(self._environment.get_template(name + SUFFIX).filename), target)


def quoted_data(text: str) -> str:
    """A text of the environment as one table cell: one line, bounded, without markup.

    An environment's texts can hold instructions to the model; without markup they stay a
    quotation.
    """
    plain = "".join(
        letter if letter.isprintable() else " " for letter in text.translate(_NO_MARKUP)
    )
    line = " ".join(plain.split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"


def table_cell(value: float | str | None) -> str:
    """A value in a table of a prompt: a text is quoted by :func:`quoted_data`.

    A number has three digits, so that the last bits of a training change no request.
    """
    if isinstance(value, str):
        return quoted_data(value) or "-"
    return "-" if value is None else f"{value:.3g}"


def percent(value: float | None) -> str:
    """A share for a prompt, in whole percent."""
    return "-" if value is None else f"{value:.0%}"
