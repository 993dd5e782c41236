"""Generated pages are up to date."""

from __future__ import annotations

from pathlib import Path

from rewardsmith.sandbox.codes import CODES, page

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_of_findings_is_what_the_table_says() -> None:
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    assert text == page(), "python -m rewardsmith.sandbox.codes > docs/findings.md"
    assert all(f"| {code} |" in text for code in CODES)
