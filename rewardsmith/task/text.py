"""Texts as numbers: a text field is an array of the positions of its words.

The task lists the words that matter. n stands for the n-th listed word, the number of listed words
plus one for any other word, and 0 fills the array after the last word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rewardsmith.types import Array

WORD = r"[^\W_]+(?:['-][^\W_]+)*"


def words_in(text: str) -> list[str]:
    """The words of a text in order, in lower case, without punctuation."""
    return re.findall(WORD, text.lower())


@lru_cache(maxsize=4096)
def word_ids(text: str, words: tuple[str, ...], most: int) -> Array:
    """A text as numbers, shape (most,), int64, read-only.

    Args:
        words: the words that the task lists.
        most: largest number of words of a text.

    Raises:
        ValueError: the text has more words.
    """
    found = words_in(text)
    if len(found) > most:
        raise ValueError(
            f"expected a text of at most {most} words, found {len(found)}: {text[:80]!r}"
        )
    places = {word: place for place, word in enumerate(words, 1)}
    ids = np.zeros(most, np.int64)
    ids[: len(found)] = [places.get(word, len(words) + 1) for word in found]
    ids.setflags(write=False)
    return ids


def text_of(ids: Sequence[int] | Array, words: Sequence[str]) -> str:
    """The text of such an array; a word that is not listed is shown as ``?``."""
    return " ".join(
        words[place - 1] if place <= len(words) else "?" for place in map(int, ids) if place > 0
    )
