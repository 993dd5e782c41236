"""Repetition inside a completion, and differences between the completions of a group.

Everything is counted on ids: of tokens, or of whatever makes answers different.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.maths.completions import Groups
from rewardsmith.types import Array, FloatArray


def repetition(tokens: Array, mask: Array, size: int) -> Array:
    """Which tokens repeat: they are in an n-gram that began earlier in the same completion.

    Source: the repetition penalty of Yeo et al. 2025, arXiv 2502.03373, pays -0.05 for each such
    token, with n-grams of 40 tokens; 1 minus the share of distinct n-grams is another form.

    Args:
        tokens: ids, shape (n, T).
        mask: shape (n, T), bool; a completion's tokens are contiguous from its first.
        size: of the n-grams, at least 1.

    Returns:
        Shape (n, T), bool. The first occurrence is not marked.

    Example:
        >>> repetition(np.array([[1, 2, 3, 1, 2]]), np.ones((1, 5), bool), size=2).astype(int)
        array([[0, 0, 0, 1, 1]])
    """
    repeated = np.zeros(np.shape(tokens), bool)
    for row, (positions, grams) in enumerate(ngrams(tokens, mask, size)):
        seen = set()
        for start, gram in zip(positions, grams, strict=True):
            if gram in seen:
                repeated[row, start : start + size] = True
            seen.add(gram)
    return repeated


def distinct_share(tokens: Array, mask: Array, size: int) -> FloatArray:
    """distinct-n: the number of different n-grams over that of all, per completion.

    Source: Li et al. 2016, arXiv 1510.03055; lexical diversity in MultiRole-R1, Wang et al. 2025,
    arXiv 2507.20187 (our reading of its abstract).

    Args:
        tokens, mask, size: as in :func:`repetition`.

    Returns:
        Shape (n,), in [0, 1]; 0 where there is no n-gram.

    Example:
        >>> distinct_share(np.array([[1, 1, 1, 1], [1, 2, 3, 4]]), np.ones((2, 4), bool), size=1)
        array([0.25, 1.  ])
    """
    found = [grams for _, grams in ngrams(tokens, mask, size)]
    return np.array([len(set(grams)) / max(len(grams), 1) for grams in found])


def novel_share(items: Array, mask: Array, groups: Array) -> FloatArray:
    """The share of the items of a completion that no other completion of its group has.

    Items are numbers for whatever makes answers different: formulas, steps, roles. Pay it for right
    answers only, with a cap.

    Source: our reading of the formula ratio of DIVER, Hu et al. 2025, arXiv 2509.26209 (caps 0.42
    and 0.68), and of MultiRole-R1, Wang et al. 2025, arXiv 2507.20187.

    Args:
        items: ids, shape (n, K).
        mask: which exist, shape (n, K), bool.
        groups: shape (n,).

    Returns:
        Shape (n,), in [0, 1]; 0 without items, and where all completions of a group have the same.

    Example:
        >>> novel_share(np.array([[1, 2], [1, 3], [1, 1]]), np.ones((3, 2), bool), np.zeros(3))
        array([0.5, 0.5, 0. ])
    """
    items, mask = np.asarray(items), np.asarray(mask, bool)
    within = Groups(groups)
    if items.ndim != 2 or items.shape != mask.shape or len(items) != len(within.index):
        raise ValueError(f"expected items and mask (n, K), found {items.shape} and {mask.shape}")
    own = [set(row[inside].tolist()) for row, inside in zip(items, mask, strict=True)]
    users: dict[tuple[int, object], int] = {}
    for group, found in zip(within.index.tolist(), own, strict=True):
        for item in found:
            users[group, item] = users.get((group, item), 0) + 1
    new = np.zeros(len(own))
    for row, (group, found) in enumerate(zip(within.index.tolist(), own, strict=True)):
        new[row] = sum(users[group, item] == 1 for item in found) / max(len(found), 1)
    return new


def ngrams(tokens: Array, mask: Array, size: int) -> list[tuple[list[int], list[tuple[int, ...]]]]:
    """The n-grams of each completion, with the positions at which they begin."""
    tokens, mask = np.asarray(tokens), np.asarray(mask, bool)
    if tokens.ndim != 2 or tokens.shape != mask.shape or size < 1:
        raise ValueError(
            f"expected tokens and mask of shape (n, T) and a size from 1, "
            f"found {tokens.shape}, {mask.shape}, {size}"
        )
    found = []
    for row, inside in zip(tokens, mask, strict=True):
        starts = [
            start for start in range(len(row) - size + 1) if inside[start : start + size].all()
        ]
        found.append((starts, [tuple(row[start : start + size].tolist()) for start in starts]))
    return found
