"""Extraction of the program from a reply."""

from __future__ import annotations

import ast
import warnings
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.writers.extract import NAMES, Extraction, extract_code

REWARD = "def reward(obs, action):\n    # closer is better\n    return -abs(obs[0])\n"
DRAFT = "def reward(obs, action):\n    return 0.0\n"
POTENTIAL = "def potential(obs):\n    return -obs[0]\n"


def fence(code: str, lang: str = "python", mark: str = "```") -> str:
    return f"{mark}{lang}\n{code.rstrip()}\n{mark}\n"


def ok(reply: str, **kwargs: bool) -> str:
    found = extract_code(reply, **kwargs)
    assert found.problem == "" and found.source is not None, found
    return found.source


def bad(reply: str, **kwargs: bool) -> Extraction:
    found = extract_code(reply, **kwargs)
    assert found.source is None and found.problem.endswith("."), found
    assert "expected" in found.problem and "\n" not in found.problem
    return found


def run(source: str) -> dict[str, object]:
    space: dict[str, object] = {"__name__": "generated"}
    exec(compile(source, "generated", "exec"), space)
    return space


@pytest.mark.parametrize(
    "lang", ["python", "py", "", "Python", "python3", " python", "{.python}", "python title=r.py"]
)
@pytest.mark.parametrize("mark", ["```", "~~~", "`````"])
def test_one_fence(lang: str, mark: str) -> None:
    assert extract_code(f"Sure!\n\n{fence(REWARD, lang, mark)}\nDone.") == Extraction(REWARD)


def test_windows_newlines_and_byte_order_mark() -> None:
    assert ok("\ufeff" + ("Here:\n" + fence(REWARD)).replace("\n", "\r\n")) == REWARD


@pytest.mark.parametrize("pad", ["   ", "\t", "      "])
def test_fence_indented_in_a_list(pad: str) -> None:
    body = "".join(f"{pad}{line}\n" for line in fence(REWARD).splitlines())
    assert ok(f"1. The code:\n\n{body}\n2. Notes") == REWARD


def test_fence_on_the_line_of_a_list_item() -> None:
    assert (
        ok("- ```python\n" + "".join(f"  {line}\n" for line in REWARD.splitlines()) + "  ```\n")
        == REWARD
    )


def test_tabs_inside_the_code_are_kept() -> None:
    code = "def reward(obs):\n\tif obs:\n\t\treturn 1.0\n\treturn 0.0\n"
    assert ok(fence(code)) == code


def test_block_indented_as_a_whole_inside_a_flush_fence() -> None:
    code = "K = 1\n\n" + REWARD
    indented = "".join(f"    {line}\n" if line else "\n" for line in code.splitlines())
    assert ok(f"```python\n{indented}```") == code


def test_fence_inside_a_docstring_of_a_longer_fence() -> None:
    example = '    """Example:\n\n    ```python\n    reward(0)\n    ```\n    """\n'
    code = f"def reward(obs):\n{example}    return 0.0\n"
    assert ok(f"A:\n{fence(code, mark='````')}B\n{fence('print(reward(0))')}") == code


def test_whitespace_inside_strings_is_verbatim() -> None:
    code = (
        'TEXT = """a\n   \n\tb """\n\n\n\n'
        "def reward(obs):  # odd   spacing\n    return len(TEXT)\n# the end\n"
    )
    assert ok(fence(code)) == code


def test_last_definition_wins_and_the_draft_is_dropped() -> None:
    assert ok(f"{fence(DRAFT)}But better:\n{fence(REWARD)}") == REWARD


@pytest.mark.parametrize(
    ("code", "lang"),
    [
        ("obs, reward, done, info = env.step(a)\nprint(reward)", "python"),
        ("reward = env.step(a)[1]", "python"),
        ('{"reward": 1.0}', "json"),
        ("pip install numpy", "bash"),
        ("reward: 0.3", ""),
        (">>> reward(0)\n0.0", ""),
    ],
)
def test_usage_output_and_other_languages_are_ignored(code: str, lang: str) -> None:
    assert ok(f"{fence(code, lang)}text\n{fence(REWARD)}text\n{fence(code, lang)}") == REWARD


def test_a_later_block_that_does_not_parse_does_not_hide_the_program() -> None:
    assert ok(fence(REWARD) + fence("def reward(obs, ...):\n    # as above")) == REWARD


USES = "def reward(obs):\n    return SCALE * norm(obs)\n"
NORM = "def norm(x):\n    return x + BIAS\n"


def test_helpers_in_other_fences_are_joined_in_reply_order_transitively() -> None:
    source = ok(
        f"{fence('SCALE = 2.0')}{fence(USES)}then\n"
        f"{fence(NORM)}{fence('BIAS = 1')}{fence('print(3)')}"
    )
    assert [
        source.index(text) for text in ("SCALE =", "def norm", "BIAS =", "def reward")
    ] == sorted(source.index(text) for text in ("SCALE =", "def norm", "BIAS =", "def reward"))
    assert "print" not in source
    assert run(source)["reward"](3) == 8.0  # type: ignore[operator]


def test_only_unbound_module_level_names_are_looked_for() -> None:
    code = (
        "import numpy as np\n\nLIMIT = 1\n\n"
        "def reward(obs, scale):\n    local = [item for item in obs]\n"
        "    def inner(depth):\n        return depth + len(local) + math.pi\n"
        "    return inner(scale) + LIMIT\n"
    )
    names = ("scale", "local", "item", "depth", "LIMIT", "np", "math", "len", "inner")
    others = "".join(f"{name} = 1\n" for name in names)
    assert ok(fence(others) + fence(code)) == code


def test_a_draft_gives_nothing() -> None:
    """The sandbox refuses a module that defines an entry point twice."""
    draft = "SCALE = 1.0\nnorm = abs\n" + DRAFT
    assert ok(fence(draft) + fence(USES)) == USES
    assert ok(fence(draft) + fence("SCALE = 3.0") + fence(USES)) == "SCALE = 3.0\n\n\n" + USES


def test_other_language_gives_no_helper() -> None:
    assert ok(fence("SCALE=2", "bash") + fence(USES)) == USES


def test_different_entry_points_in_separate_fences_are_joined() -> None:
    source = ok(fence(DRAFT) + fence(POTENTIAL) + fence(REWARD))
    assert source == POTENTIAL + "\n\n" + REWARD


def test_an_alias_redefines_the_original() -> None:
    alias = REWARD.replace("reward", "compute_reward")
    assert ok(fence(DRAFT) + fence(alias)) == alias
    assert ok(fence(alias) + fence(DRAFT)) == DRAFT


def test_a_program_outside_a_fence_is_not_searched_for() -> None:
    found = bad(f"Here's the code:\n\n{REWARD}\nIt's simple.")
    assert "line 1 does not parse" in found.problem and "closed Python code block" in found.problem
    assert "only text" not in bad(REWARD + "\nIt's simple.").problem
    bad(fence('{"a": 1}', "json") + "The code is:\n" + REWARD)


def test_future_import_stays_first_after_joining() -> None:
    source = ok(
        fence("SCALE = 1.0\nnorm = abs") + fence("from __future__ import annotations\n\n" + USES)
    )
    assert run(source)["reward"](-3) == 3.0  # type: ignore[operator]


def test_helpers_before_and_after_the_entry_function_are_kept() -> None:
    after = "def after(x):\n    return x\n\nBIAS = 2\n# end\n"
    code = f'"""Doc."""\nimport math\n\n{NORM}\n{REWARD}\n\n{after}'
    assert ok("Text\n" + fence(code)) == code


def test_main_guard_is_stripped_and_the_rest_is_verbatim() -> None:
    tail = "# tail\nprint(reward([1], 0))\n"
    for quote in "'\"":
        guard = f"if __name__ == {quote}__main__{quote}:\n    x = 1\n    print(x)\n"
        assert ok(fence(f"{REWARD}\n{guard}{tail}")) == f"{REWARD}\n{tail}"
    inside = "if __name__ == '__main__':\n    def reward(obs):\n        return 1\n"
    bad(fence(inside))


def test_reply_that_is_the_program() -> None:
    assert ok(REWARD) == REWARD
    assert (
        ok('"""Doc."""\nif True:\n    import math\n' + REWARD)
        == '"""Doc."""\nif True:\n    import math\n' + REWARD
    )
    assert ok("".join(f"    {line}\n" for line in REWARD.splitlines())) == REWARD


def test_unclosed_fence() -> None:
    assert extract_code("Code:\n```python\n" + REWARD) == Extraction(REWARD)
    found = bad("Code:\n```python\n" + REWARD + "\ndef potential(obs):\n    return (obs[0] +")
    assert "line 6 does not parse" in found.problem and "was never closed" in found.problem


def test_unclosed_fence_of_a_cut_reply_is_not_trusted() -> None:
    found = bad("Code:\n```python\n" + REWARD, length_cut=True)
    assert "token limit" in found.problem
    assert ok(fence(DRAFT) + "```python\n" + REWARD, length_cut=True) == DRAFT
    assert ok(fence(REWARD) + "and so on", length_cut=True) == REWARD


def test_cut_reply_that_is_python_as_a_whole_is_not_trusted() -> None:
    assert "token limit" in bad(REWARD, length_cut=True).problem


def test_cut_reply_does_not_take_helpers_from_the_cut_block() -> None:
    assert ok(fence(USES) + "```python\nSCALE = 1\nnorm = ab", length_cut=True) == USES


def test_syntax_error_names_the_line() -> None:
    long = "    return (obs[0] +* " + "1" * 300
    found = bad("Code:\n" + fence(f"def reward(obs):\n    x = 1\n{long})\n"))
    assert "line 3" in found.problem and "invalid syntax" in found.problem
    assert long.strip()[:100] in found.problem and long.strip()[:101] not in found.problem


def test_what_only_the_compiler_rejects_is_named_too() -> None:
    assert "duplicate argument" in bad(fence("def reward(obs, obs):\n    return 1.0")).problem


def test_entry_point_inside_a_class_or_under_another_name() -> None:
    found = bad(fence("class Shaper:\n    def reward(self, obs):\n        return 1.0\n"))
    assert "function at module level" in found.problem and "class Shaper" in found.problem
    assert "function my_reward" in bad(fence("def my_reward(obs):\n    return 1.0")).problem


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        ("", "nothing"),
        (" \n\t\n", "nothing"),
        ("I am sorry, but I can't help with that.", "only text"),
        ("Sorry", "only text"),
        ('{"reward": "x"}', "only JSON"),
        (fence('{"reward": "x"}', "json"), "only JSON"),
        ("```", "only text"),
    ],
)
def test_nothing_to_take(reply: str, word: str) -> None:
    found = bad(reply)
    assert word in found.problem and "send the whole module" in found.problem


@pytest.mark.parametrize(
    "body", ["\x00", "(" * 5000, "-" * 20000 + "1", "+".join("1" * 20000), "\ud800", "9" * 9000]
)
def test_what_breaks_the_parser_only_does_not_parse(body: str) -> None:
    bad(fence(f"def reward(obs):\n    return {body}"))
    assert ok(fence(DRAFT) + fence(f"def reward(obs):\n    return {body}")) == DRAFT


def test_parser_warnings_are_not_shown() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        ok(fence("SCALE = '\\d'\nnorm = abs\n" + DRAFT) + fence(USES + "T = '\\w' is 1\n"))
    assert not seen


CODE = "".join(
    f"def f{i}(x):\n    y = x * {i} + 3\n    return y if y > 2 else -y\n" for i in range(2400)
)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param("The code, it's:\n" + CODE + REWARD + "\nThat's it.", id="long program"),
        pytest.param("x = y = is it\n" * 14000 + REWARD, id="prose like code"),
        pytest.param("def reward(x): is it\n" * 9000, id="broken heads"),
        pytest.param("```python\n" * 20000, id="open fences"),
        pytest.param("`````\n" + "```\n" * 50000, id="short fences"),
        pytest.param(('```py\n"""\n' * 5000) + REWARD, id="open strings"),
        pytest.param(
            "".join(fence(f"def g{i}():\n    return g{i + 1}()") for i in range(4000))
            + fence("def reward(x):\n    return g0()"),
            id="blocks",
        ),
        pytest.param('"""\n' * 50000 + REWARD, id="quotes"),
        pytest.param(" " * 200_000, id="spaces"),
        pytest.param("a" * 200_000, id="one word"),
        pytest.param("\n" * 200_000, id="newlines"),
        pytest.param("import a\n\nprose here is\n" * 8000 + DRAFT, id="alternating"),
        pytest.param(
            "".join(f"x{i} = 3\nit is {i}\n" for i in range(8000)) + DRAFT, id="prose that parses"
        ),
    ],
)
def test_long_replies_take_bounded_work(reply: str) -> None:
    """Counts the characters that Python's parser gets, which takes most of the time.

    Each character is parsed as part of the whole reply and of one fence, and for each of them again
    without indentation.
    """
    with patch.object(ast, "parse", wraps=ast.parse) as parse:
        extract_code(reply)
    assert 0 < sum(len(call.args[0]) for call in parse.call_args_list) < 4 * len(reply)


MARKS = [
    "```",
    "```python",
    "~~~",
    "````",
    "   ```py",
    "- ```",
    "\n",
    "\r\n",
    "\t",
    '"""',
    "'''",
    "# x",
    "x = 1",
    "{",
]
CODES = [REWARD, DRAFT, POTENTIAL, USES, NORM, "class A:\n    def reward(self): pass"]
PIECES = st.sampled_from([*MARKS, *CODES, "if __name__ == '__main__':\n    pass", "Text."])


def check_whole(found: Extraction) -> None:
    assert (found.source is None) == bool(found.problem)
    if found.source is not None:
        names = {
            node.name
            for node in ast.walk(ast.parse(found.source))
            if isinstance(node, ast.FunctionDef)
        }
        assert names & set(NAMES)


@settings(max_examples=150, deadline=None)
@given(st.text(), st.booleans())
def test_never_raises_on_text(reply: str, length_cut: bool) -> None:
    check_whole(extract_code(reply, length_cut=length_cut))


@settings(max_examples=250, deadline=None)
@given(st.lists(PIECES | st.text(max_size=8), max_size=14), st.booleans())
def test_never_raises_on_mixes_of_fences(pieces: list[str], length_cut: bool) -> None:
    check_whole(extract_code("\n".join(pieces), length_cut=length_cut))


PROSE = st.text(st.characters(exclude_characters="`~", codec="utf-8"), max_size=80)
LINES = st.sampled_from(
    [
        "A = 1",
        "",
        "# note: ```",
        'B = """x\n  \n ``` y"""',
        NORM,
        POTENTIAL,
        "print(1)",
        "A += 1\t",
        "C = {\n}",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    PROSE,
    st.lists(LINES, max_size=6),
    st.lists(LINES, max_size=6),
    PROSE,
    st.sampled_from(["```", "~~~", "````"]),
)
def test_any_module_comes_back_verbatim(
    before: str, head: list[str], tail: list[str], after: str, mark: str
) -> None:
    module = "\n".join([*head, REWARD, *tail])
    assert ok(f"{before}\n{mark}python\n{module}\n{mark}\n{after}").rstrip() == module.rstrip()
