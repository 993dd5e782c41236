"""The templates of the files of an export."""

from __future__ import annotations

from pathlib import Path

import jinja2


def template(name: str) -> jinja2.Template:
    """A template of this folder; an unknown variable in it is an error."""
    found: jinja2.Template = jinja2.Template(
        Path(__file__).with_name(name).read_text(encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return found
