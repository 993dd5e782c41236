"""A trial's specs -> its running functions, each in a separate program host.

The one place where the trainer and the sandbox meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rewardsmith.program import EntryPoint, Style
from rewardsmith.run.trials import TrialJob
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.task.layout import Layout, shapes_of
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import open_reward
from rewardsmith.terms.term import Opening, ProgramFunction

if TYPE_CHECKING:  # these load Stable-Baselines3
    from rewardsmith.train.trainers import OpenFunctions, RunningFunctions
    from rewardsmith.train.vectors import RecordedVecEnv

# Transitions per call. A batched program gets no larger batch than the checks compare with single
# transitions; one that takes single transitions must answer within the host's time too.
_AT_ONCE: dict[Style, int] = {"batched": 512, "per_transition": 64}


@contextmanager
def running_functions(
    task: Task, job: TrialJob, limits: Limits = DEFAULT_LIMITS
) -> Iterator[OpenFunctions]:
    """A way to start a trial's functions, as often as needed; their hosts end with the context."""
    hosts: list[ProgramHost] = []

    def open_functions(venv: RecordedVecEnv) -> RunningFunctions:
        from rewardsmith.train.trainers import RunningFunctions

        def host(function: ProgramFunction) -> ProgramHost:
            capacity = _AT_ONCE[function.style]
            hosts.append(
                open_host(
                    function.source, function.entry, venv.layout, capacity, function.style, limits
                )
            )
            return hosts[-1]

        reward = open_reward(job.reward, Opening(task, venv.buffers, venv.envs[0], host))
        return RunningFunctions(reward, host(job.q_prior) if job.q_prior is not None else None)

    try:
        yield open_functions
    finally:
        for host in hosts:
            host.close()


def open_host(
    source: str,
    entry: EntryPoint,
    layout: Layout,
    capacity: int,
    style: Style = "batched",
    limits: Limits = DEFAULT_LIMITS,
) -> ProgramHost:
    """A host for a function of a program, for a task with this layout.

    Args:
        capacity: transitions per call; larger batches are cut.

    Raises:
        ProgramError: the module failed when it was run.
        BoundaryError: no process could be started.
    """
    return ProgramHost(
        source, entry, shapes_of(layout), capacity=capacity, style=style, limits=limits
    )
