"""docs/language_models.md: its code runs on arrays of the form that TRL passes, and its numbers are right."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "language_models.md").read_text("utf-8")
MODULES = (
    *("completions", "controllers", "direct_alignment", "diversity", "group_advantages"),
    *("group_scaling", "group_selection", "length_bias", "length_shaping", "rubrics"),
    *("score_shapes", "self_labels", "token_credit", "tool_calls", "turn_credit"),
)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the blocks of code on the page define, run in order."""
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/language_models.md", "exec"), found)
    return found


def batch() -> dict[str, Any]:
    """Two prompts with two completions each, as TRL passes them."""
    return {
        "prompts": ["3 8 5"] * 2 + ["1 2"] * 2,
        "completions": ["#8", "first 3, then 8: #8", "#1", "#2"],
        "completion_ids": [[1] * 20, [1] * 21, [1] * 2, [1] * 2],
        "answer": ["8", "8", "2", "2"],
        "trainer_state": None,
    }


def test_the_reward_function_pays_what_the_page_says(names: dict[str, Any]) -> None:
    assert names["brief_and_right"](**batch()) == [1.5, 1.0, 0.0, 1.5]


def test_the_other_one_compares_within_each_prompt(names: dict[str, Any]) -> None:
    reward = names["right_and_shorter_than_the_others"]
    assert reward(**batch(), num_generations=2) == pytest.approx([1.2, 0.8, 0.0, 1.0])


def test_the_numbers_about_group_scaling_are_those_of_the_code(names: dict[str, Any]) -> None:
    damping = names["scaling_report"](names["scores"], names["bounded"], names["groups"]).damping
    assert damping == pytest.approx([0.25, 0.0003], rel=0.1)
    assert "# 0.25 and 0.0003: this is removed" in PAGE
    assert not names["survives_group_scaling"](names["scores"], names["bounded"], names["groups"])
    assert np.allclose(names["credit"], [[0, 0.9, 0, 0, 1]])


def test_the_functions_that_the_page_names_exist() -> None:
    named = re.findall(r"`((?:" + "|".join(MODULES) + r")\.\w+)`", PAGE)
    assert len(named) > 30
    for name in named:
        module, _, function = name.partition(".")
        assert hasattr(importlib.import_module(f"rewardsmith.maths.{module}"), function), name


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_show_what_they_compute(name: str) -> None:
    module = importlib.import_module(f"rewardsmith.maths.{name}")
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.attempted and not result.failed
