"""Generated pages are up to date."""

from __future__ import annotations

import inspect
import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_args

from pydantic import BaseModel, Field, TypeAdapter

import rewardsmith as rs
from rewardsmith.api.programs import check_program
from rewardsmith.sandbox.codes import CODES, page
from rewardsmith.task.loading import shipped_tasks
from rewardsmith.task.spec import TaskSpec

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


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """The build is strict: it fails on a link or an anchor that does not exist."""
    site = runpy.run_path(str(DOCS / "make_site.py"))["build"](tmp_path)
    settings = (DOCS / "zensical.toml").read_text(encoding="utf-8")
    for page_path in DOCS.glob("*.md"):
        assert f'"docs/{page_path.name}"' in settings, f"{page_path.name} is not in the navigation"
    pages = [site / "index.html", *(site / "docs").glob("*.html")]
    assert len(pages) == 1 + len(list(DOCS.glob("*.md")))
    for built in pages:
        text = built.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="?([^" >]+)', text)
        loaded += re.findall(r'<link[^>]* rel="?stylesheet"?[^>]* href="?([^" >]+)', text)
        assert loaded and not any("//" in source for source in loaded), built.name


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


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    made = runpy.run_path(str(DOCS / "make_cli.py"))["page"]()
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == made, "python docs/make_cli.py"
    assert all(f"`{option}" in made for option in ("--budget-usd", "--json", "--set NAME=VALUE"))


# Options of other programs that the pages name.
OF_OTHERS = {
    *("--index-url", "--torch-backend"),  # of pip and uv
    "--logdir",  # of TensorBoard
    *("--address", "--block", "--head", "--num-cpus", "--port"),  # of Ray
    *("--cpus-per-task", "--exclude", "--nodes", "--ntasks-per-node"),  # of Slurm
}


def test_the_pages_name_no_option_that_is_missing() -> None:
    known = set(re.findall(r"--[a-z][a-z-]+", (DOCS / "cli.md").read_text(encoding="utf-8")))
    for page_path in (DOCS.parent / "README.md", *DOCS.glob("*.md")):
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page_path.read_text(encoding="utf-8")))
        assert named <= known | OF_OTHERS, page_path.name


def test_the_page_of_task_files_is_what_the_schema_says() -> None:
    made = runpy.run_path(str(DOCS / "make_task_toml.py"))
    text = (DOCS / "task_toml.md").read_text(encoding="utf-8")
    assert text == made["page"](), "python docs/make_task_toml.py"
    assert set(made["TABLES"].values()) == set(schemas(TaskSpec)), "every table is on the page"


def schemas(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A schema and those of the tables in it."""
    yield model
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if inspect.isclass(kind) and issubclass(kind, BaseModel):
                yield from schemas(kind)


def test_every_key_of_a_task_file_has_a_description_and_an_example_that_is_valid() -> None:
    for model in schemas(TaskSpec):
        for name, field in model.model_fields.items():
            place = f"{model.__name__}.{name}"
            assert field.description and field.description.endswith("."), place
            if any(table in str(field.annotation) for table in ("Spec", "AddedTerm")):
                continue
            assert field.examples, place
            kind = Annotated[field.annotation, Field(), *field.metadata]  # type: ignore[valid-type]
            TypeAdapter(kind).validate_python(field.examples[0])


MADE_BY_USERS = ("Budget", "Observer", "Resources", "RewardWrapper", "Run", "Search", "VecReward")


def test_every_public_function_has_an_example() -> None:
    public = {name: getattr(rs, name) for name in rs.__all__}
    functions = [name for name, found in public.items() if inspect.isroutine(found)]
    for name in (*functions, *MADE_BY_USERS):
        text = inspect.cleandoc(public[name].__doc__)
        (example,) = re.findall(r"^Example:\n((?: {4}.*\n?|\n)+)", text, re.MULTILINE)
        compile(inspect.cleandoc("\n" + example), name, "exec")
