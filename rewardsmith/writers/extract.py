"""Takes the program out of a model's reply, whatever surrounds it.

Design note. The program is the last block that parses and defines an entry point; names that it
lacks (by `symtable`) are taken from other blocks. Without a fenced program the longest run of lines
that parses is taken, in bounded work.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import warnings
from dataclasses import dataclass, field
from itertools import islice

from rewardsmith.program import ENTRY_POINTS, REWARD_ALIASES

NAMES = (*ENTRY_POINTS, *REWARD_ALIASES)
_GIVEN = {*dir(builtins), "np", "numpy", "math"}
_FENCE = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})([^`]*)$")
_ENTRY = re.compile(rf"^[ \t]*(?:async +)?def +(?:{'|'.join(NAMES)})\b", re.M)
_CODE = r"import \w|from [\w.]+ import\b|(?:async )?def \w+ *\(|class \w+ *[(:]|@\w|[A-Za-z_]\w*(?: *:[^=]+)? *=[^=]"
_START = re.compile(rf"{_CODE}|try:|#|[rR]?(?:\"\"\"|''')")
_GOES_ON = re.compile(
    rf"[ \t)\]}}]|{_CODE}"
)  # after a run: the program goes on, so the run is not the whole of it
_FUTURE = re.compile(r"^from __future__ import [^(\n]*\n?", re.M)
_MAIN = re.compile(r"if *\(? *__name__ *== *(['\"])__main__\1 *\)? *:")


@dataclass(frozen=True)
class Extraction:
    """The module's source, or None and a `problem`: what was expected, what was found, what the writer should do."""

    source: str | None
    problem: str
    cut: bool


@dataclass
class _Block:
    text: str
    lang: str
    closed: bool
    error: str = ""  # empty where the text parses
    line: int = 0  # of the error
    early: bool = False  # the error looks like a missing end
    body: list[ast.stmt] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)  # at module level
    used: set[str] = field(
        default_factory=set
    )  # looked up at module level, and neither bound nor given
    entries: set[str] = field(default_factory=set)
    roles: set[str] = field(
        default_factory=set
    )  # entry points' names among `bound`; the alias has its original's role


def extract_code(reply: str, *, length_cut: bool = False) -> Extraction:
    """Take the module out of a reply.

    Args:
        reply: The model's reply as it came.
        length_cut: The provider says that the reply was ended by its token limit.

    Returns:
        The module, or a problem for the writer; `cut` is true whenever `length_cut` is, even beside
        a whole module.
    """
    reply = reply.encode(errors="replace").decode()  # half a character, which no file can hold
    blocks, outside = _fenced(
        reply.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    )
    blocks += [] if any(b.entries for b in blocks) else _unfenced(outside)
    sound = [
        b
        for b in blocks
        if not b.error and (b.closed or not length_cut) and (b.entries or "py" in b.lang)
    ]
    mains = [i for i, b in enumerate(sound) if b.entries]
    torn = [
        b
        for b in blocks
        if b.early and not b.closed and (_ENTRY.search(b.text) or ("py" in b.lang and not mains))
    ]
    source = _join(sound, mains[-1]) if mains else None
    return Extraction(
        source, "" if mains else _problem(blocks, reply, length_cut, torn), length_cut or bool(torn)
    )


def _block(text: str, lang: str, closed: bool) -> _Block:
    """Read a candidate as it stands, else without its indentation, and without its `if __name__ == "__main__":`."""
    block, lines = _Block(text, lang, closed), text.split("\n")
    try:
        with warnings.catch_warnings(action="ignore"):
            block.body = ast.parse(text).body
            for stmt in (
                [] if lang else block.body
            ):  # unfenced words such as "This is it" are no part of the program
                if isinstance(stmt, ast.Expr) and not isinstance(
                    stmt.value, ast.Call | ast.Constant
                ):
                    raise SyntaxError("text, not code", ("", stmt.lineno, 0, ""))
            tables = [symtable.symtable(text, "reply", "exec")]
        for table in tables:  # grows
            tables += table.get_children()
    except (
        SyntaxError,
        ValueError,
        RecursionError,
        MemoryError,
        OverflowError,
        SystemError,
    ) as error:
        if indent := re.match(r"(?:[ \t]*\n)*([ \t]+)[^ \t\n]", text):
            return _block(re.sub(f"(?m)^{indent[1]}", "", text), lang, closed)
        block.line = min(getattr(error, "lineno", None) or 1, len(lines))
        said = str(getattr(error, "msg", error)) or "too deeply nested"
        block.early = (
            block.line > text.rstrip().count("\n")
            or "never closed" in said
            or "triple-quoted" in said
        )
        block.error = (
            f"line {block.line} does not parse ({said}): {lines[block.line - 1].strip()[:100]}"
        )
        return block
    symbols = [
        s for table in tables for s in table.get_symbols() if table is tables[0] or s.is_global()
    ]
    block.bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    block.used = {s.get_name() for s in symbols if s.is_referenced()} - block.bound - _GIVEN
    block.entries = {
        t.get_name() for t in tables[0].get_children() if t.get_type() == "function"
    } & set(NAMES)
    block.roles = {name.removeprefix("compute_") for name in block.bound & set(NAMES)}
    mains = [
        n
        for n in block.body
        if isinstance(n, ast.If) and not n.orelse and _MAIN.match(lines[n.lineno - 1])
    ]
    for node in reversed(mains):
        del lines[node.lineno - 1 : node.end_lineno]
    return _block("\n".join(lines), lang, closed) if mains else block


def _fenced(lines: list[str]) -> tuple[list[_Block], list[str]]:
    """The fenced blocks, and the lines with those blocks blotted out."""
    marks = [
        (i, m[1], m[2].strip().lower()) for i, line in enumerate(lines) if (m := _FENCE.match(line))
    ]
    blocks, outside, past, budget = [], list(lines), 0, 400_000
    for at, (start, mark, lang) in enumerate(marks):
        if start < past:
            continue
        # A fence with a language ends a block too (unclosed, or around another), if not in a
        # triple-quoted string.
        later = (
            marks[k]
            for k in range(at + 1, len(marks))
            if marks[k][2] or marks[k][1].startswith(mark)
        )
        kept: _Block | None = None
        for end, _, info in [*islice(later, 12), (len(lines), "", "")]:
            block = _block("\n".join(lines[start + 1 : end]), lang or "py", end < len(lines))
            if kept is None or not block.error:
                kept, past = block, end + (not info)
            budget -= len(block.text)
            if not block.error or budget < 0 or not ('"""' in block.text or "'''" in block.text):
                break
        blocks += [kept] if kept else []
        outside[start:past] = ["`"] * (min(past, len(lines)) - start)
    return blocks, outside


def _unfenced(lines: list[str]) -> list[_Block]:
    """The whole text, or its runs of lines that parse and define an entry point, the longest last."""
    whole = _block("\n".join(lines), "", False)
    starts = [i for i, line in enumerate(lines) if _START.match(line)] if whole.error else []
    last = max((i for i in starts if _ENTRY.match(lines[i])), default=-1)
    found, past, budget = (
        [],
        0,
        20_000_000,
    )  # about characters to scan; a line that is parsed counts as 1000
    for start in starts:
        if past <= start <= last and budget > 0:
            end = len(lines)
            first = block = _block("\n".join(lines[start:]), "", False)
            while block.error and end > start:
                budget -= len(block.text) + 1000 * (
                    block.text.count("\n") if block.body else block.line
                )
                end = min(end - 1, start + block.line - 1) if budget > 0 else start
                block = _block("\n".join(lines[start:end]), "", False)
            past, block.closed = (
                end,
                bool(follow := next((line for line in lines[end:] if line.strip()), "")),
            )
            found += [first] if _GOES_ON.match(follow) else [block] if block.entries else []
    return sorted(found, key=lambda b: len(b.text) if b.entries else 0) if whole.error else [whole]


def _join(blocks: list[_Block], main: int) -> str:
    """The main block after what it needs of the others: a block whole, or single statements of a draft of itself."""
    taken, roles, where = (
        {(main, 0): blocks[main]},
        set(blocks[main].roles),
        dict[str, list[tuple[int, int, _Block]]](),
    )
    for i in reversed(range(main)):
        if blocks[i].entries and not blocks[i].roles & roles:
            roles |= blocks[i].roles
            taken[i, 0] = blocks[i]
    bound, todo = {name for block in taken.values() for name in block.bound}, list(taken.values())
    for whole, i in sorted(
        (not b.roles & roles, i) for i, b in enumerate(blocks) if any(b.used - bound for b in todo)
    ):
        lines, body = blocks[i].text.split("\n"), [] if whole else blocks[i].body
        tops = [
            (min(x.lineno for x in [n, *getattr(n, "decorator_list", [])]) - 1, n.end_lineno)
            for n in body
        ]
        parts = [_block("\n".join(lines[first:end]), "", True) for first, end in tops] or [
            blocks[i]
        ]
        for j, part in enumerate(parts):
            for name in part.bound if whole or not part.bound & bound & set(NAMES) else ():
                where.setdefault(name, []).append((i, j, part))
    for block in todo:  # grows
        for name in sorted(block.used - bound):
            wanted = [option for option in where.get(name, []) if option[0] == where[name][-1][0]]
            taken |= {(i, j): part for i, j, part in wanted}
            todo += [part for _, _, part in wanted]
            bound |= {other for _, _, part in wanted for other in part.bound}
    if len(taken) == 1:
        return blocks[main].text.rstrip() + "\n"
    text = "\n\n\n".join(
        taken[key].text.strip("\n") for key in sorted(taken, key=lambda key: (key[0] == main, key))
    )
    return "".join(dict.fromkeys(_FUTURE.findall(text))) + _FUTURE.sub("", text).rstrip() + "\n"


def _problem(blocks: list[_Block], reply: str, length_cut: bool, torn: list[_Block]) -> str:
    again = "send the whole module again in one closed Python code block"
    if length_cut:
        return f"A whole program was expected, but the reply was cut by the token limit; write less and {again}."
    if broken := [b.error for b in torn or blocks if b.error and (torn or _ENTRY.search(b.text))]:
        found = (
            f"the code ended before its end: {broken[-1]}"
            if torn
            else f"in the code block {broken[-1]}"
        )
        return (
            f"A program that Python can parse was expected, but {found} -- correct it and {again}."
        )
    tops = [
        f"a {type(n).__name__[:-3].lower()} {n.name}"
        for b in blocks
        for n in b.body
        if hasattr(n, "name")
    ]
    found = (
        "only JSON"
        if re.match(r"[\s`json]*[{\[]", reply)
        else "only text"
        if reply.strip()
        else "nothing"
    )
    found = ", ".join(tops[:4]) or found
    return f"A function at module level named {', '.join(NAMES)} was expected, but {found} was found; {again}."
