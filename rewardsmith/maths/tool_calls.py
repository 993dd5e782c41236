"""The reward for calls of tools, compared with the calls that were wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class ToolCall(NamedTuple):
    """A call as data: the name of the tool, and its parameters."""

    name: str
    parameters: Mapping[str, Any]


def tool_call_reward(calls: Sequence[ToolCall] | None, wanted: Sequence[ToolCall]) -> float:
    """How far the calls of a completion are those that were wanted, from -3 to 3.

    6 * score / highest - 3. The score is the Jaccard index of the names (as multisets), plus, over
    the best one-to-one match of calls with equal names, the Jaccard index of their parameter names
    and the number of equal values. The highest score is 1 + sum over wanted (1 + parameters).

    Source: ToolRL, Qian et al. 2025, arXiv 2504.13958, and its code, which pays the form of the
    text with 0 or 1 in addition. That only calls with equal names can match is our reading; the
    match here is optimal, that of the code greedy.

    Args:
        calls: what the completion called; None if it could not be parsed.
        wanted: the reference.

    Returns:
        3 for the same calls in any order, -3 if it could not be parsed or no name is right.

    Example:
        >>> wanted = [ToolCall("weather", {"city": "Rome", "day": 1})]
        >>> tool_call_reward([ToolCall("weather", {"city": "Rome", "day": 2})], wanted)
        1.5
    """
    if calls is None:
        return -3.0
    names = Counter(call.name for call in calls)
    references = Counter(call.name for call in wanted)
    union = (names | references).total()
    score = (names & references).total() / union if union else 1.0
    highest = 1 + sum(1 + len(call.parameters) for call in wanted)
    return float(6 * (score + _matched(calls, wanted)) / highest - 3)


def _matched(calls: Sequence[ToolCall], wanted: Sequence[ToolCall]) -> float:
    """The largest sum over one-to-one matches."""
    if not calls or not wanted:
        return 0.0
    from scipy.optimize import linear_sum_assignment

    table = np.zeros((len(wanted), len(calls)))
    for row, reference in enumerate(wanted):
        table[row] = [_likeness(call, reference) for call in calls]
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum())


def _likeness(call: ToolCall, reference: ToolCall) -> float:
    if call.name != reference.name:
        return 0.0
    given, right = call.parameters, reference.parameters
    union = given.keys() | right.keys()
    share = len(given.keys() & right.keys()) / len(union) if union else 1.0
    return share + float(sum(key in given and given[key] == value for key, value in right.items()))
