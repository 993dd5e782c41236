"""The namespace of a program, which offers no place to store anything."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.allowed import ATTRIBUTES, LINALG, MATH, NUMPY
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.dtypes import NotAvailable
from rewardsmith.sandbox.inside import facades
from rewardsmith.sandbox.inside.frozen import StateError, freeze
from rewardsmith.sandbox.inside.namespace import FILENAME, new_namespace, program_tree


def loaded(source: str) -> dict[str, Any]:
    """The namespace of a module after it was run here and frozen, without the static rules."""
    namespace = new_namespace()
    exec(compile(program_tree(source), FILENAME, "exec"), namespace)
    freeze(namespace)
    return namespace


IMPORTS = """
import numpy
import numpy as np, math
import numpy.linalg
import numpy.linalg as la
from numpy import linalg as LA, exp
from math import pi as PI, sqrt
from typing import Dict
from __future__ import annotations
def f():
    import numpy as inner
    return inner.pi
"""


def test_imports_become_facades() -> None:
    found = loaded(IMPORTS)
    assert found["numpy"] is found["np"] is facades.MODULES["numpy"]
    assert found["la"] is found["LA"] is found["np"].linalg
    assert found["exp"] is np.exp and found["PI"] == math.pi and found["f"]() == np.pi
    assert "Dict" not in found
    assert not any(
        isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(program_tree(IMPORTS))
    )


@pytest.mark.parametrize(
    "name", ["load", "save", "fromfile", "random", "lib", "ctypeslib", "testing", "f2py", "r_"]
)
def test_the_facade_lacks_what_is_dangerous(name: str) -> None:
    assert not hasattr(facades.MODULES["numpy"], name)
    assert name not in ATTRIBUTES


def test_facades_hold_the_real_functions_and_nothing_else() -> None:
    for module, names in (("numpy", NUMPY), ("numpy.linalg", LINALG), ("math", MATH)):
        public = {name for name in vars(facades.MODULES[module]) if not name.startswith("__")}
        assert public == names
    assert facades.MODULES["numpy"].exp is np.exp


def test_types_cannot_be_used_to_change_what_is_frozen() -> None:
    found = loaded("import numpy as np\nL, D, S, A = list, dict, set, np.ndarray\n")
    assert not any(
        hasattr(found[name], method)
        for name in "LDS"
        for method in ("append", "update", "add", "pop")
    )
    assert (
        isinstance([], found["L"])
        and isinstance({}, found["D"])
        and isinstance(np.zeros(1), found["A"])
    )
    assert found["L"]((1, 2)) == [1, 2] and found["D"](a=1) == {"a": 1} and found["S"]([1]) == {1}
    with pytest.raises(NotAvailable, match=r"np\.zeros"):
        found["A"](3)


def test_padding_leaves_no_memory_as_it_was() -> None:
    pad = loaded("import numpy as np\nP = np.pad\n")["P"]
    for mode in ("empty", np.str_("empty")):
        with pytest.raises(NotAvailable, match="another mode"):
            pad(np.ones(1), 3, mode)
    for mode in ("constant", "edge", lambda vector, width, axis, options: None):
        assert pad(np.ones(1), 1, mode)[1] == 1.0
    np.testing.assert_array_equal(pad([1.0], (1, 0), constant_values=2.0), [2.0, 1.0])


KEEPERS = {
    "list": "M = [0]\ndef f(): M.append(1)\n",
    "list item": "M = [0]\ndef f(): M[0] += 1\n",
    "alias": "M = [0]\ndef f():\n    m = M\n    m += [1]\n",
    "nested": "M = ({'a': [0]},)\ndef f(): M[0]['a'].append(1)\n",
    "dict": "M = {}\ndef f(): M.setdefault('n', 1)\n",
    "set": "M = {1}\ndef f(): M.add(2)\n",
    "array": "import numpy as np\nM = np.zeros(2)\ndef f(): M[0] = 1\n",
    "view": "import numpy as np\nM = np.zeros((2, 2))\nV = M[0]\ndef f(): V[0] = 1\n",
    "array in a list": "import numpy as np\nM = [np.zeros(2)]\ndef f(): M[0][0] = 1\n",
    "closure": "def make():\n    kept = [0]\n    def g(): kept.append(1)\n    return g\nf = make()\n",
    "closure over an array": "import numpy as np\ndef make():\n    k = np.zeros(1)\n    return lambda: k.fill(1)\n"
    "f = make()\n",
    "default": "def make():\n    kept = [0]\n    return lambda k=kept: k.append(1)\nf = make()\n",
    "keyword default": "def make():\n    kept = {}\n    def g(*, k=kept): k['x'] = 1\n    return g\nf = make()\n",
    "key of a dict": "def make():\n    kept = [0]\n    return lambda: kept.append(1)\n"
    "M = {make(): 1}\ndef f(): [g() for g in M]\n",
    "inside a key": "def make():\n    kept = [0]\n    return lambda: kept.append(1)\n"
    "M = {(make(), 2): 1}\ndef f(): [g() for g, _ in M]\n",
    "bound through another": "M = [0]\nN = {'m': M}\ndef f(): N['m'].extend([1])\n",
}


@pytest.mark.parametrize("name", KEEPERS)
def test_nothing_can_be_kept(name: str) -> None:
    found = loaded(KEEPERS[name])
    with pytest.raises((NotAvailable, ValueError, AttributeError)):
        found["f"]()


REFUSED = {
    "iterator": "M = iter([1, 2])\n",
    "generator": "M = (i for i in [1])\n",
    "map": "M = map(abs, [1])\n",
    "enumerate": "M = [enumerate([1])]\n",
    "bound method": "M = [].append\n",
    "function in a set": "M = {lambda: 1}\n",
    "function in a tuple in a set": "M = {(1, (abs,))}\n",
    "context": "import numpy as np\nM = np.errstate(all='ignore')\n",
    "slice of a list": "M = slice([0.0], None)\n",
    "slice in a tuple": "M = (slice(0, [1]),)\n",
    "tuple that holds itself": "def make():\n    kept = []\n    pair = (kept,)\n    kept.append(pair)\n"
    "    return pair\nM = make()\n",
    "set that its own item knows": "def make():\n    s = set()\n    s.add(lambda: s.add(1))\n    return s\n"
    "M = make()\n",
    "in a closure": "def make():\n    it = iter([1])\n    return lambda: next(it)\nf = make()\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_changes_by_being_used_is_refused(name: str) -> None:
    with pytest.raises(StateError, match=r"module-level [Mf]"):
        loaded(REFUSED[name])


@pytest.mark.parametrize(
    "value", [np.zeros(1, dtype=[("a", "f8")])[0], np.array([[], None], dtype=object)]
)
def test_records_and_objects_are_refused_wherever_they_come_from(value: Any) -> None:
    with pytest.raises(StateError, match="module-level M"):
        freeze({"M": value})


NO_NUMBERS = (
    *(
        "np.array('now', dtype='M8[s]')",
        "np.array('now', 'M' + '8[s]')",
        "np.full(1, 1, dtype=''.join(['M', '8']))",
    ),
    *(
        "np.zeros(1).astype(('M8[s]',)[0])",
        "np.dtype('M8')",
        "np.result_type('m8')",
        "np.promote_types('O', 'O')",
    ),
    *(
        "np.maximum.reduce([['now']], 0, 'M8[s]')",
        "np.maximum('now', 'now', dtype='M8[s]', casting='unsafe')",
    ),
    *(
        "np.zeros(1, [('a', 'f8')])",
        "np.zeros(1, dtype='f8,f8')",
        "np.array([abs])",
        "np.array([None, 1])",
    ),
    *(
        "np.full(1, 'x')",
        "np.array('x' * 60)",
        "np.ones(1).astype(str)",
        "np.arange(0, 2, 1, 'M8')",
    ),
    *(
        "np.full_like([1.0], 2, 'O')",
        "np.linspace(0, 1, 2, True, False, 'O')",
        "np.array([10 ** 30])",
    ),
)


@pytest.mark.parametrize(
    "made", [*NO_NUMBERS, "[f(1, 'O') for f in [np.array]]", "list(map(np.zeros, [1], ['O']))"]
)
def test_arrays_hold_numbers_only(made: str) -> None:
    with pytest.raises(NotAvailable):
        loaded(f"import numpy as np\nX = {made}\n")


@pytest.mark.parametrize("method", ["sum", "mean", "prod", "std", "var", "cumsum", "cumprod"])
def test_no_method_makes_dates_of_its_second_argument(method: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        getattr(np.array(["now"]), method)(0, "M8[s]")
    with pytest.raises((TypeError, ValueError)):
        getattr(np, method)(np.array(["now"]), 0, "M8[s]")


def test_types_of_numbers_go_on_working() -> None:
    x = loaded(
        "import numpy as np\nT = np.float32\ndef f(x, kind=float): return np.asarray(x, dtype=kind)\n"
        "A = [np.zeros(2, T), np.zeros((2, 3), dtype='f4').astype(int), f([1], bool), np.array([1], '<i8').astype(T),"
        "np.dtype(float), np.ones_like(f(1.0), dtype=f(1).dtype), np.add.reduce([1, 2], 0, T), np.eye(2, dtype=bool)]\n"
        "B = isinstance(A[4], np.dtype), np.result_type(A[0], float), np.promote_types('f4', T), isinstance('a', str)\n"
    )
    kinds = [np.dtype(getattr(value, "dtype", value)).str for value in x["A"]]
    assert kinds == ["<f4", "<i8", "|b1", "<f4", "<f8", "<f8", "<f4", "|b1"]
    assert x["B"] == (True, np.dtype(float), np.dtype(np.float32), True)


ADDRESSES = (
    "f'{f}'",
    "str(f)",
    "f'{[1, (f,)]}'",
    "f'{ {f: 1} }'",
    "T % f",
    "T % (f,)",
    "str(np)",
    "f'{list!r}'",
)
ADDRESSES += (
    "str(iter(()))",
    "str(list)",
    "f'{ {1, 2} }'",
    "str({'a'})",
    "f'{ValueError(1)}'",
    "[*map(str, [f])]",
)


@pytest.mark.parametrize("shown", ADDRESSES)
def test_no_text_tells_where_something_lies(shown: str) -> None:
    with pytest.raises(NotAvailable):
        loaded(f"import numpy as np\nT = '%s'\ndef f(): pass\nX = {shown}\n")


def test_texts_of_numbers_and_names_go_on_working() -> None:
    source = "import numpy as np\nA = np.arange(2.0)\nL = [1, 'a']\n"
    source += "X = f'{A} {A[0]:.1f} {L!r} {A.shape} {A.dtype} {None}'\n"
    found = loaded(
        source
        + "Y = str(3) + str() + str.upper('a') + ','.join(map(str, L))\nZ = 7\nZ %= L[0] + 4\n"
    )
    assert found["X"] == "[0. 1.] 0.0 [1, 'a'] (2,) float64 None"
    assert found["Y"] == "3A1,a" and found["Z"] == 2


CONSTANTS = """
import numpy as np
import math
W = [0.1, 0.2]; ALSO = W; T = (1, [2, 3]); D = {"a": {"b": 1}}; IDX = [0, 2]; A = np.arange(6.0).reshape(3, 2)
LOOP = [1]; EPS = np.finfo(np.float64).eps; S = {1, 2}; R = range(3); F = np.float32(0.5); LOG = math.log
MAX = np.maximum.reduce; CUT = slice(1, None); AREAS = {(0, 1): 2.0, ("a", CUT.start): 1.0}; HANDLERS = {math.sin: 1}
def pair():
    a = lambda x: b(x) if x else 0
    b = lambda x: 0 if x else a(x)
    return a
A_AND_B = pair()
g = lambda v, scale=2.0: v * scale
def f(x):
    local = list(W); local.append(1.0)
    d = {**D, "c": 2}; d["e"] = 3
    assert AREAS[0, 1] == 2.0 and len(W[CUT]) == HANDLERS[math.sin] == 1 and A_AND_B(1) == 0
    more = (1 in S) + R[1] + F + LOG(math.e) + MAX([[1, 2], [3, 0]])[0] + EPS
    return g(x)[IDX] + sum(W) + len(W + [1]) + A[IDX].sum() + more
"""


def test_constants_go_on_working_as_they_were() -> None:
    found = loaded(CONSTANTS)
    assert found["ALSO"] is found["W"]
    assert isinstance(found["W"], list) and isinstance(found["D"], dict) and found["T"][1] == [2, 3]
    np.testing.assert_allclose(
        found["f"](np.arange(3.0)), np.array([0.0, 4.0]) + 0.3 + 3 + 10 + 1 + 1 + 0.5 + 1 + 3
    )


LEAVES = st.integers() | st.text(max_size=3)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)


@given(st.recursive(LEAVES, _nested, max_leaves=12))
def test_freezing_changes_no_value(value: Any) -> None:
    namespace = {"V": [value, (value,)]}
    freeze(namespace)
    assert namespace["V"] == [value, (value,)]


EVERYTHING = """
import numpy as np
def reward(x):
    a = np.abs(x) + 0.5
    m = np.stack([a, a + 1, a + 2], axis=1)
    s = m.T @ m + np.eye(3)
    parts = [np.median(m), np.quantile(m, 0.3), np.percentile(m, 20), np.std(m), np.var(m), np.ptp(m), m.cumsum()[-1],
             np.einsum('ij,ik->jk', m, m, optimize=True).sum(), np.linalg.norm(m), np.linalg.inv(s).sum(),
             np.linalg.det(s), np.linalg.solve(s, s[0]).sum(), np.linalg.eigh(s)[0].sum(), np.linalg.svd(s)[1].sum(),
             np.linalg.pinv(s).sum(), np.linalg.lstsq(m, a, rcond=None)[0].sum(), np.linalg.matrix_power(s, 2).sum(),
             np.polyfit(a, a, 1).sum(), np.polyval([1.0, 2.0], 3.0), np.interp(0.5, [0.0, 1.0], [1.0, 2.0]),
             np.histogram(a, bins=3)[0].sum(), np.unique(a).sum(), np.gradient(a).sum(), np.nanmedian(m),
             np.cov(m.T).sum(),
             np.corrcoef(m.T).sum(), np.average(a, weights=a), np.convolve(a, a).sum(), np.cross(m, m).sum(),
             np.pad(a, 1).sum(), np.tensordot(m, m, axes=2), np.kron(s, s).sum(), np.unwrap(a).sum(),
             np.apply_along_axis(np.sum, 1, m).sum(), np.piecewise(a, [a > 1], [1.0, 2.0]).sum(), np.isin(a, a).sum(),
             np.digitize(a, [0.6, 0.7]).sum(), np.select([a > 1], [a]).sum(), np.nan_to_num(a).sum(),
             np.meshgrid(a, a)[0].sum(),
             np.searchsorted(np.sort(a), 0.7), np.array_equal(a, a), np.bincount([0, 1]).sum()]
    text = f"{a} {a[0]:.3f} {m!r} {s.dtype}"
    try:
        a + np.zeros(99)
    except ValueError:
        text = text + "no"
    return {"sum": sum(float(p) for p in parts) + 0.0 * len(text) + 0.0 * a, "x": x}
"""


def test_all_of_numpy_that_is_offered_works_where_no_file_can_be_opened() -> None:
    entry = EntryPoint("reward", ("x",), "reward")
    with ProgramHost(EVERYTHING, entry, {"x": ((), np.dtype(float))}, capacity=32) as host:
        output = host({"x": np.linspace(-1, 1, 20)})
    assert np.isfinite(output.total).all()
