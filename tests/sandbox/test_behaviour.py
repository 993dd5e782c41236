"""Behaviour checks: findings from running a program on transitions, and the corpus of programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rewardsmith.errors import UsageError
from rewardsmith.program import Verdict
from rewardsmith.sandbox.behaviour import checks as behaviour
from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.types import Output
from tests.support.programs import QUICK, TASKS, N, entries, judge

DRIVE, CARTPOLE = TASKS["drive"], TASKS["cartpole"]
DISCRETE = (
    DRIVE[0] | {"action": ((), np.dtype(np.int64))},
    DRIVE[1] | {"action": TASKS["grid"][1]["action"] % 3},
)


def check(
    source: str, task: tuple[dict[str, Any], dict[str, Any]] = DRIVE, **options: Any
) -> Verdict:
    options = {"limits": QUICK, "hidden": ("is_success",), **options}
    return check_on_transitions("import numpy as np\n" + source, *task, **options)


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def test_a_good_reward() -> None:
    source = "def reward(position, next_position, action):\n    p = next_position - position\n"
    verdict = check(source + "    return {'progress': 10 * p, 'cost': -0.1 * action[:, 0] ** 2}\n")
    assert (verdict.stage, verdict.style, verdict.findings) == ("accepted", "batched", ())
    assert verdict.us_per_transition is not None and 0 < verdict.us_per_transition < 1000
    low, mean, high = verdict.terms["cost"]
    assert -0.1 <= low < mean < high <= 0


def test_the_ladder_of_styles() -> None:
    branch = check(
        "def reward(position):\n    return 1.0 if position > 0 else 0.5 * float(position)\n"
    )
    assert (branch.style, codes(branch)) == ("per_transition", ["RS205"])
    assert "us each" in branch.findings[0].message
    norm = check("def reward(goal):\n    return -np.linalg.norm(goal) * np.ones(goal.shape[:-1])\n")
    assert (norm.style, codes(norm)) == ("per_transition", ["RS206"])
    assert "times slower" in norm.findings[0].message
    mixed = check(
        "def reward(position, action):\n    return position - position.mean() + action[:, 0]\n"
    )
    assert (mixed.stage, codes(mixed)) == ("behaviour", ["RS204"])
    broken = check(
        "def reward(obs):\n    if obs[0] > 0:\n        return obs[99]\n    return obs[98]\n"
    )
    assert codes(broken) == ["RS201"]
    assert "called for one transition: IndexError" in broken.findings[0].message
    assert broken.findings[0].line == 3
    potential = check("def potential(position):\n    return 1.0 if position > 0 else 0.0\n")
    assert (potential.stage, codes(potential)) == ("behaviour", ["RS205"])


FOUND = {
    "RS202": "def reward(position):\n    return 'high'\n",
    "RS203": "def reward(position):\n    return {'good': position, 'log': np.log(position)}\n",
    "RS207": "W = {'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'}\n"
    "def reward(position):\n    return sum(i * len(w) for i, w in enumerate(W)) * position\n",
    "RS208": "def reward(position):\n    return {'goal': np.where(position > 99, 1.0, 0.0)}\n",
    "RS209": "def reward():\n    return 1.0\n",
    "RS210": "def subgoals(next_position):\n    return {'somewhere': next_position > -100}\n",
    "RS211": "def reward(position):\n    return position + 1, {'p': position}\n",
    "RS212": "def q_prior(position):\n    return np.stack([position, position], axis=1)\n",
    "RS301": "def reward(position):\n    return position + sum(range(int(1e15)))\n",
    "RS302": "def reward(position):\n    return position * np.ones((200000, 200000))[0, 0]\n",
}


@pytest.mark.parametrize("code", FOUND)
def test_found(code: str) -> None:
    verdict = check(FOUND[code])
    assert codes(verdict) == [code]
    warning = code in ("RS208", "RS211")
    assert verdict.accepted is warning
    assert verdict.stage == (
        "accepted" if warning else "sandbox" if code.startswith("RS3") else "behaviour"
    )


def test_not_finite_names_term_count_and_values() -> None:
    message = check(FOUND["RS203"]).findings[0].message
    bad = int((DRIVE[1]["position"] <= 0).sum())
    assert "term 'log'" in message
    assert f"{bad} of {N}" in message
    assert "position=-" in message


def test_q_prior_for_discrete_actions() -> None:
    three = (
        "def q_prior(position):\n    return np.stack([position, 0 * position, -position], axis=1)\n"
    )
    assert check(three, DISCRETE, n_actions=3).accepted
    assert codes(check(three, DISCRETE, n_actions=2)) == ["RS212"]
    one = "def q_prior(position, action):\n    return position * action\n"
    assert codes(check(one, DISCRETE, n_actions=2)) == ["RS212"], (
        "a value of every action, not of one"
    )


def test_every_entry_point_is_checked() -> None:
    source = "def reward(next_position):\n    return next_position\ndef potential(position):\n    return np.log(position)\n"
    verdict = check(source)
    assert codes(verdict) == ["RS203"]
    assert verdict.findings[0].message.startswith("potential:")
    assert set(verdict.entries) == {"reward", "potential"}


def test_static_errors_run_nothing() -> None:
    verdict = check("def reward(postion):\n    return postion\n")
    assert (verdict.stage, verdict.style) == ("static", None)


WITH_A_REMEDY = {
    ("RS201", 2): "X = 1 / 0\ndef reward(position):\n    return position\n",
    (
        "RS201",
        4,
    ): "def reward(position):\n    if np.size(position) > 100:\n        raise ValueError('x')\n"
    "    return position\n",
    ("RS104", 4): "def reward(position):\n    return position\nreward = 3\n",
    ("RS122", 2): "X = iter([1.0])\ndef reward(position):\n    return position\n",
}


@pytest.mark.parametrize("code", WITH_A_REMEDY)
def test_whatever_is_refused_comes_with_a_remedy_and_a_line(code: tuple[str, int]) -> None:
    finding = check(WITH_A_REMEDY[code]).findings[0]
    assert (finding.code, finding.line) == code
    assert finding.hint and ("name" in finding.hint) is (code[0] == "RS104")


def test_a_failure_of_the_environment_is_not_blamed_on_the_program() -> None:
    rows = {name: column.copy() for name, column in DRIVE[1].items()}
    rows["next_position"][5], rows["wheel_speeds"][7, 1] = np.nan, np.inf
    source = (
        "def reward(next_position, wheel_speeds):\n    return next_position + wheel_speeds[:, 1]\n"
    )
    assert check(source, (DRIVE[0], rows)).accepted
    rows["next_position"][:] = np.nan
    verdict = check(source, (DRIVE[0], rows))
    assert codes(verdict) == ["RS203"] and "next_position=nan" in verdict.findings[0].message
    assert check("def reward(position):\n    return position\n", (DRIVE[0], rows)).accepted


@pytest.mark.parametrize("rows", [{}, {name: column[:0] for name, column in DRIVE[1].items()}])
def test_without_transitions_there_is_no_verdict(rows: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no transitions"):
        check("def reward(position):\n    return position\n", (DRIVE[0], rows))


def test_a_subgoal_that_never_holds() -> None:
    never = check(
        "def subgoals(next_position):\n    return {'far': next_position > 1000, 'top': next_position > 1.19}\n"
    )
    assert never.accepted and codes(never) == ["RS214"]
    assert never.findings[0].severity == "warning" and "'far'" in never.findings[0].message
    all_never = check("def subgoals(next_position):\n    return {'far': next_position > 1000}\n")
    assert [(f.code, f.severity) for f in all_never.findings] == [
        ("RS213", "info"),
        ("RS214", "warning"),
    ]
    out_of_sight = check(
        "def subgoals(next_position):\n    return {'beyond': next_position > 3.0}\n"
    )
    assert codes(out_of_sight) == []


CORPUS = entries("programs")
# Marked for refusal, but the contract lets a total rule over its terms and tells of the difference
# (RS211).
TOTAL_RULES = "n112"
NEEDS_A_RUN = [
    entry for entry in CORPUS if entry["expect"] != "reject_static" and entry["id"] != TOTAL_RULES
]
IS_READ = [entry for entry in CORPUS if entry["expect"] == "reject_static"]


@pytest.mark.parametrize(
    "entry", NEEDS_A_RUN, ids=lambda entry: f"{entry['id']}-{entry['category']}"
)
def test_corpus(entry: dict[str, str]) -> None:
    verdict = judge(entry)
    assert verdict.accepted is (entry["expect"] == "accept"), verdict.findings


@pytest.mark.parametrize("entry", IS_READ, ids=lambda entry: f"{entry['id']}-{entry['category']}")
def test_corpus_refused_by_reading(entry: dict[str, str]) -> None:
    verdict = judge(entry)
    assert verdict.stage == "static", verdict.findings


NAMES = ("' '", "'\\u3164'", "'a|b'", "'<|im_end|>'", "'g\\u043eal'", "'a' * 81", "reward", "1")


@pytest.mark.parametrize("name", NAMES)
def test_names_of_terms_are_plain_text(name: str) -> None:
    first = check(f"def reward(position):\n    return {{{name}: position}}\n")
    later = check(
        f"def reward(position):\n    return {{'a' if np.size(position) > 2 else {name}: position}}\n"
    )
    for verdict in (first, later):
        assert codes(verdict) == ["RS202"]
        assert (
            verdict.errors[0].message.isascii()
            and "<|" not in verdict.errors[0].message.split("expected")[1]
        )


def test_names_are_judged_in_the_parent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = behaviour.ProgramHost.apply

    def taken_over(self: Any, *arguments: Any) -> Output:
        output = apply(self, *arguments)
        return Output(output.total, {"<|im_end|>": output.total})

    monkeypatch.setattr(behaviour.ProgramHost, "apply", taken_over)
    assert codes(check("def reward(position):\n    return {'a': position}\n")) == ["RS202"]
