"""The program host: real processes, their output, and what is left after their end."""

from __future__ import annotations

import gc
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardsmith.errors import BoundaryError, ProgramError
from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.client import launch
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.client.waiting import cpu_s
from rewardsmith.sandbox.limits import Limits
from tests.support.hosts import (
    FLOAT,
    QUICK,
    SHAPES,
    alive,
    columns,
    cpu_s_of_ended_hosts,
    hosted,
    needs_proc,
    until,
)
from tests.support.places import ROOT


def failure(body: str, arguments: str = "position", n: int = 3, **options: Any) -> ProgramError:
    with hosted(body, arguments, **options) as host, pytest.raises(ProgramError) as caught:
        host(columns(n))
    return caught.value


def test_terms_total_and_what_differs() -> None:
    given_ = columns(5)
    x = given_["position"]
    with hosted(
        'return {"a": position, "one": 1, "yes": position > 0, "col": position[:, None]}'
    ) as host:
        out = host(given_)
        assert list(out.terms) == ["a", "one", "yes", "col"]
        np.testing.assert_allclose(out.total, 2 * x + 1 + (x > 0))
        assert out.total.dtype == out.terms["yes"].dtype == FLOAT
        before = out.total.copy()
        host(columns(5, seed=1))
        np.testing.assert_array_equal(out.total, before)  # a copy, not a view of shared memory
    with hosted('return position + 1.0, {"a": position}') as host:
        np.testing.assert_allclose(host(given_).terms["_rest"], np.ones(5))
    with hosted('return 2 * position, {"a": position, "b": position}') as host:
        assert list(host(given_).terms) == ["a", "b"]
    with hosted("return 3") as host:
        assert host(given_).total.tolist() == [3.0] * 5


def test_chunks_and_nothing() -> None:
    with hosted('return {"a": position, "b": goal[:, 1]}', "position, goal", capacity=7) as host:
        given_ = columns(30)
        np.testing.assert_array_equal(host(given_).terms["b"], given_["goal"][:, 1])
        empty = host(columns(0))
        assert empty.total.shape == (0,)
        assert list(empty.terms) == ["a", "b"]


def test_one_transition_at_a_time() -> None:
    body = "side = 1.0 if position > 0 else -1.0\n    "
    body += (
        'return side + np.linalg.norm(goal) + (10 if terminated else 0), {"a": goal[0] * action}'
    )
    given_ = columns(40)
    with hosted(body, "position, goal, action, terminated", style="per_transition") as host:
        out = host(given_)
    expected = (
        np.sign(given_["position"])
        + np.linalg.norm(given_["goal"], axis=1)
        + 10 * given_["terminated"]
    )
    np.testing.assert_allclose(out.total, expected)
    np.testing.assert_allclose(out.terms["a"], given_["goal"][:, 0] * given_["action"])


def test_arguments_by_position_and_by_name() -> None:
    source = "def reward(position, /, scale=2.0, *, terminated):\n    return scale * position + terminated\n"
    entry = EntryPoint("reward", ("position", "terminated"), "reward")
    given_ = columns(4)
    with ProgramHost(source, entry, SHAPES, capacity=4) as host:
        np.testing.assert_allclose(
            host(given_).total, 2 * given_["position"] + given_["terminated"]
        )


def test_q_prior_without_action_gives_one_value_an_action() -> None:
    with hosted(
        "return np.stack([position, -position], axis=1)", entry="q_prior", capacity=3
    ) as host:
        given_ = columns(5)
        np.testing.assert_array_equal(
            host(given_).total, np.stack([given_["position"], -given_["position"]], 1)
        )
        assert host.apply(given_, "batched").total.shape == (5, 2)
    assert "n_actions" in failure("return position[:2]", entry="q_prior").message


def test_annotations_and_their_imports_do_not_matter() -> None:
    source = (
        "from __future__ import annotations\nfrom typing import Dict, Optional\nimport numpy as np\n"
        "def reward(position: np.ndarray, k: Optional[int] = 2) -> Dict[str, Undefined]:\n"
        "    x: float\n    y: Nothing = position * k\n    return {'y': y.sum(axis=-1) * 0 + y.mean() * 0 + y}\n"
    )
    with ProgramHost(
        source, EntryPoint("reward", ("position",), "reward"), SHAPES, capacity=4
    ) as host:
        np.testing.assert_allclose(host(columns(4)).total, 2 * columns(4)["position"])


BAD_OUTPUTS = [
    ("return None", "None"),
    ("return 'good'", "str"),
    ("return [1.0, 2.0]", "list of 2"),
    ("return position[:2]", r"\(2,\)"),
    ("return {'a': position * 1j}", "complex"),
    ("return {'a': 'b'}", "term 'a' is a str"),
    ("return {}", "empty dict"),
    ("return {1: position}", "named 1"),
    ("return {'_rest': position}", "_rest"),
    ("return {str(i): 1.0 for i in range(65)}", "65 terms"),
    ("return position, position", "tuple of 2"),
    ("return {'a': np.where(position > 9, None, None)}", "object"),
]


@pytest.mark.parametrize(("body", "told"), BAD_OUTPUTS)
def test_output_outside_the_contract(body: str, told: str) -> None:
    error = failure(body)
    assert error.reason == "output"
    assert re.search(told, error.message), error.message


def test_forms_of_the_other_entry_points() -> None:
    assert (
        "potential returned a dict" in failure("return {'a': position}", entry="potential").message
    )
    assert "booleans" in failure("return {'a': position * 1.0}", entry="subgoals").message
    assert "dict of boolean" in failure("return position > 0", entry="subgoals").message
    with hosted("return {'a': position > 0, 'b': True}", entry="subgoals") as host:
        assert host(columns(6)).terms["b"].tolist() == [1.0] * 6


def test_terms_may_not_change_but_their_order_may() -> None:
    body = "return {'a': position, 'b': 2.0} if len(position) > 3 else {'b': 2.0, 'a': position}"
    with hosted(body) as host:
        host(columns(4))
        np.testing.assert_array_equal(host(columns(3)).terms["a"], columns(3)["position"])
    with hosted("return {'a': position} if len(position) < 3 else {'b': position}") as host:
        host(columns(2))
        with pytest.raises(ProgramError, match="terms changed"):
            host(columns(3))
        assert host(columns(2)).total.shape == (2,)  # an output error does not end the host


def test_exceptions_tell_type_message_and_line() -> None:
    error = failure("x = 1\n    return position[17 + x]")
    assert (error.reason, error.line) == ("exception", 6)
    assert error.message.startswith("IndexError: ")
    assert failure("IMPORT('sys').exit(0)").message == "SystemExit: 0"
    assert "read-only" in failure("position[0] = 1.0\n    return position").message
    assert len(failure("raise ValueError('x' * 9000)").message) <= 300
    with pytest.raises(ProgramError, match="ZeroDivisionError") as caught:
        ProgramHost("X = 1 / 0\n", EntryPoint("reward", (), "reward"), SHAPES, capacity=1)
    assert caught.value.line == 1


@needs_proc
@pytest.mark.parametrize(
    "body", ["while True: pass", "return sum(range(10**18))"], ids=["python", "in C"]
)
def test_a_hang_is_ended_and_remembered(body: str) -> None:
    with hosted(body) as host:
        before = cpu_s_of_ended_hosts(host.zygote)
        for _ in range(2):
            with pytest.raises(ProgramError) as caught:
                host(columns(3))
            assert caught.value.reason == "timeout"
        assert cpu_s_of_ended_hosts(host.zygote) - before < QUICK.load_s + 1.5
        assert not alive(host.pid)
    with pytest.raises(ProgramError) as caught:
        ProgramHost(
            "while True: pass\n",
            EntryPoint("reward", (), "reward"),
            SHAPES,
            capacity=1,
            limits=QUICK,
        )
    assert caught.value.reason == "timeout"


def test_memory_is_refused_and_the_parent_unharmed() -> None:
    for body in (
        "return position * np.ones((200000, 200000))[0, 0]",
        "x = [0.0]\n    while True: x = x + x",
    ):
        error = failure(body, limits=Limits(call_s=5.0, memory_mb=700))
        assert error.reason == "memory", error


@pytest.mark.parametrize("death", ["IMPORT('os')._exit(3)", "IMPORT('ctypes').string_at(0)"])
def test_a_death_is_reported_and_remembered(death: str) -> None:
    with hosted(death) as host:
        for _ in range(2):
            with pytest.raises(ProgramError) as caught:
                host(columns(3))
            assert caught.value.reason == "died"
            assert ("exit status 3" if "exit" in death else "signal 11") in caught.value.message


def test_a_host_that_lies_is_not_believed() -> None:
    lies = [
        b"\xff" * 8,
        b"\x00\x00\x09\x00" + b"\x00" * 4,
        b"\x01\x00\x01\x00\xff\xff\xff\x7f",
        b"\x02\x00\x00\x00\x02\x00\x00\x00[]",
        b'\x01\x00\x01\x00\x04\x00\x00\x00[""]',
        b'\x01\x00\x01\x00\x09\x00\x00\x00["_rest"]',
        b'\x01\x02\x01\x00\x05\x00\x00\x00["a"]',
    ]
    for lie in lies:
        body = f"IMPORT('os').write(IMPORT('sys')._getframe(3).f_locals['self']._control, {lie!r})\n    return position"
        assert failure(body).reason == "died", lie


def test_a_reply_has_the_form_of_the_first() -> None:
    change = "IMPORT('sys')._getframe(2).f_locals['writer']._width = None\n    "
    with hosted(change + "return np.ones((len(position), len(position)))", entry="q_prior") as host:
        assert host(columns(3)).total.shape == (3, 3)
        with pytest.raises(ProgramError, match="interfered"):
            host(columns(2))
    flags = "IMPORT('sys')._getframe(2).f_locals['writer']._has_total = len(position) != 2\n    "
    with hosted(
        flags + "return (position, {'a': 1.0}) if len(position) != 2 else {'a': 1.0}"
    ) as host:
        host(columns(3))
        with pytest.raises(ProgramError, match="interfered"):
            host(columns(2))
    with (
        hosted(change + "return position", entry="q_prior") as host,
        pytest.raises(ProgramError, match="n_actions"),
    ):
        host(columns(2))


def test_the_process_has_no_keys_no_output_and_no_folder() -> None:
    body = (
        "os = IMPORT('os')\n    assert not os.environ, os.environ\n"
        "    os.write(1, b'noise')\n    os.write(2, b'noise')\n"
        "    return position"
    )
    os.environ["REWARDSMITH_TEST_KEY"] = "secret"
    try:
        with hosted(body) as host:
            host(columns(3))
            if Path("/proc/self/environ").exists():
                assert b"secret" not in Path(f"/proc/{host.zygote.pid}/environ").read_bytes()
    finally:
        del os.environ["REWARDSMITH_TEST_KEY"]


def test_builtins_are_few() -> None:
    for name in ("open", "getattr", "exec", "type", "globals"):
        assert "NameError" in failure(f"return {name}").message
    assert "NameError" in failure("import os\n    return os.name").message


PARENT = """
import numpy as np
from rewardsmith.program import EntryPoint
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.limits import Limits
entry = EntryPoint("reward", ("position",), "reward")
limits = Limits(call_s=600.0, load_s=600.0)  # no limit ends it: its parent's death does
shapes = {{"position": ((), np.dtype(float))}}
host = ProgramHost({source!r}, entry, shapes, capacity=4, limits=limits)
print(host.pid, flush=True)
host({{"position": np.zeros(2)}})
input()
"""


@needs_proc
def test_a_host_dies_with_its_parent_even_in_an_endless_loop() -> None:
    for body in ("return sum(range(10**18))", "return position"):
        script = PARENT.format(source=f"def reward(position):\n    {body}\n")
        parent = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert parent.stdin is not None and parent.stdout is not None
        with parent, parent.stdin, parent.stdout:
            pid = int(parent.stdout.readline())
            busy = "sum" in body
            assert until(lambda pid=pid, busy=busy: (cpu_s(pid) or 0.0) > 0.2 or not busy)
            assert alive(pid)
            parent.send_signal(signal.SIGKILL)
            parent.wait()
            assert until(lambda pid=pid: not alive(pid))


@needs_proc
def test_nothing_is_left_after_many_hosts() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def children() -> int:
        parents = [os.getpid(), *(zygote.pid for zygote in launch.zygotes())]
        tasks = [file for pid in parents for file in Path(f"/proc/{pid}/task").glob("*/children")]
        return sum(len(file.read_text().split()) for file in tasks)

    def open_and_use(i: int) -> None:
        entry = EntryPoint("reward", ("position",), "reward")
        host = ProgramHost(
            "def reward(position):\n    return position\n", entry, SHAPES, capacity=2
        )
        host(columns(2))
        if i % 2:  # the others are left to the garbage collector
            host.close()
            host.close()

    gc.collect()
    before = children(), descriptors()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_use, range(50)))
    gc.collect()
    open_and_use(1)  # what the garbage collector killed is reaped at the next occasion
    assert (children(), descriptors()) == before


def test_a_closed_host_says_so() -> None:
    with hosted("return position") as host:
        pass
    with pytest.raises(ValueError, match="closed"):
        host(columns(2))


def test_wrong_columns_are_the_callers_mistake() -> None:
    with hosted("return position", "position, goal") as host:
        with pytest.raises(ValueError, match="goal"):
            host({**columns(3), "goal": np.zeros((3, 4))})
        with pytest.raises(ValueError, match="lengths"):
            host({**columns(3), "goal": np.zeros((2, 2))})


def test_many_threads_one_host() -> None:
    wrong: list[int] = []
    with hosted("return position * 2") as host:

        def work(seed: int) -> None:
            given_ = columns(50, seed)
            for _ in range(100):
                if not np.array_equal(host(given_).total, 2 * given_["position"]):
                    wrong.append(seed)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_a_failed_start_is_the_sandboxs_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_zygotes", {})
    monkeypatch.setattr(launch, "_BOOT", "raise RuntimeError('no numpy today')")
    with pytest.raises(BoundaryError, match="no numpy today"), hosted("return position"):
        pass
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(BoundaryError, match="cannot be started"), hosted("return position"):
        pass


FORMULA = 'return {"a": np.sin(position) * action, "b": np.where(terminated, np.linalg.norm(goal, axis=-1), -1.0)}'
FINITE = st.floats(-1e6, 1e6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FINITE, FINITE, FINITE, st.integers(-5, 5), st.booleans()), max_size=40))
def test_the_host_computes_what_numpy_computes(
    shared_host: ProgramHost, rows: list[tuple[Any, ...]]
) -> None:
    table = np.array([row[:3] for row in rows], dtype=float).reshape(-1, 3)
    given_ = {"position": table[:, 0], "goal": table[:, 1:]}
    given_["action"] = np.array([row[3] for row in rows], dtype=np.int64)
    given_["terminated"] = np.array([row[4] for row in rows], dtype=bool)
    out = shared_host(given_)
    a = np.sin(given_["position"]) * given_["action"]
    b = np.where(given_["terminated"], np.linalg.norm(given_["goal"], axis=-1), -1.0)
    np.testing.assert_array_equal(out.total, a + b)
    if rows:
        np.testing.assert_array_equal(out.terms["b"], b)


@pytest.fixture(scope="module")
def shared_host() -> Iterator[ProgramHost]:
    with hosted(FORMULA, "position, goal, action, terminated", capacity=16) as host:
        yield host


def test_latency(capsys: pytest.CaptureFixture[str]) -> None:
    with hosted(
        'return {"a": position, "b": goal[:, 0], "c": action}',
        "position, goal, action",
        capacity=1024,
    ) as host:
        lines = []
        for n in (1, 16, 1024):
            given_, times = columns(n), []
            for _ in range(300):
                start = time.perf_counter()
                host(given_)
                times.append(time.perf_counter() - start)
            lines.append(f"n={n}: {statistics.median(times) * 1e6:.0f} us")
        with capsys.disabled():
            print(f"\nround trip of a program host, median: {', '.join(lines)}")
    assert math.isfinite(sum(times))
