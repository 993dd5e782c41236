"""Local scheduling: cores, shares of GPUs and memory, without a GPU."""

from __future__ import annotations

import math

import pytest

from rewardsmith.engine.workers import machine as module
from rewardsmith.engine.workers.executor import Resources
from rewardsmith.engine.workers.machine import Machine, visible_gpus
from rewardsmith.errors import UsageError


def two_gpus(cores: float = 8, memory_mb: float = 1000) -> Machine:
    return Machine(cores, {"0": 1.0, "1": 1.0}, memory_mb)


def test_shares_of_one_gpu_are_spread_over_the_gpus_with_most_room() -> None:
    machine = two_gpus()
    shares = [machine.take(Resources(gpus=0.5)) for _ in range(4)]
    assert [share.gpus for share in shares if share is not None] == [("0",), ("1",)] * 2
    assert machine.take(Resources(gpus=0.25)) is None, "both GPUs are full"
    assert shares[2] is not None
    machine.give_back(shares[2])
    again = machine.take(Resources(gpus=0.25))
    assert again is not None and again.gpus == ("0",)


def test_thirds_add_up_to_a_whole_gpu() -> None:
    machine = Machine(8, {"0": 1.0})
    shares = [machine.take(Resources(gpus=1 / 3)) for _ in range(3)]
    assert all(shares) and machine.gpus == {"0": pytest.approx(0.0, abs=1e-5)}
    assert machine.take(Resources(gpus=1 / 3)) is None


def test_a_call_of_several_gpus_gets_different_ones() -> None:
    machine = two_gpus()
    share = machine.take(Resources(gpus=2))
    assert share is not None and set(share.gpus or ()) == {"0", "1"}
    assert machine.take(Resources(gpus=0.1)) is None
    machine.give_back(share)
    assert machine.gpus == {"0": 1.0, "1": 1.0}


def test_zero_keeps_a_call_off_every_gpu_and_none_leaves_them_uncounted() -> None:
    machine = two_gpus()
    off, uncounted = machine.take(Resources(gpus=0)), machine.take(Resources())
    assert off is not None and off.gpus == ()
    assert uncounted is not None and uncounted.gpus is None
    assert machine.gpus == {"0": 1.0, "1": 1.0} and machine.cores == 6


def test_cores_and_memory_are_taken_and_given_back_together() -> None:
    machine = two_gpus(cores=2)
    share = machine.take(Resources(cores=1.5, memory_mb=600))
    assert share is not None and (machine.cores, machine.memory_mb) == (0.5, 400)
    assert machine.take(Resources(cores=0.5, memory_mb=600)) is None
    assert machine.take(Resources(cores=1.0)) is None
    assert (machine.cores, machine.memory_mb) == (0.5, 400), "a refused call takes nothing"
    machine.give_back(share)
    assert (machine.cores, machine.memory_mb) == (2, 1000)


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        (Resources(cores=9), "9 cores, and 8"),
        (Resources(gpus=3), "3 GPUs, and this machine has 2"),
        (Resources(memory_mb=1001), "1,001 MB of memory"),
    ],
)
def test_what_this_machine_never_has_is_refused(needs: Resources, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        two_gpus().require(needs)
    two_gpus().require(Resources(cores=8, gpus=2, memory_mb=1000))


def test_gpus_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-a1,")
    assert visible_gpus() == ["3", "GPU-a1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []
    monkeypatch.setattr(module, "total_memory_mb", lambda: math.inf)
    here = Machine.here(3)
    assert here == Machine(3, {}, math.inf)
