"""Checks what a program returns and writes it into the output rows; runs in the process.

    reward     dict of terms | total | (total, terms)
    potential  total
    subgoals   dict of booleans
    q_prior    total, or (n, n_actions) when it does not take the action

A total or a term is an array (n,) of numbers or booleans; (n, 1) is squeezed, a constant is
repeated. Later calls must return the names of the first call, in any order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardsmith.sandbox.names import PLAIN, is_plain
from rewardsmith.sandbox.wire import MATRIX, MAX_NAME, MAX_TERMS, TERMS
from rewardsmith.types import Array, FloatArray

Names = tuple[str, ...]
_FORMS = {
    "reward": "a dict of terms, a total, or (total, terms)",
    "potential": "one array of shape (n,)",
    "subgoals": "a dict of boolean arrays of shape (n,)",
    "q_prior": "one array of shape (n,), or (n, n_actions) if it does not take the action",
}


class OutputError(Exception):
    """A return value outside the contract."""


class Writer:
    """Writes what one entry point returned into the output rows.

    Args:
        entry: the kind of entry point.
        output: the output rows.
        takes_action: whether the action is among its arguments.
    """

    def __init__(self, entry: str, output: FloatArray, *, takes_action: bool) -> None:
        self._entry = entry
        self._output = output
        self._matrix = entry == "q_prior" and not takes_action
        self.names: Names | None = None
        self._width: int | None = None
        self._has_total: bool | None = None

    def write(self, value: Any, start: int, n: int) -> tuple[int, int]:
        """Write the result for rows ``start`` to ``start + n``.

        Returns:
            (flags of the reply, number of rows used after the first)

        Raises:
            OutputError: it is outside the contract, or the terms changed.
        """
        total, terms = self._split(value)
        if self._matrix:
            return MATRIX, self._write_matrix(total, start, n)
        names = self._same_names(terms, total is not None)
        rows = self._output[:, start : start + n]
        for i, name in enumerate(names, 1):
            rows[i] = self._column(terms[name], n, f"term {name!r}")
        if total is None:
            np.add.reduce(rows[1 : len(names) + 1], axis=0, out=rows[0])
        else:
            rows[0] = self._column(total, n, "the total")
        return TERMS + (total is not None), len(names)

    def _split(self, value: Any) -> tuple[Any, dict[Any, Any]]:
        """(total or None, terms)."""
        only = self._entry
        if isinstance(value, dict) and only in ("reward", "subgoals"):
            if not value:
                raise OutputError(f"{only} returned an empty dict; expected at least one entry")
            return None, value
        if (
            isinstance(value, tuple)
            and len(value) == 2
            and isinstance(value[1], dict)
            and only == "reward"
        ):
            return value
        if only == "subgoals" or not isinstance(value, (np.ndarray, np.generic, int, float)):
            raise OutputError(f"{only} returned {_describe(value)}; expected {_FORMS[only]}")
        return value, {}

    def _same_names(self, terms: dict[Any, Any], has_total: bool) -> Names:
        known = self.names
        if known is not None and len(terms) == len(known) and all(name in terms for name in known):
            if has_total is not self._has_total:
                raise OutputError(
                    f"{self._entry} returned a total on some calls only; expected it on all calls"
                )
            return known
        if known is not None:
            raise OutputError(
                f"terms changed from {list(known)} to {_shown(terms)}; expected the same names"
            )
        self.names, self._has_total = _good_names(terms), has_total
        return self.names

    def _column(self, value: Any, n: int, what: str) -> Any:
        """An array (n,) or a constant, or an error."""
        if isinstance(value, np.ndarray):
            shape = value.shape
            if value.dtype.kind in self._kinds() and (shape == (n,) or shape == ()):
                return value
            if value.dtype.kind in self._kinds() and shape == (n, 1):
                return value[:, 0]
        elif isinstance(value, (bool, np.bool_)) or (
            isinstance(value, (int, float, np.integer, np.floating)) and self._entry != "subgoals"
        ):
            return float(value)
        kind = "booleans" if self._entry == "subgoals" else "numbers"
        raise OutputError(
            f"{what} is {_describe(value)}; expected {kind} of shape ({n},), one per transition"
        )

    def _kinds(self) -> str:
        return "b" if self._entry == "subgoals" else "fiub"

    def _write_matrix(self, value: Any, start: int, n: int) -> int:
        array = np.asarray(value)
        if array.ndim == 1 and n == 1:  # one transition: (n_actions,)
            array = array[None]
        if (
            array.dtype.kind not in "fiub"
            or array.ndim != 2
            or len(array) != n
            or not 1 <= array.shape[1] <= MAX_TERMS
        ):
            raise OutputError(
                f"q_prior without action returned {_describe(value)}; "
                f"expected shape ({n}, n_actions)"
            )
        self._width = self._width or array.shape[1]
        if array.shape[1] != self._width:
            raise OutputError(
                f"q_prior returned {array.shape[1]} values per state, {self._width} before"
            )
        self._output[1 : self._width + 1, start : start + n] = array.T
        return self._width


def _good_names(terms: dict[Any, Any]) -> Names:
    if len(terms) > MAX_TERMS:
        raise OutputError(f"{len(terms)} terms; expected at most {MAX_TERMS}")
    for name in terms:
        if not _is_good(name):
            raise OutputError(
                f"a term is named {name!a:.90}; expected {PLAIN}, at most {MAX_NAME} characters"
            )
        if name == "_rest":
            raise OutputError("a term is named '_rest', which is reserved; choose another name")
    return tuple(terms)


def _is_good(name: Any) -> bool:
    return type(name) is str and len(name) <= MAX_NAME and is_plain(name)


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if value is None:
        return "None (does a branch end without return?)"
    if isinstance(value, (list, tuple)):
        kinds = ", ".join(type(item).__name__ for item in value[:4])
        return f"a {type(value).__name__} of {len(value)} ({kinds})"
    return f"a {type(value).__name__}"


def _shown(terms: dict[Any, Any]) -> str:
    return str([name if _is_good(name) else "?" for name in list(terms)[:8]])


def rows_of(columns: list[Array], n: int) -> Any:
    """The arguments row by row: scalars of (n,) columns, (d,) arrays of (n, d) columns."""
    return zip(*(column[:n] for column in columns), strict=True) if columns else [()] * n
