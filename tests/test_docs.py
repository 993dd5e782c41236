"""Generated pages are up to date."""

from __future__ import annotations

import inspect
import json
import re
import runpy
from pathlib import Path

import rewardsmith as rs
from rewardsmith.api.programs import check_program
from rewardsmith.sandbox.codes import CODES, page
from rewardsmith.task.loading import shipped_tasks

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_of_findings_is_what_the_table_says() -> None:
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    assert text == page(), "python -m rewardsmith.sandbox.codes > docs/findings.md"
    assert all(f"| {code} |" in text for code in CODES)


def test_rewards_of_other_tools_load_as_the_page_says() -> None:
    """Of each pair of programs on the page the first is refused, and the second accepted."""
    found = re.findall(
        r"```python\n(.*?)```", (DOCS / "coming_from.md").read_text(encoding="utf-8"), re.S
    )
    verdicts = [check_program(source, "mountain-car-continuous") for source in found]
    assert [verdict.accepted for verdict in verdicts] == [False, True, False, True]
    codes = [{finding.code for finding in verdict.errors} for verdict in verdicts]
    assert codes[0] >= {"RS113"} and codes[2] >= {"RS103", "RS115"}


PAGES = (*DOCS.glob("*.md"), *DOCS.parent.glob("*.md"))


def anchors(page_path: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page_path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


def test_links_between_pages_hold() -> None:
    for page_path in PAGES:
        text = page_path.read_text(encoding="utf-8")
        for target, _, anchor in re.findall(r"\]\(([^)#:]*)(#([^)]+))?\)", text):
            linked = page_path.parent / target if target else page_path
            assert linked.exists(), f"{page_path.name}: {target}"
            found = not anchor or anchor in anchors(linked)
            assert found, f"{page_path.name}: {target}#{anchor}"


def test_the_gallery_shows_every_task_as_it_was_kept() -> None:
    page = (DOCS / "gallery.md").read_text()
    for name in shipped_tasks():
        link = re.search(rf"## {name}\n.*?\[the program\]\((.*?)program.py\)", page, re.DOTALL)
        assert link is not None
        kept = DOCS / link[1]
        program = (kept / "program.py").read_text().strip()
        assert program in page
        assert (
            f"{json.loads((kept / 'reward.json').read_text())['fitness']['report']['mean']:.3g} ["
            in page
        )


def test_the_api_reference_is_what_the_docstrings_say() -> None:
    page = runpy.run_path(str(DOCS / "make_api.py"))["page"]
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert text == page(), "python docs/make_api.py"


MADE_BY_USERS = ("Budget", "Observer", "Resources", "RewardWrapper", "Run", "Search", "VecReward")


def test_every_public_function_has_an_example() -> None:
    public = {name: getattr(rs, name) for name in rs.__all__}
    functions = [name for name, found in public.items() if inspect.isroutine(found)]
    for name in (*functions, *MADE_BY_USERS):
        text = inspect.cleandoc(public[name].__doc__)
        (example,) = re.findall(r"^Example:\n((?: {4}.*\n?|\n)+)", text, re.MULTILINE)
        compile(inspect.cleandoc("\n" + example), name, "exec")
