"""Which names of terms may be shown to people and to models."""

from __future__ import annotations

import re

from rewardsmith.sandbox.allowed import UNMISTAKABLE

_NAME = re.compile(r"[ \w.()/%:+-]+", re.ASCII)
PLAIN = "plain letters, digits, single spaces and _ - . / ( ) % : +"


def is_plain(name: str) -> bool:
    """Whether a name of a term, shown to people and to models, is letters, digits and a few signs, and nothing else."""
    bare = "".join("x" if letter in UNMISTAKABLE else letter for letter in name)
    visible = any(letter.isalnum() for letter in bare)
    return visible and _NAME.fullmatch(bare) is not None and name == " ".join(name.split())
