"""The reward and the potential of a program, each in a host of its own, as one reward.

A learned reward beside them runs in this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rewardsmith.learned.model import RewardModel
from rewardsmith.program import EntryPoint, Style
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.terms.learned import LearnedReward
from rewardsmith.terms.native import NativeReward
from rewardsmith.terms.potential import PotentialChange
from rewardsmith.terms.program import ProgramReward
from rewardsmith.terms.reward import Reward
from rewardsmith.terms.term import Term
from rewardsmith.types import Shapes


class HostedProgram(Reward):
    """The reward and the potential of an accepted program, running in hosts.

    Args:
        entries: its functions by name; only these two are started.
        shapes: at least those of the arguments that they read.
        capacity: transitions per call of a host; larger batches are cut.
        style: of the reward; a potential is always batched.
        gamma: the learner's discount.
        learned: a learned reward that is added, or stands alone if there are no functions.

    Raises:
        ProgramError: the module failed when it was run.
        BoundaryError: no process could be started.
    """

    def __init__(
        self,
        source: str,
        entries: Mapping[str, EntryPoint],
        shapes: Shapes,
        *,
        capacity: int,
        style: Style | None,
        gamma: float,
        limits: Limits = DEFAULT_LIMITS,
        learned: RewardModel | None = None,
    ) -> None:
        self._hosts: list[ProgramHost] = []
        try:
            for name in ("reward", "potential"):
                if name in entries:
                    form: Style = (style or "batched") if name == "reward" else "batched"
                    host = ProgramHost(
                        source, entries[name], shapes, capacity=capacity, style=form, limits=limits
                    )
                    self._hosts.append(host)
        except BaseException:
            self.close()
            raise
        hosts = {host.entry.name: host for host in self._hosts}
        terms: list[Term] = []
        if "reward" in hosts:
            terms.append(ProgramReward(hosts["reward"]))
        elif hosts or learned is None:
            terms.append(NativeReward())
        if "potential" in hosts:
            terms.append(PotentialChange(hosts["potential"], gamma))
        if learned is not None:
            terms.append(LearnedReward(learned))
        super().__init__(terms)

    def close(self) -> None:
        """End the hosts' processes."""
        for host in self._hosts:
            host.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()
