"""Build the documentation as a site, in site/: python docs/make_site.py.

The pages link to each other as they lie in the repository, so the site has the same folders. A link
to a page or a heading that does not exist is an error.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = Path(__file__).with_name("zensical.toml")
PARTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE")
FOLDERS = {"docs": ("make_*.py", "zensical.toml"), "benchmarks": ("*.py", "__pycache__")}


def build(folder: Path) -> Path:
    """Copy the pages into a folder, build the site there, and return the site's folder.

    Raises:
        CalledProcessError: a link leads nowhere; the output says which.
    """
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    for name, left_out in FOLDERS.items():
        shutil.copytree(ROOT / name, pages / name, ignore=shutil.ignore_patterns(*left_out))
    for name in PARTS:
        shutil.copy(ROOT / name, pages / name)
    shutil.copy(SETTINGS, folder / SETTINGS.name)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "site"


if __name__ == "__main__":
    (ROOT / "build" / "docs").mkdir(parents=True, exist_ok=True)
    site = ROOT / "site"
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(build(ROOT / "build" / "docs"), site)
