"""Takes the program out of a model's reply.

One rule: the program is the last fenced block that parses and defines an entry point, preceded by
the blocks whose names it lacks. A reply that is Python as a whole is one such block. If there is no
program, the texts of a reply in JSON are read in the same way.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import symtable
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt

from rewardsmith.program import ENTRY_POINTS, REWARD_ALIASES

NAMES = (*ENTRY_POINTS, *REWARD_ALIASES)
_GIVEN = {*dir(builtins), "np", "numpy", "math"}
_AGAIN = "send the whole module again in one closed Python code block"
_NO_PARSE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, SystemError)
_MAIN_GUARD = "__name__ == '__main__'"
_FUTURE = re.compile(r"^from __future__ import [^(\n]*\n?", re.M)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Extraction:
    """The module's source, or None and a problem.

    Attributes:
        source: The module.
        problem: What was expected, what was found, what the writer should do.
    """

    source: str | None
    problem: str = ""


@dataclass(frozen=True, eq=False)
class _Block:
    """A candidate: its text without a main guard, or why it does not parse.

    Attributes:
        defines: Its functions and classes at module level.
        bound: Names that it binds at module level.
        lacks: Names that it looks up at module level and does not bind.
    """

    text: str
    error: str = ""
    defines: tuple[_Definition, ...] = ()
    bound: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()

    @property
    def entries(self) -> frozenset[str]:
        """The entry points among its functions; an alias counts as its original."""
        functions = {node.name for node in self.defines if _kind(node) == "function"}
        return frozenset(name.removeprefix("compute_") for name in functions.intersection(NAMES))


def extract_code(reply: str, *, length_cut: bool = False) -> Extraction:
    """Take the module out of a reply.

    Args:
        reply: The model's reply as received.
        length_cut: The provider reports that the token limit ended the reply; an unclosed block is
            then ignored.

    Returns:
        The module, or a problem for the writer.
    """
    reply = reply.encode(errors="replace").decode()  # no file can contain a lone surrogate
    reply = reply.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    whole = _block(reply)
    blocks = _blocks(reply, length_cut)
    source = _program([block for block in blocks if not block.error])
    if source is None and not length_cut:
        inside = [block for text in _texts_in_json(reply) for block in _blocks(text, False)]
        source = _program([block for block in inside if not block.error])
    problem = "" if source else _problem(blocks or [whole], reply, length_cut)
    return Extraction(source, problem)


def _blocks(text: str, length_cut: bool) -> list[_Block]:
    """The candidates of a text: all of it if it is a program, else its fenced blocks."""
    whole = _block(text)
    return [whole] if whole.entries and not length_cut else _fenced(text, length_cut)


def _texts_in_json(reply: str) -> Iterator[str]:
    """The texts of a reply that is JSON, or that has JSON between its first and last brace."""
    for first, last in ("{}", "[]"):
        begin, end = reply.find(first), reply.rfind(last)
        try:
            # models write line breaks into strings, which strict JSON forbids
            content = json.loads(reply[begin : end + 1], strict=False)
        except (ValueError, RecursionError):
            continue
        yield from _texts(content)
        return


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _fenced(reply: str, length_cut: bool) -> list[_Block]:
    """The fenced blocks that name Python or no language, at any depth of lists and quotes."""
    markdown = MarkdownIt("commonmark")
    markdown.core.ruler.enableOnly(["normalize", "block"])
    # Indented fences and fences in HTML count too.
    markdown.block.ruler.enableOnly(["fence", "blockquote", "list", "paragraph"])
    blocks = []
    for token in markdown.parse(reply + "\n"):
        first, end = token.map or (0, 0)
        closed = end - first - 2 == token.content.count("\n")
        if token.type != "fence" or (length_cut and not closed):
            continue
        if not token.info.strip() or "py" in token.info.lower():
            blocks.append(_block(token.content))
    return blocks


def _block(text: str) -> _Block:
    """Read a block as it stands, else without its common indentation."""
    try:
        with warnings.catch_warnings(action="ignore"):
            try:
                tree = ast.parse(text)
            except IndentationError:
                text = textwrap.dedent(text)
                tree = ast.parse(text)
            text = _without_main_guard(text, tree)
            module = symtable.symtable(text, "reply", "exec")
    except _NO_PARSE as error:
        return _Block(text, _reason(text, error))
    defines = tuple(node for node in tree.body if isinstance(node, _Definition))
    return _Block(text, "", defines, *_module_names(module))


def _module_names(module: symtable.SymbolTable) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a module binds, and those that it looks up and neither binds nor is given."""
    symbols, tables = list(module.get_symbols()), list(module.get_children())
    while tables:
        table = tables.pop()
        symbols += [symbol for symbol in table.get_symbols() if symbol.is_global()]
        tables += table.get_children()
    bound = frozenset(s.get_name() for s in symbols if s.is_assigned() or s.is_imported())
    looked_up = frozenset(s.get_name() for s in symbols if s.is_referenced())
    return bound, looked_up - bound - _GIVEN


def _without_main_guard(text: str, module: ast.Module) -> str:
    lines = text.split("\n")
    for node in reversed(module.body):
        if isinstance(node, ast.If) and ast.unparse(node.test) == _MAIN_GUARD and not node.orelse:
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines)


def _reason(text: str, error: Exception) -> str:
    lines = text.split("\n")
    line = min(getattr(error, "lineno", None) or 1, len(lines))
    said = str(getattr(error, "msg", error)) or "too deeply nested"
    return f"line {line} does not parse ({said}): {lines[line - 1].strip()[:100]}"


def _program(blocks: Sequence[_Block]) -> str | None:
    """The last block of each entry point, after the other blocks that define what these lack."""
    mains: list[_Block] = []
    for block in reversed(blocks):
        if block.entries and not any(block.entries & other.entries for other in mains):
            mains.append(block)
    if not mains:
        return None
    helpers = [block for block in blocks if not block.entries]
    definers = {name: block for block in (*helpers, *reversed(mains)) for name in block.bound}
    needed, unread = set(mains), list(mains)
    while unread:
        lacking = unread.pop().lacks & definers.keys()
        found = {definers[name] for name in lacking} - needed
        needed |= found
        unread += found
    before = [block for block in blocks if block in needed and block is not mains[0]]
    source = "\n\n\n".join(block.text.strip("\n") for block in (*before, mains[0]))
    return _with_future_first(source) if before else mains[0].text.rstrip() + "\n"


def _with_future_first(source: str) -> str:
    imports = "".join(dict.fromkeys(_FUTURE.findall(source)))
    return imports + _FUTURE.sub("", source).rstrip() + "\n"


def _problem(blocks: Sequence[_Block], reply: str, length_cut: bool) -> str:
    """What was expected, what was found and what the writer should do, in one line."""
    if length_cut:
        expected, found = "A whole program", "the reply was cut by the token limit"
        return f"{expected} was expected, but {found}; write less and {_AGAIN}."
    if broken := [block.error for block in blocks if block.error and "def " in block.text]:
        expected = "A program that Python can parse"
        return f"{expected} was expected, but {broken[-1]} -- correct it and {_AGAIN}."
    expected = f"A function at module level named {', '.join(NAMES)}"
    return f"{expected} was expected, but {_found(blocks, reply)} was found; {_AGAIN}."


def _found(blocks: Sequence[_Block], reply: str) -> str:
    definitions = [node for block in blocks for node in block.defines]
    if definitions:
        return ", ".join(f"a {_kind(node)} {node.name}" for node in definitions[:4])
    if not reply.strip():
        return "nothing"
    return "only JSON" if re.match(r"[\s`json]*[{\[]", reply) else "only text"


def _kind(node: _Definition) -> str:
    return "class" if isinstance(node, ast.ClassDef) else "function"
