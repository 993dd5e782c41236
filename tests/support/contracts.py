"""Runs a test of a contract on a plugin that breaks it."""

from __future__ import annotations

from typing import Any

import pytest


def failure(contract: object, test: str, *fixtures: Any, match: str) -> None:
    """The test of this name fails with a message that matches, and that says what to do."""
    with pytest.raises(pytest.fail.Exception, match=match) as caught:
        getattr(contract, f"test_{test}")(*fixtures)
    message = str(caught.value)
    assert message.startswith("expected ") and ", found " in message and "\n  hint: " in message
