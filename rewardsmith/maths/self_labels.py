"""Labels without people: majorities of a model's own answers, and pairs from its own scores.

Agreement is not truth: log :func:`majority_share` and the fitness on held-out prompts beside a
reward of this kind, and stop when the answers become all the same.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.maths.completions import Groups
from rewardsmith.types import Array, FloatArray

NO_ANSWER = -1


def cross_votes(answers: Array, asked: Array, groups: Array) -> FloatArray:
    """1 where an answer is the majority answer to the paraphrase of its question.

    Source: Co-Reward, Zhang et al. 2025, arXiv 2508.00410, and its code: the majority is taken over
    non-empty answers. Among equal counts the smallest id counts, which is our choice.

    Args:
        answers: ids of the final answers, shape (n,), at least 0; NO_ANSWER where there is none.
        asked: 0 for the question, 1 for its paraphrase, shape (n,).
        groups: the question of each completion, shape (n,).

    Returns:
        Shape (n,), of 0 and 1. No answer never agrees. Swapping question and paraphrase swaps
        nothing else.

    Example:
        >>> cross_votes([5, 6, 5, 5], asked=[0, 0, 1, 1], groups=np.zeros(4))
        array([1., 0., 1., 1.])
    """
    answers, asked = _ids(answers), np.asarray(asked)
    if asked.shape != answers.shape or not np.isin(asked, (0, 1)).all():
        raise ValueError("asked is 0 or 1 for each answer")
    index = Groups(groups).index
    if len(index) != len(answers):
        raise ValueError(f"found {len(index)} labels of groups for {len(answers)} answers")
    reward = np.zeros(len(answers))
    for group in np.unique(index):
        for form in (0, 1):
            own = (index == group) & (asked == form)
            other = answers[(index == group) & (asked != form) & (answers != NO_ANSWER)]
            if len(other):
                reward[own] = answers[own] == np.bincount(other).argmax()
    return reward


def majority_share(answers: Array, groups: Array) -> FloatArray:
    """The share of the answers of each group that are its most frequent one, shape (m,).

    Answers that are missing count in the denominator. Near 1 everywhere, a reward from majorities
    has nothing more to teach.

    Args:
        answers, groups: as in :func:`cross_votes`.
    """
    answers, within = _ids(answers), Groups(groups)
    if len(within.index) != len(answers):
        raise ValueError(f"found {len(within.index)} labels of groups for {len(answers)} answers")
    shares = np.zeros(len(within.sizes))
    for group, size in enumerate(within.sizes):
        given = answers[(within.index == group) & (answers != NO_ANSWER)]
        shares[group] = np.bincount(given).max() / size if len(given) else 0.0
    return shares


def best_and_worst(scores: Array, groups: Array) -> Array:
    """One pair for each group whose scores differ: the best completion and the worst.

    Source: Self-Rewarding Language Models, Yuan et al. 2024, arXiv 2401.10020: the model scores its
    own answers from 0 to 5, several times, and DPO trains on the pairs.

    Args:
        scores: means over several judgements, shape (n,).
        groups: shape (n,).

    Returns:
        Rows of the better and of the worse completion, shape (p, 2), int; of equal ones the first.

    Example:
        >>> best_and_worst(np.array([3.0, 5.0, 4.0, 4.0]), np.array([0, 0, 1, 1]))
        array([[1, 0]])
    """
    within = Groups(groups)
    (scores,) = within.of(scores=scores)
    pairs = []
    for group in range(len(within.sizes)):
        members = np.flatnonzero(within.index == group)
        best, worst = members[scores[members].argmax()], members[scores[members].argmin()]
        if scores[best] > scores[worst]:
            pairs.append((best, worst))
    return np.array(pairs, int).reshape(-1, 2)


def _ids(answers: Array) -> Array:
    answers = np.asarray(answers)
    if answers.ndim != 1 or answers.dtype.kind not in "iu" or (answers < NO_ANSWER).any():
        raise ValueError(f"answers are ids of shape (n,), at least 0, or {NO_ANSWER} for none")
    return answers
