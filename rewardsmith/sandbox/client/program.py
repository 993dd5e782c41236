"""A program's functions, each in a host of its own, as one evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rewardsmith.parts import ProgramParts
from rewardsmith.program import EntryPoint, Style
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.sandbox.limits import DEFAULT_LIMITS, Limits
from rewardsmith.types import Shapes


class HostedProgram(ProgramParts):
    """The reward and the potential of an accepted program, running.

    Args:
        entries: its functions by name; others than these two are left alone.
        shapes: at least the arguments that they ask for.
        capacity: transitions per call of a host; larger batches are cut.
        style: of the reward; a potential is always batched.
        gamma: the learner's discount.

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
    ) -> None:
        self._hosts: list[ProgramHost] = []
        try:
            for name in ("reward", "potential"):
                if name in entries:
                    form: Style = (style or "batched") if name == "reward" else "batched"
                    options = {"capacity": capacity, "style": form, "limits": limits}
                    self._hosts.append(ProgramHost(source, entries[name], shapes, **options))  # type: ignore[arg-type]
        except BaseException:
            self.close()
            raise
        hosts = {host.entry.name: host for host in self._hosts}
        super().__init__(hosts.get("reward"), hosts.get("potential"), gamma)

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
