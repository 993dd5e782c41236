"""What holds for every test: one thread per process, no keys in the environment, repeatable property tests.

The thread counts are set before anything can import numpy or torch, and subprocesses inherit them.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import pytest
from hypothesis import HealthCheck, settings

from tests.support.fake_executor import FakeExecutor

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", parent=settings.get_profile("local"), derandomize=True, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test spends money by accident."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def executor() -> FakeExecutor:
    """Trainings that take no time; a test passes it as ``executor=``."""
    return FakeExecutor()
