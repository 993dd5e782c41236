"""A program as one Python file that needs numpy and gymnasium and nothing else.

The program stands in it as it was written. Around it: provenance in the docstring, how each field that it
reads is taken from the environment, and a wrapper for one environment. Functions of the task's own
``fields.py`` are copied in under a prefix, so that no name of theirs can meet one of the program's.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from rewardsmith.program import EntryPoint, Style
from rewardsmith.task.loading import Task
from rewardsmith.task.spec import FieldSpec

_PREFIX = "_field_"


def reward_module(
    task: Task, source: str, entry: EntryPoint, style: Style | None, facts: Mapping[str, Any], module: str = "reward"
) -> str:
    """The text of ``reward.py``.

    Args:
        facts: provenance, see :func:`rewardsmith.export.bundle.provenance`.
        module: under which name it will be imported, for the example in its docstring.
    """
    template = jinja2.Template(
        Path(__file__).with_name("reward.py.j2").read_text(encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    fields = _read_fields(task, entry)
    text: str = template.render(
        facts=facts,
        source=source.strip(),
        entry=entry,
        per_transition=style == "per_transition",
        fields=fields,
        functions=_functions(task, fields),
        module=module,
        doc=_as_doc,
        wrapped=lambda text: textwrap.fill(text, 100),
        imports_numpy=_imports_numpy(source),
    )
    return text


def _read_fields(task: Task, entry: EntryPoint) -> dict[str, str]:
    """Field -> expression over ``env, obs, info`` for every field that the program reads."""
    sources = {field.name: field for field in task.spec.fields}
    read: dict[str, str] = {}
    for argument in entry.arguments:
        name = argument if argument in sources else argument.removeprefix("next_").removeprefix("first_")
        if name == "obs":
            read[name] = "obs"
        elif name in sources:
            read[name] = _expression(sources[name])
    return read


def _expression(field: FieldSpec) -> str:
    source = field.parsed_source
    if source.kind == "function":
        return f"{_PREFIX}{source.keys[0]}(env.unwrapped, obs, info)"
    if source.kind == "info":  # it may not exist at reset; no accepted program reads it then
        index = field.source.partition("]")[2]
        return f"info.get({source.keys[0]!r}, np.nan)" if not index else f"np.asarray(info[{source.keys[0]!r}]){index}"
    return field.source


def _functions(task: Task, fields: Mapping[str, str]) -> str:
    """The task's own field functions under a prefix; empty when none is read."""
    if not any(expression.startswith(_PREFIX) for expression in fields.values()):
        return ""
    files = {f.parsed_source.file for f in task.spec.fields if f.name in fields and f.parsed_source.kind == "function"}
    assert task.folder is not None
    return "\n\n".join(_prefixed((task.folder / file).read_text(encoding="utf-8")) for file in sorted(files))


def _prefixed(source: str) -> str:
    """A module with every name that it defines at its top renamed."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    if tree.body and isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant):
        del tree.body[0]
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            node.name = _PREFIX + node.name
        elif isinstance(node, ast.Name) and node.id in names:
            node.id = _PREFIX + node.id
    return ast.unparse(tree)


def _imports_numpy(source: str) -> bool:
    """Whether the program itself brings numpy under the name that the wrapper uses."""
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import)]
    return any(alias.name == "numpy" and alias.asname == "np" for node in imports for alias in node.names)


def _as_doc(text: object) -> str:
    """Text that can stand inside a docstring."""
    return str(text).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
