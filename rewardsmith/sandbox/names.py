"""Which names of terms may be shown to users and models."""

from __future__ import annotations

import re

from rewardsmith.sandbox.allowed import UNMISTAKABLE

_NAME = re.compile(r"[ \w.()/%:+-]+", re.ASCII)
PLAIN = "plain letters, digits, single spaces and _ - . / ( ) % : +"


def is_plain(name: str) -> bool:
    """Whether a name of a term consists of plain letters, digits and a few signs."""
    bare = "".join("x" if letter in UNMISTAKABLE else letter for letter in name)
    visible = any(letter.isalnum() for letter in bare)
    return visible and _NAME.fullmatch(bare) is not None and name == " ".join(name.split())
