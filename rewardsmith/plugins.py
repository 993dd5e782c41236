"""Named implementations of a seam: our own by module path, third parties' by entry point.

Nothing is imported until its name is asked for, so a registry costs nothing at start-up.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from rewardsmith.errors import UsageError, did_you_mean


class Registry:
    """Names of one kind of thing, e.g. strategies, resolved to ``module:attribute`` late.

    Args:
        noun: what is registered, for messages ("strategy").
        builtin: name -> ``module:attribute``.
        group: entry-point group through which other packages add names.
    """

    def __init__(self, noun: str, builtin: Mapping[str, str], group: str) -> None:
        self.noun = noun
        self._builtin = dict(builtin)
        self._group = group

    def names(self) -> list[str]:
        """All names, sorted; ours first win over a plugin of the same name."""
        return sorted({*self._builtin, *(point.name for point in entry_points(group=self._group))})

    def place(self, name: str) -> tuple[str, str]:
        """The module and the attribute behind a name.

        Raises:
            UsageError: there is no such name.
        """
        target = self._builtin.get(name)
        if target is None:
            points = {point.name: point.value for point in entry_points(group=self._group)}
            target = points.get(name)
        if target is None:
            raise UsageError(f"there is no {self.noun} {name!r}", did_you_mean(name, self.names()))
        module, _, attribute = target.partition(":")
        return module, attribute

    def get(self, name: str) -> Any:
        """The object behind a name.

        Raises:
            UsageError: there is no such name, or its package cannot be imported.
        """
        module, attribute = self.place(name)
        try:
            return getattr(importlib.import_module(module), attribute)
        except ImportError as error:
            package = module.partition(".")[0].replace("_", "-")
            own = name in self._builtin
            raise UsageError(
                f"{self.noun} {name!r} cannot be loaded: {error}",
                f"pip install {package}" if own else f"install what provides {module}",
            ) from error
        except Exception as error:  # of another package: it may hold anything
            if name in self._builtin:
                raise
            text = f"{self.noun} {name!r} cannot be loaded: {type(error).__name__}: {error}"
            raise UsageError(text, f"correct {module}, or uninstall its package") from error
