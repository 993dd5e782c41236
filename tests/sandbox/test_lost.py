"""Effects of the machine and the caller on program hosts: no program is blamed, nothing is mixed up."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from rewardsmith.api.wrapper import RewardWrapper, load_program
from rewardsmith.errors import BoundaryError, ProgramError
from rewardsmith.sandbox.client import launch
from rewardsmith.sandbox.client.waiting import state_of
from rewardsmith.sandbox.limits import Limits
from tests.support.escapes import escaped, on_linux
from tests.support.hosts import columns, hosted, hosts_of, needs_proc, until
from tests.support.places import ROOT

ONES = {"x": np.ones(2)}
forks = pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning"
)  # of Python 3.12 on, where threads are


def script(body: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    head = (
        "import os, signal\nimport numpy as np\nfrom tests.support.escapes import escaped\n"
        "from tests.support.hosts import cpu_s_of_ended_hosts\n"
    )
    return subprocess.run(
        [sys.executable, "-c", head + body],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


# --- Forked processes


@forks
def test_each_process_of_a_vector_environment_gets_the_rewards_of_its_own_environment(
    tmp_path: Path,
) -> None:
    (tmp_path / "reward.py").write_text(
        "def reward(next_position, action):\n    return next_position - 0.001 * action\n"
    )
    program = load_program(tmp_path / "reward.py", "mountain-car")

    def make() -> gym.Env[np.ndarray, int]:
        return RewardWrapper(gym.make("MountainCar-v0"), program)

    envs = gym.vector.AsyncVectorEnv([make] * 3, context="fork")
    try:
        envs.reset(seed=0)
        rng = np.random.default_rng(0)
        for _ in range(100):  # shorter than an episode
            actions = rng.integers(0, 3, 3)
            obs, rewards, *_ = envs.step(actions)
            np.testing.assert_allclose(rewards, obs[:, 0] - 0.001 * actions, atol=1e-6)
    finally:
        envs.close()
        program.close()


@forks
def test_a_fork_neither_uses_nor_ends_the_host_that_it_inherited() -> None:
    with hosted("return {'a': position}") as host:
        host(columns(2))
        children = []
        for seed in range(2):
            child = os.fork()
            if child == 0:
                try:
                    given = columns(8, seed)
                    good = all(
                        np.array_equal(host(given).terms["a"], given["position"])
                        for _ in range(300)
                    )
                    host.close()
                    os._exit(0 if good else 3)
                finally:
                    os._exit(4)
            children.append(child)
        given = columns(8, 9)
        for _ in range(300):
            np.testing.assert_array_equal(host(given).total, given["position"])
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
        np.testing.assert_array_equal(host(given).total, given["position"])


# --- Killed, stopped, starved


@on_linux
def test_a_host_that_was_killed_from_outside_is_the_machines_fault_and_replaced() -> None:
    with escaped("pass") as host:
        host(ONES)
        os.kill(host.pid, signal.SIGKILL)
        with pytest.raises(BoundaryError, match="killed from outside") as caught:
            host(ONES)
        assert (caught.value.where, caught.value.retryable) == ("sandbox", True)
        assert host(ONES).total.tolist() == [1, 1]


@on_linux
def test_a_host_that_was_stopped_is_the_machines_fault_and_one_that_sleeps_is_not() -> None:
    with hosted("return position") as host:
        host(columns(2))
        os.kill(host.pid, signal.SIGSTOP)
        with pytest.raises(BoundaryError, match="stopped") as caught:
            host(columns(2))
        assert caught.value.retryable
        assert host(columns(2)).total.shape == (2,)
    lock = "lock = IMPORT('_thread').allocate_lock(); lock.acquire(); lock.acquire()"
    for sleep in ("IMPORT('time').sleep(9)", lock):
        with hosted(sleep) as host, pytest.raises(ProgramError) as blamed:
            host(columns(2))
        assert blamed.value.reason == "timeout"


@on_linux
def test_a_program_that_hangs_up_or_sets_the_timer_is_still_to_blame() -> None:
    hang_up = "IMPORT('os').close(IMPORT('sys')._getframe(3).f_locals['self']._control)"
    for body, reason in {hang_up: "died", "IMPORT('signal').setitimer(0, 0.05)": "timeout"}.items():
        with hosted(f"{body}\n    while True: pass") as host, pytest.raises(ProgramError) as caught:
            host(columns(2))
        assert caught.value.reason == reason


@on_linux
def test_an_idle_zygote_that_was_killed_is_replaced() -> None:
    launch.zygotes()
    old = launch.zygote()
    os.kill(old.pid, signal.SIGKILL)
    assert until(lambda: state_of(old.pid) in ("", "Z"))
    with escaped("pass") as host:
        assert host(ONES).total.tolist() == [1, 1]
    assert launch.zygote() is not old


@needs_proc
def test_ctrl_c_while_a_host_is_started_leaves_the_others_alone() -> None:
    with escaped("pass") as host:
        zygote = launch.zygote()
        os.kill(zygote.pid, signal.SIGSTOP)  # a busy machine: it answers late

        def interrupt() -> None:
            assert until(lambda: bool(zygote._forks)), "a host is asked for"
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            escaped("pass")
        os.kill(zygote.pid, signal.SIGCONT)
        assert host(ONES).total.tolist() == [1, 1]
        for _ in range(2):  # the unread answer is not taken for theirs
            with escaped("pass") as other:
                assert other.pid != host.pid and other(ONES).total.tolist() == [1, 1]
        assert launch.zygote() is zygote
        assert hosts_of(zygote) == [str(host.pid)]


# --- The caller's process


def test_closed_by_another_thread() -> None:
    with hosted("while True: pass", limits=Limits(call_s=600.0, load_s=600.0)) as host:
        threading.Timer(0.1, host.close).start()
        with pytest.raises(ValueError, match="closed"):
            host(columns(2))


@needs_proc
def test_without_a_free_descriptor_no_host_starts_and_nothing_leaks() -> None:
    escaped("pass").close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    gc.collect()
    before = sorted(os.listdir("/proc/self/fd"), key=int)
    for free in range(4):  # memory, two ends of a socket, and what mmap keeps
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(before[-1]) + 8, hard))
        taken = []
        try:
            with suppress(OSError):
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            for _ in range(free):
                os.close(taken.pop())
            if free < 3:
                with pytest.raises(BoundaryError) as caught:
                    escaped("pass")
                assert caught.value.retryable
            else:
                escaped("pass").close()
        finally:
            for number in taken:
                os.close(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert sorted(os.listdir("/proc/self/fd"), key=int) == before


@on_linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root loses the right to end its hosts")
def test_a_root_that_may_not_signal_other_users_ends_its_hosts_all_the_same() -> None:
    drop = """
import ctypes, struct
libc = ctypes.CDLL(None)
header, data = struct.pack("=Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
libc.capget(header, data)
words = [word & ~(1 << 5) if i < 2 else word for i, word in enumerate(struct.unpack("=6I", data.raw))]  # CAP_KILL
assert libc.prctl(24, 5, 0, 0, 0) == 0 == libc.capset(header, struct.pack("=6I", *words))
for attack in ("pass", "sum(range(10**18))"):
    host = escaped(attack)
    if attack == "pass":
        host({"x": np.ones(2)})
    else:
        try:
            host({"x": np.ones(2)})
        except Exception as error:
            assert getattr(error, "reason", "") == "timeout", error
    host.close()
    assert cpu_s_of_ended_hosts(host.zygote) < 4
    assert host.zygote.usable and not os.path.exists(f"/proc/{host.pid}")
"""
    done = script(drop)
    assert done.returncode == 0, done.stderr


def test_a_caller_that_ignores_or_blocks_signals_changes_nothing() -> None:
    body = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGCHLD])
with escaped("pass") as host:
    assert host({"x": np.ones(2)}).total.tolist() == [1, 1]
"""
    done = script(body)
    assert done.returncode == 0, done.stderr
