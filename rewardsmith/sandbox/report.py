"""What holds on this machine, as its self-attacks found it: for ``run.json``, for results, and for ``doctor``."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import asdict, dataclass
from typing import Any

from rewardsmith.errors import BoundaryError
from rewardsmith.sandbox.client.launch import Zygote, zygote
from rewardsmith.sandbox.inside import landlock
from rewardsmith.sandbox.inside.attacks import ATTACKS, Level
from rewardsmith.sandbox.inside.confine import LAYERS


@dataclass(frozen=True)
class SandboxReport:
    """How well generated code is confined here.

    Attributes:
        level: strong, every attack was refused; medium, files and TCP are out of reach; weak, the
            rest.
        layers: what is taken from a program host beside the static rules, see :mod:`confine`.
        worked: attacks that were not refused.
        landlock: version of the kernel's Landlock, 0 where there is none; it also keeps trainers to
            their folder.
        system: operating system, kernel, machine.
    """

    level: Level
    layers: tuple[str, ...]
    worked: tuple[str, ...]
    landlock: int
    system: str

    def require(self, *, weak_allowed: bool) -> None:
        """Refuse to go on below strong.

        Raises:
            BoundaryError: with what was not refused.
        """
        if self.level == "strong" or weak_allowed:
            return
        if sys.platform == "linux":
            why = f"a program that breaks out could {', '.join(self.worked)}"
        else:
            why = f"{platform.system()} confines no process the way Linux does"
        raise BoundaryError(
            f"the sandbox is only {self.level} here: {why}",
            "see `rewardsmith doctor`; use Linux (or WSL2, or a container), or accept it with --allow-weak-sandbox",
            where="sandbox",
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def sandbox_report() -> SandboxReport:
    """What the zygote of this process found.

    Raises:
        BoundaryError: no process can be started here.
    """
    found = zygote().self_test
    worked = tuple(attack for attack in ATTACKS if attack not in found.stopped)
    return SandboxReport(found.level, found.layers, worked, landlock.version(), _system())


def attacks_by_layer(held: tuple[str, ...] = LAYERS) -> dict[str, tuple[str, ...]]:
    """Which attacks are refused under no layer, each layer alone, and all of them: a process of its own for each."""
    found = {}
    for name, layers in [("none", ()), *((layer, (layer,)) for layer in held), ("all", held)]:
        started = Zygote(layers)
        found[name] = started.self_test.stopped
        started.close()
    return found


def _system() -> str:
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    return f"{platform.system()} {platform.release()} {platform.machine()}, {user}"
