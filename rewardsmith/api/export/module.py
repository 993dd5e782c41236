"""A program as one Python file that needs numpy and gymnasium and nothing else.

The program stands in it as it was written. Around it: provenance in the docstring, how each field
that it reads is taken from the environment, and a wrapper for one environment. The task's own
``fields.py`` is copied in
as the body of a function, and what the wrapper needs is part of its class: no name can meet one of
the program's.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rewardsmith.api.export.example import example
from rewardsmith.api.export.learned import learned_part
from rewardsmith.api.export.provenance import Provenance
from rewardsmith.api.export.templates import template
from rewardsmith.errors import RunError
from rewardsmith.program import (
    EXPORT_BEGINS,
    EXPORT_ENDS,
    EXPORT_FUNCTIONS,
    EXPORT_PREFIX,
    CheckedProgram,
    EntryPoint,
)
from rewardsmith.task.algorithms import ALGORITHMS
from rewardsmith.task.environment import make_env
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.layout import make_layout
from rewardsmith.task.loading import Task
from rewardsmith.task.text import WORD
from rewardsmith.terms.subgoals import bonus_for

_LEFT_OUT = ("__future__", "typing_extensions")


def reward_module(
    task: Task, program: CheckedProgram, facts: Provenance, name: str = "reward.py"
) -> str:
    """The text of ``reward.py``.

    Args:
        program: the wrapper calls all its functions but a prior on Q.
        facts: the provenance of the program.
        name: of the file that it becomes, for the example in its docstring.

    Raises:
        RunError: the file would not run what was checked.
    """
    source, verdict = program.source, program.verdict
    entries = {name: entry for name, entry in verdict.entries.items() if name != "q_prior"}
    calls = {name: _call(source, entry) for name, entry in entries.items() if entry.function}
    asked = [name for entry in entries.values() for name in entry.arguments]
    goal = [task.spec.training.shaping.relevant_to] if "subgoals" in entries else []
    fields = _read_fields(task, [*asked, *filter(None, goal)])
    read = [field for field in task.spec.fields if field.name in fields]
    defaults = any(field.default is not None for field in read)
    after_steps = [f.name for f in read if f.parsed_source.kind == "info" and not f.at_reset]
    lines = example(task, Path(name).stem, "subgoals" in entries)
    text: str = template("reward.py.j2").render(
        facts=facts,
        source=_to_stand_in_a_file(source),
        learned=learned_part(program.learned) if program.learned is not None else None,
        calls=calls,
        entries=entries,
        shaping=task.spec.training.shaping,
        policy=task.spec.training.policy,
        package=ALGORITHMS.place(task.spec.training.algorithm)[0],
        subgoals=list(verdict.rates),
        bonus=_bonus(task, len(verdict.rates)) if "subgoals" in entries else None,
        texts=any(field.words for field in read),
        word_pattern=WORD,
        per_transition=verdict.style == "per_transition",
        fields=fields,
        dtypes=_dtypes(task, fields),
        after_steps=after_steps,
        nan_policy=task.spec.env.nan_policy,
        defaults=defaults,
        functions=_functions(task, read),
        example=list(map(_as_doc, lines)),
        prefix="" if name == "reward.py" else f"{Path(name).stem}_",
        normalised=task.spec.training.normalise_observations or task.spec.training.normalise_reward,
        masked=task.spec.training.algorithm == "MaskablePPO",
        doc=_as_doc,
        wrapped=lambda text: textwrap.fill(text, 100),
    )
    _check_same(text, source)
    return text


def program_in(text: str) -> str:
    """The program in a file that :func:`reward_module` wrote; any other text as it is."""
    _, begun, rest = text.partition(EXPORT_BEGINS)
    program, ended, _ = rest.rpartition(EXPORT_ENDS)
    return program.partition("\n")[2].strip() + "\n" if begun and ended else text


def _read_fields(task: Task, arguments: Sequence[str]) -> dict[str, str]:
    """Field -> expression over ``env, obs, info`` for every field that the program reads."""
    sources = {field.name: field for field in task.spec.fields}
    read: dict[str, str] = {}
    for argument in arguments:
        name = (
            argument
            if argument in sources
            else argument.removeprefix("next_").removeprefix("first_")
        )
        if name == "obs":
            read[name] = "obs"
        elif name in sources:
            read[name] = _expression(sources[name])
    return read


def _dtypes(task: Task, fields: Iterable[str]) -> dict[str, str]:
    """The dtype of each field, and of what every program may read besides."""
    env = make_env(task)
    layout = make_layout(task, env)
    env.close()
    names = ("action", "terminated", *fields)
    return {name: str(layout.dtype(f"next_{name}" if name in fields else name)) for name in names}


def _bonus(task: Task, subgoals: int) -> float:
    env = make_env(task)
    bonus = bonus_for(task, env, subgoals)
    env.close()
    return bonus


def _expression(field: FieldSpec) -> str:
    if not field.words:
        return _plain_expression(field)
    source = field.parsed_source
    text = _plain_expression(field)
    if source.kind == "info":
        text = f"({text} or '')"
    return f"RewardWrapper._words({text}, {field.words!r}, {field.most_words})"


def _plain_expression(field: FieldSpec) -> str:
    value = _value_expression(field)
    if field.default is None:
        return value
    default = field.default if isinstance(field.default, float) else list(field.default)
    return f"RewardWrapper._given({value}, {default!r})"


def _value_expression(field: FieldSpec) -> str:
    source = field.parsed_source
    if source.kind == "function":
        return f'{EXPORT_FUNCTIONS}["{source.file}:{source.name}"](env.unwrapped, obs, info)'
    if source.kind == "info":
        value = f"info.get({source.name!r})"
        if source.part is None:
            return value
        return f"_np.asarray({value})[{ast.unparse(_subscript(field.source))}]"
    return field.source


def _subscript(source: str) -> ast.expr:
    """The text in the last brackets of a source."""
    node = ast.parse(source.strip(), mode="eval").body
    assert isinstance(node, ast.Subscript)
    return node.slice


def _functions(task: Task, read: Sequence[FieldSpec]) -> str:
    """The task's field functions, each file in its own function; empty if none is read."""
    sources = [field.parsed_source for field in read]
    functions = sorted({(s.file, s.name) for s in sources if s.kind == "function"})
    if not functions:
        return ""
    assert task.folder is not None
    files = list(dict.fromkeys(file for file, _ in functions))
    parts = [
        _enclosed((task.folder / file).read_text(encoding="utf-8"), i)
        for i, file in enumerate(files)
    ]
    entries = [
        f'"{file}:{name}": {EXPORT_PREFIX}{files.index(file)}()[{name!r}]'
        for file, name in functions
    ]
    return "\n\n\n".join(parts) + f"\n\n\n{EXPORT_FUNCTIONS} = {{{', '.join(entries)}}}"


def _enclosed(source: str, number: int) -> str:
    """A module as the body of a function, so that its names do not clash with the program's."""
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    outside = [node for node in imports if node.names[0].name == "*"]
    left_out: list[ast.stmt] = [node for node in imports if node.module == "__future__"]
    if ast.get_docstring(tree) is not None:
        left_out.append(tree.body[0])
    body = [node for node in tree.body if node not in outside and node not in left_out]
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            node.__class__ = ast.Nonlocal  # type: ignore[assignment]
    function = ast.parse(f"def {EXPORT_PREFIX}{number}():\n    return locals()").body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = [*body, *function.body]
    return "\n".join(ast.unparse(node) for node in [*outside, function])


def _to_stand_in_a_file(source: str) -> str:
    """The program verbatim, without future imports and without ``typing_extensions``.

    The file begins with the future import that matters: annotations are never evaluated, as in the
    host.
    """
    source = source.replace("\r\n", "\n").strip()
    lines = source.encode().split(b"\n")  # columns of a tree count bytes
    for node in [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]:
        instead = ast.unparse(kept).encode() if (kept := _kept(node)) is not None else b"pass"
        if kept is node:
            continue
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        lines[first : last + 1] = [before + instead + after, *[b""] * (last - first)]
    return b"\n".join(lines).decode().strip()


def _kept(node: Any) -> Any:
    """A statement in an exported file: unchanged, except for some imports."""
    if isinstance(node, ast.ImportFrom):
        return None if node.module in _LEFT_OUT else node
    if not isinstance(node, ast.Import):
        return node
    names = [alias for alias in node.names if alias.name not in _LEFT_OUT]
    return node if len(names) == len(node.names) else ast.Import(names) if names else None


def _check_same(text: str, source: str) -> None:
    """Check that a file has the checked program and the wrapper, and nothing else.

    Raises:
        RunError: it would not.
    """
    checked, found = statements(source), statements(text)
    end = 1 + len(checked)  # behind the docstring
    if found[1:end] != checked or found[end : end + 1] != statements("import gymnasium as _gym"):
        raise RunError(
            "the exported file would not run the program that was checked",
            "please report this as a bug",
        )


def statements(source: str) -> list[str]:
    """A module, statement by statement, without the imports that are left out of exported files."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                setattr(node, name, [_kept(part) or ast.Pass() for part in value])
    return [ast.dump(node) for node in tree.body if not isinstance(node, ast.Pass)]


def _call(source: str, entry: EntryPoint) -> str:
    """The arguments of the call: in order as far as they lead the signature, the rest by name."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    parameters = next(node.args for node in functions if node.name == entry.function)
    names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
    leading = 0
    while leading < len(entry.arguments) and names[leading : leading + 1] == [
        entry.arguments[leading]
    ]:
        leading += 1
    given = [f'asked["{name}"]' for name in entry.arguments[:leading]]
    return ", ".join([*given, *(f'{name}=asked["{name}"]' for name in entry.arguments[leading:])])


def _as_doc(text: object) -> str:
    """Text that is safe inside a docstring."""
    return str(text).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
