"""Static rules: what is refused before anything runs, and with which message."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardsmith
from rewardsmith.sandbox.codes import CODES
from rewardsmith.sandbox.static.entry_points import check_static

OFFERED = (
    *("position", "next_position", "first_position", "velocity", "next_velocity", "first_velocity"),
    *("action", "prev_action", "terminated", "obs", "next_obs"),
)
REWARD = "def reward(next_position):\n    return {'p': next_position}\n"
BODY = "import numpy as np\ndef reward(next_position):\n    "

REFUSED = [
    ("RS101", "def reward(position:\n    return 1\n", "line 1"),
    ("RS101", "Sure! Here is the reward.", "not valid Python"),
    ("RS101", "def reward(position):\n    return " + "-" * 9000 + "1", "deep"),
    ("RS102", REWARD + "#" * 20_000, "16384"),
    ("RS102", REWARD + "\n" * 500, "400"),
    ("RS103", "def helper(x):\n    return x\n", "helper"),
    ("RS103", "reward = lambda position: position\n", "reward is assigned"),
    ("RS103", "", "def reward"),
    ("RS104", REWARD + REWARD, "defined twice"),
    (
        "RS104",
        REWARD + REWARD.replace("def reward", "def compute_reward"),
        "reward and compute_reward",
    ),
    ("RS105", "import torch\n" + REWARD, "use numpy"),
    ("RS105", "import gymnasium as gym\n" + REWARD, "not a wrapper of an environment"),
    ("RS105", "from os import path\n" + REWARD, "numpy and math only"),
    ("RS105", "from . import secrets\n" + REWARD, "."),
    ("RS105", "from numpy import *\n" + REWARD, "import numpy as np"),
    ("RS105", "import numpy.ctypeslib as np\n" + REWARD, "numpy.ctypeslib"),
    ("RS106", "async def reward(position):\n    return position\n", "plain def"),
    ("RS106", "def reward(position):\n    yield position\n", "generator"),
    ("RS107", "def reward(*args):\n    return args[0]\n", "*args"),
    ("RS107", "def reward(position, **kwargs):\n    return position\n", "*kwargs"),
    ("RS108", "def reward(postion):\n    return postion\n", "'position'"),
    ("RS109", "def reward(is_success):\n    return is_success\n", "not offered"),
    ("RS109", "def reward(next_is_success):\n    return next_is_success\n", "not offered"),
    ("RS110", "def potential(position, next_position):\n    return next_position\n", "'position'"),
    ("RS110", "def potential(first_position):\n    return first_position\n", "'position'"),
    ("RS110", "def potential(action):\n    return action\n", "state"),
    ("RS110", "def q_prior(next_velocity, action):\n    return next_velocity\n", "'velocity'"),
    ("RS110", "def q_prior(terminated):\n    return terminated\n", "state"),
    ("RS111", "def reward(position, memory={}):\n    return position\n", "memory"),
    ("RS112", "def reward(self, position):\n    return position\n", "module-level function"),
    ("RS113", "class Reward:\n    def reward(self):\n        return 1\n", "class"),
    ("RS113", "import numpy as np\n@np.vectorize\n" + REWARD, "decorator"),
    ("RS113", "for i in range(3):\n    pass\n" + REWARD, "module-level statement"),
    (
        "RS113",
        BODY + "try:\n        return next_position\n    except:\n        return 0.0\n",
        "bare except",
    ),
    *(
        (
            "RS113",
            BODY + f"try:\n        x = 1.0\n    except {kind}:\n        x = 0.0\n    return x\n",
            "full memory or stack",
        )
        for kind in (
            "Exception",
            "MemoryError",
            "(ValueError, RuntimeError)",
            "AttributeError",
            "np.pi",
            "(*E,)",
        )
    ),
    (
        "RS113",
        "ValueError = Exception\n" + BODY + "try:\n        x = 1\n    except ValueError: x = 2\n",
        "full memory",
    ),
    (
        "RS113",
        BODY + "try:\n        x = 1\n    finally:\n        return next_position\n",
        "in `finally` hides",
    ),
    (
        "RS113",
        BODY + "for i in (1,):\n        try: x = 1\n        finally: break\n    return x\n",
        "in `finally` hides",
    ),
    *(
        ("RS117", BODY + f"x = {made}\n    return next_position\n", told)
        for made, told in (
            ("np.array('now', dtype='M8[s]')", "'M8[s]'"),
            ("np.array('now', 'M8[s]')", "np.float64"),
            ("next_position.astype('datetime64[D]')", "np.float64"),
            ("np.zeros(1, dtype=[('a', 'f8')])", "arrays of dtype"),
            ("np.zeros(1, 'O')", "'O'"),
            ("np.dtype('M8')", "'M8'"),
            ("np.maximum.reduce([1], 0, 'M8')", "'M8'"),
            ("list(map(next_position.astype, ['M8']))", "call it directly"),
            ("next_position.astype(*['M8'])", "with *"),
            ("np.add(1, 2, signature='M8,m8->M8')", "remove it"),
        )
    ),
    ("RS117", BODY + "return np.pad(next_position, 1, mode='empty')\n", "another mode"),
    ("RS117", BODY + "return np.pad(next_position, 1, 'empty')\n", "another mode"),
    ("RS120", BODY + "return f'{1:>\u0669\u0669\u0669}' and next_position\n", "ASCII letters"),
    ("RS121", BODY + "next_position.partition(3)\n    return next_position\n", "read-only"),
    ("RS113", "STEP = 0\ndef reward(position):\n    global STEP\n    return position\n", "global"),
    ("RS113", BODY + "match next_position:\n        case 1: return 2\n    return 3\n", "np.where"),
    ("RS114", BODY + "return open('/etc/passwd')\n", "named argument"),
    ("RS114", BODY + "return eval('1')\n", "expression"),
    ("RS114", BODY + "return next_velocity\n", "add it to the arguments"),
    ("RS114", BODY + "return nxt_position\n", "next_position"),
    ("RS114", "def reward(position):\n    return np.abs(position)\n", "import numpy as np"),
    ("RS114", "from typing import cast\n" + BODY + "return cast(float, next_position)\n", "cast"),
    ("RS115", BODY + "return np.load('x.npy')\n", "load"),
    ("RS115", "from numpy import fromfile\n" + REWARD, "fromfile"),
    ("RS115", BODY + "m = np\n    return m.lib\n", "lib"),
    ("RS116", BODY + "return next_position.__class__\n", "__class__"),
    ("RS116", BODY + "return __import__('os')\n", "__import__"),
    ("RS116", BODY + "return np._core\n", "_core"),
    ("RS117", BODY + "return np.random.rand(3)\n", "keeps nothing"),
    ("RS117", BODY + "return np.empty(3)\n", "np.zeros"),
    ("RS113", BODY + "while True:\n        pass\n    return 1.0\n", "for _ in range"),
    ("RS113", BODY + "with open_it() as f:\n        return 1.0\n", "np.errstate only"),
    ("RS115", BODY + "return np.clamp(next_position, 0, 1)\n", "clip"),
    ("RS115", BODY + "np.add.at(next_position, 0, 1.0)\n    return next_position\n", "bincount"),
    ("RS115", BODY + "return '{}'.format(1)\n", "text is not needed"),
    ("RS117", BODY + "return np.log(next_position, where=next_position > 0)\n", "out="),
    ("RS117", BODY + "return np.log(next_position, **{'where': next_position > 0})\n", "by name"),
    (
        "RS117",
        BODY + "return np.log(next_position, out=None, where=next_position > 0)\n",
        "new array",
    ),
    (
        "RS117",
        BODY + "y = ...\n    return np.log(next_position, out=y, where=next_position > 0)\n",
        "out=",
    ),
    (
        "RS117",
        BODY + "sum = np.log\n    return sum(next_position, where=next_position > 0)\n",
        "sum has where=",
    ),
    (
        "RS117",
        "from numpy import log as sum\n"
        + BODY
        + "return sum(next_position, where=next_position > 0)\n",
        "sum",
    ),
    (
        "RS117",
        BODY + "f = np.log\n    def f(x): return x\n    return f(next_position, **{})\n",
        "** in f",
    ),
    (
        "RS117",
        "def g(f, x, **k): return f(x, **k)\n"
        + BODY
        + "return g(np.log, next_position, where=1)\n",
        "** in f",
    ),
    (
        "RS117",
        "def dict(x): return x\n" + BODY + "dict = np.log\n    return dict(next_position, **{})\n",
        "** in dict",
    ),
    ("RS117", BODY + "return sum(list({1.0, 2.0})) * next_position\n", "not fixed"),
    ("RS119", BODY + "ρ = 1.0\n    return next_position * ρ\n", "spell it out"),
    ("RS119", REWARD + "# \u202e hidden\n", "invisible"),
    (
        "RS120",
        BODY + "for i in range(1000000):\n        pass\n    return next_position\n",
        "array expressions",
    ),
    ("RS120", BODY + "return reward(next_position)\n", "calls itself"),
    ("RS120", BODY + "return f'{1:>9999}' and next_position\n", "wider than"),
    ("RS120", BODY + "return next_position ** 1000\n", "power"),
    ("RS121", BODY + "next_position += 1.0\n    return next_position\n", "read-only"),
    (
        "RS121",
        BODY + "np.exp(next_position, out=next_position)\n    return next_position\n",
        "read-only",
    ),
    ("RS121", BODY + "np.pi = 3.0\n    return next_position\n", "use a variable"),
    (
        "RS122",
        "SEEN = []\n" + BODY + "SEEN.append(1)\n    return next_position\n",
        "keeps nothing",
    ),
    ("RS123", BODY + "x = next_position\n", "return a dict"),
    ("RS118", "def reward(position: print('hello')):\n    return position\n", "annotation"),
]


@pytest.mark.parametrize(
    ("code", "source", "told"), REFUSED, ids=[f"{c}-{i}" for i, (c, _, _) in enumerate(REFUSED)]
)
def test_refused_with_a_message_that_helps(code: str, source: str, told: str) -> None:
    report = check_static(source, OFFERED, hidden=("is_success",))
    found = [finding for finding in report.findings if finding.code == code]
    assert not report.ok
    assert found, report.findings
    assert any(told in str(finding) for finding in found), found


ACCEPTED = {
    "typing": "from __future__ import annotations\nfrom typing import Dict\nimport numpy.typing as npt\n"
    "def reward(position: npt.NDArray) -> Dict[str, float]:\n    x: float\n    return {'p': position}\n",
    "default": "def reward(position, scale=-2.0, names=('a', 'b')):\n    return scale * position\n",
    "offered name with default": "def reward(position=0.0):\n    return position\n",
    "positional-only": "def reward(position, /, *, velocity):\n    return position + velocity\n",
    "types": BODY
    + "x = np.asarray(next_position, dtype='float32').astype(float).astype(np.ones(1).dtype)\n"
    "    return np.zeros_like(x, dtype=bool) + np.add.reduce(x, 0) + x.astype('<f8', copy=True)\n",
    "exceptions": BODY
    + "try:\n        x = next_position.reshape(3, -1)\n    except (ValueError, IndexError) as e:\n"
    "        x = 1.0\n    finally:\n        y = 1.0\n    return x + y + np.partition(next_position, 1)\n",
    "alias": "def compute_reward(obs, action, next_obs):\n    return obs[0]\n",
    "helpers": "import numpy as np\nfrom math import pi\nW = np.array([1.0])\ndef f(x):\n    return [y for y in x]\n"
    "def reward(position):\n    g = lambda v: v * pi\n    return g(position) * W[0]\n",
    "keywords in a dict": "W = {'far': 2.0}\ndef f(x, far, where=0.0):\n    return far * x + where\n"
    "def reward(position):\n    return {**dict(a=f(position, **W), **{'b': f(position, 1.0, where=2.0)})}\n",
    "where": "import numpy as np\ndef reward(position, velocity):\n    ok = velocity > 0\n"
    "    y = np.zeros_like(position)\n    np.divide(position, velocity, out=y, where=ok)\n    y *= 2.0\n"
    "    z = np.divide(position, velocity, out=position.copy(), where=ok)\n"
    "    return y + z + np.sum(position, where=ok) + position.mean(where=ok)\n",
    "several": REWARD
    + "def potential(position, obs):\n    return position\ndef q_prior(velocity, action):\n    return velocity\n",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    report = check_static(ACCEPTED[name], OFFERED)
    assert report.ok, report.findings


def test_entries_say_what_is_asked_for() -> None:
    reward = check_static(ACCEPTED["default"], OFFERED).entries["reward"]
    assert (reward.function, reward.arguments) == ("reward", ("position",))
    alias = check_static(ACCEPTED["alias"], OFFERED).entries["reward"]
    assert (alias.function, alias.arguments) == ("compute_reward", ("obs", "action", "next_obs"))
    assert check_static(ACCEPTED["offered name with default"], OFFERED).entries[
        "reward"
    ].arguments == ("position",)
    assert check_static(ACCEPTED["positional-only"], OFFERED).entries["reward"].arguments == (
        "position",
        "velocity",
    )
    assert set(check_static(ACCEPTED["several"], OFFERED).entries) == {
        "reward",
        "potential",
        "q_prior",
    }


def test_what_the_reward_calls_is_a_helper_and_does_not_count_twice() -> None:
    potential = "def potential(position):\n    return -position\n"
    helper = "def gain(one, other):\n    return potential(other) - potential(one)\n"
    reward = (
        "def reward(position, next_position):\n    return {'p': gain(position, next_position)}\n"
    )
    report = check_static(potential + helper + reward, OFFERED)
    assert report.ok and [*report.entries] == ["reward"]
    assert [(f.code, f.severity, f.line) for f in report.findings] == [("RS125", "info", 1)]
    # A helper may have arguments that no entry point may have.
    assert check_static(potential.replace("position", "x") + helper + reward, OFFERED).ok


def test_functions_beside_the_reward_are_entry_points() -> None:
    both = "def potential(position):\n    return -position\n" + REWARD
    assert sorted(check_static(both, OFFERED).entries) == ["potential", "reward"]
    local = "def reward(position):\n    potential = position\n    return {'p': potential}\n"
    beside = check_static("def potential(position):\n    return -position\n" + local, OFFERED)
    assert sorted(beside.entries) == ["potential", "reward"]
    prior = "def q_prior(position, action):\n    return potential(position)\n"
    assert "potential" in check_static(both + prior, OFFERED).entries


def test_lines_point_into_the_source() -> None:
    report = check_static(
        "import numpy as np\n\ndef reward(position):\n    return np.random.rand()\n", OFFERED
    )
    assert [finding.line for finding in report.findings] == [4]


def test_every_code_is_in_the_table_and_used() -> None:
    folder = Path(rewardsmith.__file__ or "").parent
    used = {
        code
        for file in folder.rglob("*.py")
        if file.name != "codes.py"
        for code in re.findall(r"\"(RS\d{3})\"", file.read_text())
    }
    assert used == set(CODES)


HEAVY = {
    "brackets": "(" * 4000 + "1" + ")" * 4000,
    "unary": "-" * 8000 + "1",
    "lambdas": "lambda: " * 1900 + "1",
    "not": "not " * 3500 + "1",
    "comparisons": "1" + "<1" * 7000,
    "sums": "1" + "+1" * 7000,
    "attributes": "x" + ".a" * 7000,
    "subscripts": "x" + "[0]" * 4500,
    "calls": "f(" * 4000 + ")" * 4000,
    "conditions": "1 if 1 else " * 1200 + "1",
    "comprehensions": "[x for x in " * 1000 + "y" + "]" * 1000,
    "strings": "f'{" * 900 + "1" + "}'" * 900,
}


@pytest.mark.parametrize("name", HEAVY)
def test_what_is_made_to_choke_a_parser_is_refused_in_bounded_time(name: str) -> None:
    begun = time.process_time()
    assert not check_static(f"def reward(position):\n    return {HEAVY[name]}\n", OFFERED).ok
    assert time.process_time() - begun < 5.0


@given(st.text(max_size=300))
def test_any_text_gets_a_report(text: str) -> None:
    report = check_static(text, OFFERED)
    assert report.ok or report.findings
