"""Write docs/api.md, the reference of the library, from its docstrings: python docs/make_api.py."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import rewardsmith

PAGE = Path(__file__).parent / "api.md"
HEAD = """# API reference

All names are attributes of `rewardsmith`, usually imported with `import rewardsmith as rs`. This
page is made from the docstrings by `python docs/make_api.py`.
"""
SECTIONS = ("Args", "Attributes", "Example", "Raises", "Returns", "Yields")


def page() -> str:
    """The text of the page."""
    public = {name: getattr(rewardsmith, name) for name in rewardsmith.__all__}
    errors = [name for name, found in public.items() if _is_error(found)]
    classes = [name for name, found in public.items() if inspect.isclass(found)]
    functions = [name for name in public if name not in classes]
    groups = {
        "Functions": functions,
        "Classes": [name for name in classes if name not in errors],
        "Errors": errors,
    }
    parts = [HEAD]
    for title, names in groups.items():
        parts += [f"## {title}\n", *(_entry(name, public[name]) for name in names)]
    return "\n".join(parts).rstrip() + "\n"


def _is_error(found: object) -> bool:
    return inspect.isclass(found) and issubclass(found, Exception)


def _entry(name: str, found: Any) -> str:
    parts = [f"### {name}\n"]
    if not inspect.isclass(found):
        parts.append(_code(name, found))
    parts.append(_markdown(found))
    if inspect.isclass(found):
        parts += list(_fields(found))
        parts += list(_methods(name, found))
    return "\n".join(parts)


def _fields(cls: type) -> Iterator[str]:
    """The settings of a pydantic record: name, default, description."""
    if not issubclass(cls, BaseModel):
        return
    shown = {name: field for name, field in cls.model_fields.items() if field.description}
    if shown:
        yield "| setting | default | |\n|---|---|---|"
        for name, field in shown.items():
            default = field.get_default(call_default_factory=True)
            yield f"| `{name}` | `{_portable(repr(default))}` | {field.description} |"
        yield ""


def _methods(owner: str, cls: type) -> Iterator[str]:
    for name, found in vars(cls).items():
        if isinstance(found, property) and found.__doc__:
            yield f"#### {owner}.{name}\n"
            yield _markdown(found)
        method = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        if name.startswith("_") or not inspect.isfunction(method) or not method.__doc__:
            continue
        yield f"#### {owner}.{name}\n"
        yield _code(f"{owner}.{name}", method)
        yield _markdown(method)


def _code(name: str, function: Any) -> str:
    """The signature, in a block of its own; one argument a line where it is long."""
    takes_settings = hasattr(function, "__signature__")  # see rewardsmith.api.settings
    taken = function.__wrapped__ if takes_settings else function
    signature = inspect.signature(taken, follow_wrapped=False)
    arguments = []
    for one in signature.parameters.values():
        if one.kind is one.KEYWORD_ONLY and "*" not in arguments:
            arguments.append("*")
        if one.name not in ("self", "cls"):
            arguments.append(re.sub(r"(: |^)'([^']*)'", r"\1\2", str(one)))
    if takes_settings:
        arguments[1:] = [f"{arguments[1]} = None", f"**{arguments[2]}"]
    returned = signature.return_annotation
    result = "" if returned is signature.empty else f" -> {returned}"
    line = f"{name}({', '.join(arguments)}){result}"
    if len(line) > 90:
        line = f"{name}(\n    " + ",\n    ".join(arguments) + f",\n){result}"
    return f"```python\n{_portable(line)}\n```\n"


def _portable(text: str) -> str:
    """Paths as every system shows them."""
    return re.sub(r"\w+Path\(('[^']*')\)", r"\1", text)


def _markdown(found: Any) -> str:
    """A Google docstring as Markdown: sections become lists, an example becomes a block."""
    text = _plain(inspect.cleandoc(found.__doc__ or ""))
    blocks = re.split(rf"^({'|'.join(SECTIONS)}):\n", text, flags=re.MULTILINE)
    parts = [blocks[0].strip() + "\n"]
    for title, body in zip(blocks[1::2], blocks[2::2], strict=True):
        inside = re.match(r"(?:(?: {4}.*)?\n?)*", body)
        own = inspect.cleandoc(inside[0] if inside else "")
        rest = body[len(inside[0]) :].strip() if inside else ""
        if title == "Example":
            parts.append(f"```python\n{own}\n```\n")
        elif title in ("Returns", "Yields"):
            parts.append(f"{title}: {' '.join(own.split())}\n")
        else:
            parts += [f"{title}:\n", _list(own) + "\n"]
        if rest:
            parts.append(rest + "\n")
    return "\n".join(parts)


def _list(entries: str) -> str:
    joined = re.sub(r"\n +", " ", entries)
    return "\n".join(
        re.sub(r"^([^:`]+):", r"- `\1`:", line) for line in joined.splitlines() if line
    )


def _plain(text: str) -> str:
    """ReStructuredText roles and literals as Markdown."""
    roles = re.sub(r":\w+:`~?(?:rewardsmith\.)?(?:[a-z_]+\.)*([^`]+)`", r"`\1`", text)
    return roles.replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
