"""A sample of what ``python -m tests.support.fuzz 20000`` runs."""

from __future__ import annotations

from tests.support.fuzz import LIMITS, fuzz


def test_mutants_get_verdicts_and_leave_nothing_behind() -> None:
    found = fuzz(600, seed=7)
    assert sum(found["stages"].values()) == 600
    assert found["stages"]["static"] < 590 and found["stages"]["accepted"] > 5, (
        "mutants that test more than the parser"
    )
    assert not found["left"]
    assert found["slowest_s"] < 8 * LIMITS.call_s + 2.0
