"""The checked source is the source that runs, here and in an export: names, imports, lines, letters."""

from __future__ import annotations

import pytest

from rewardsmith.sandbox.inside.namespace import new_namespace, program_tree
from rewardsmith.sandbox.names import is_plain
from rewardsmith.sandbox.static.entry_points import check_static

OFFERED = ("position", "next_position")
REWARD = "import numpy as np\ndef reward(next_position):\n    return next_position\n"

REFUSED = {
    "assignment": ("RS104", REWARD + "reward = lambda next_position: -next_position\n"),
    "walrus": ("RS104", REWARD + "X = [(reward := 1)]\n"),
    "unpacking": ("RS104", REWARD + "(x, *reward) = (1, 2)\n"),
    "annotated": ("RS104", REWARD + "reward: object = 1\n"),
    "default": ("RS104", REWARD + "def f(x=(reward := 1)):\n    return x\n"),
    "default of a lambda": ("RS104", REWARD + "f = lambda x=(reward := 1): x\n"),
    "before it": ("RS104", "from math import pi as reward\n" + REWARD),
    "import": ("RS104", REWARD + "import math as reward\n"),
    "import for annotations": ("RS104", REWARD + "from typing import Dict as reward\n"),
    "parameter elsewhere": (
        "RS114",
        "def f(open):\n    return open\n" + REWARD + "def g():\n    return open('x')\n",
    ),
    "deleted elsewhere": (
        "RS114",
        "def f(x):\n    del eval\n    return x\n" + REWARD + "X = eval('1')\n",
    ),
    "a comprehension elsewhere": (
        "RS114",
        REWARD + "def f():\n    return [q for q in (1,)]\nX = q\n",
    ),
    "typing lacks it": ("RS105", "from typing import Distance\n" + REWARD),
    "a module in typing": ("RS105", "from typing import sys as math\n" + REWARD),
    "two meanings": ("RS105", "from typing import Sized as np\n" + REWARD),
    "two meanings of a module": ("RS105", "import typing as np\n" + REWARD),
    "two meanings of a builtin": ("RS105", "from typing import Set as set\n" + REWARD),
    "typing in a function": (
        "RS105",
        REWARD + "def f(math):\n    import typing as math\n    return math\n",
    ),
    "a name of the file": ("RS124", "_np = 3.0\n" + REWARD),
    "another name of the file": ("RS124", REWARD + "def RewardWrapper(x):\n    return x\n"),
    "encoding": ("RS124", "# -*- coding: latin-1 -*-\n" + REWARD),
    "encoding in line 2": ("RS124", "\n#vim: set fileencoding=utf_7 :\n" + REWARD),
    "end of the program": ("RS124", REWARD + "# --- How it is applied to one environment -\n"),
    "line separator": ("RS119", REWARD + "# a\u2028b\n"),
    "form feed": ("RS119", REWARD + "# a\fb\n"),
    "form feed alone": ("RS119", "\f" + REWARD),
    "carriage return": ("RS119", REWARD + "# a\rb\n"),
    "next line in a text": ("RS119", REWARD + "X = 'a\x85b'\n"),
    "hangul filler": ("RS119", REWARD + "X = 'a\u3164'\n"),
    "variation selectors": ("RS119", REWARD + "# good\U000e0111\n"),
    "a selector behind a letter": ("RS119", REWARD + "# good\ufe0f\n"),
    "annotation of a part": ("RS118", "X = [1]\nX[(y := 0)]: int\n" + REWARD),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    code, source = REFUSED[name]
    report = check_static(source, OFFERED)
    assert code in [finding.code for finding in report.findings if finding.line], report.findings


ACCEPTED = {
    "windows lines": REWARD.replace("\n", "\r\n"),
    "a local variable of that name": "def reward(next_position):\n    reward = next_position\n    return reward\n",
    "an alias": "def compute_reward(next_position):\n    return next_position\nreward = compute_reward\n",
    "utf-8": "# -*- coding: utf-8 -*-\n" + REWARD,
    "emoji": REWARD + "# \u26a0\ufe0f careful \u2192 50 \u00b0, na\u00efve, \u8ddd\u96e2\n",
    "annotations": "import typing as t\nimport numpy.typing as npt, collections.abc\nfrom typing import Dict as D\n"
    "def reward(next_position: npt.NDArray) -> D[str, t.Any]:\n    x: t.Any\n    return {'p': next_position}\n",
    "closures": "def reward(next_position):\n    k = 2.0\n    f = lambda x: k * x\n    return f(next_position)\n",
    "an annotation of a name bound elsewhere": "def f(distance):\n    return distance\n"
    "def reward(next_position: distance):\n    return f(next_position)\n",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    report = check_static(ACCEPTED[name], OFFERED)
    assert report.ok, report.findings


def test_an_annotation_makes_a_name_local_as_it_does_in_a_file() -> None:
    namespace = new_namespace()
    exec(
        compile(program_tree("K = 1.0\ndef f():\n    K: float\n    return K\n"), "p", "exec"),
        namespace,
    )
    with pytest.raises(UnboundLocalError):
        namespace["f"]()


@pytest.mark.parametrize(
    "name", ["progress", "a b", "1", "dist(x) +3.5%", "joint_0/speed", "θ", "a:b-c"]
)
def test_plain_names(name: str) -> None:
    assert is_plain(name)


NAMELESS = [
    "",
    " ",
    "a ",
    "a  b",
    "--",
    "a|b",
    "```",
    "<|im_end|>",
    "g\u043eal",
    "\u3164",
    "\u2800",
    "a\u0336",
    "a\tb",
]


@pytest.mark.parametrize("name", [*NAMELESS, "\u0663", "a\n"])
def test_names_that_are_refused(name: str) -> None:
    assert not is_plain(name)
