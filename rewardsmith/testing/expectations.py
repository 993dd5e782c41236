"""Assertions of contract tests: what was expected, what was found, what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

ErrorT = TypeVar("ErrorT", bound=Exception)


def expect(holds: object, expected: str, found: object, hint: str) -> None:
    """Fail the test unless the condition holds; unlike ``assert``, also under ``python -O``."""
    __tracebackhide__ = True
    if not holds:
        pytest.fail(f"expected {expected}, found {found}\n  hint: {hint}")


def expect_error(
    kind: type[ErrorT], call: Callable[[], object], expected: str, hint: str
) -> ErrorT:
    """Fail the test unless the call raises an error of this kind; another error passes through.

    Returns:
        The error.
    """
    __tracebackhide__ = True
    try:
        found = call()
    except kind as error:
        return error
    pytest.fail(f"expected {kind.__name__} {expected}, found {found!r}\n  hint: {hint}")
