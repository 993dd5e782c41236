"""The wheel contains everything that a checkout contains: the package, the prompts and the tasks."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.support.places import ROOT

PACKED = {
    "rewardsmith": "rewardsmith",
    "prompts": "rewardsmith/_assets/prompts",
    "tasks": "rewardsmith/_assets/tasks",
}
WHERE = """
import json, rewardsmith.assets as a
print(json.dumps([str(a.asset_folder(name)) for name in ("prompts", "tasks")]))
"""


def files_of_checkout() -> set[str]:
    """Names that the wheel must hold, from what lies in the checkout."""
    return {
        f"{packed}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, packed in PACKED.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def build(target: str, into: Path) -> Path:
    """Build without a network, with the hatchling of this environment."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = into.iterdir()
    return built


def asset_folders(code: str, cwd: Path) -> list[Path]:
    """Where a fresh, isolated interpreter in another directory finds the two folders."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [Path(folder) for folder in json.loads(done.stdout)]


def test_the_readme_is_the_page_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project.get("readme") == ("README.md" if (ROOT / "README.md").exists() else None)


@pytest.mark.slow
def test_wheel_holds_package_prompts_and_tasks(tmp_path: Path) -> None:
    wheel = build("wheel", tmp_path / "dist")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        archive.extractall(tmp_path / "site")
    wanted = files_of_checkout()
    assert sorted(wanted - names) == [], "missing from the wheel"
    assert sorted(names - wanted) == [], "not wanted in the wheel"

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    found = asset_folders(
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{WHERE}", elsewhere
    )
    assert found == [tmp_path / "site/rewardsmith/_assets" / name for name in ("prompts", "tasks")]


@pytest.mark.slow
def test_sdist_holds_what_a_wheel_is_built_from(tmp_path: Path) -> None:
    sdist = build("sdist", tmp_path / "dist")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    unpacked = {packed: folder for folder, packed in PACKED.items()}
    for name in files_of_checkout():
        packed = max((p for p in unpacked if name.startswith(p + "/")), key=len)
        assert unpacked[packed] + name.removeprefix(packed) in names


def test_editable_install_finds_the_folders_of_the_checkout(tmp_path: Path) -> None:
    try:
        origin = distribution("rewardsmith").read_text("direct_url.json") or "{}"
    except ModuleNotFoundError:
        pytest.skip("rewardsmith is not installed here")
    if not json.loads(origin).get("dir_info", {}).get("editable"):
        pytest.skip("rewardsmith is not installed editable here")
    assert asset_folders(WHERE, tmp_path) == [ROOT / "prompts", ROOT / "tasks"]
