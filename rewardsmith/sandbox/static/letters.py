"""Checks the characters of a source: everybody must read the same lines and letters.

Users, models and Python read the source, and Python reads an exported one from a file. So the only
line break is the newline, and invisible characters are refused everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rewardsmith.program import EXPORT_BEGINS, EXPORT_ENDS
from rewardsmith.types import Finding

_HIDDEN = (
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Zl",
    "Zp",
)  # categories: controls, formats, halves, private ones, line breaks
_BREAKS = "\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
# letters, marks and symbols that show nothing: joiners, fillers, selectors of variations
_BLANK = frozenset((0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0)).union(
    range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0000, 0xE1000)
)
_EMOJI = "\ufe0f"  # behind a symbol it only says that it is to be in colour
_ENCODING = re.compile(r"[ \t]*#.*?coding[:=][ \t]*([-\w.]+)")


def check_letters(source: str) -> Iterator[Finding]:
    """Findings about the characters of a source, at most one of each kind."""
    for number, line in enumerate(source.replace("\r\n", "\n").split("\n"), 1):
        if line.isascii() and line.isprintable():
            continue
        if (
            found := next((place for place in range(len(line)) if _is_hidden(line, place)), None)
        ) is not None:
            yield _hidden(line[found], number)
            break
    for number, line in enumerate(source.split("\n")[:2], 1):
        said = _ENCODING.match(line)
        if said and said[1].lower().replace("_", "-") not in ("utf-8", "utf8"):
            message = f"{line.strip()[:60]!r} tells Python to read the file as {said[1][:30]}"
            yield Finding("RS124", "error", message, "remove it", number)
    for mark in (EXPORT_BEGINS, EXPORT_ENDS):
        if mark in source:
            place = source[: source.index(mark)].count("\n") + 1
            message = "a comment that marks the program in exported files"
            yield Finding("RS124", "error", message, "remove it", place)


def _is_hidden(line: str, place: int) -> bool:
    letter = line[place]
    if letter == _EMOJI and place and unicodedata.category(line[place - 1])[0] == "S":
        return False
    return ord(letter) in _BLANK or (letter != "\t" and unicodedata.category(letter) in _HIDDEN)


def _hidden(letter: str, line: int) -> Finding:
    name = unicodedata.name(letter, f"U+{ord(letter):04X}")
    if letter in _BREAKS:
        message = (
            f"a line break that is no newline ({name}): editors and Python see different lines"
        )
        return Finding(
            "RS119",
            "error",
            message,
            "end lines with a newline only",
            line,
        )
    message = f"an invisible character ({name}): the text that is shown is not the text that runs"
    return Finding("RS119", "error", message, "remove it", line)
