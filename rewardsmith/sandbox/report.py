"""The sandbox of this machine, from its self test: for ``run.json``, results and ``doctor``."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rewardsmith.errors import BoundaryError
from rewardsmith.sandbox.client.launch import Zygote, zygote
from rewardsmith.sandbox.inside import landlock
from rewardsmith.sandbox.inside.attacks import ATTACKS, Level
from rewardsmith.sandbox.inside.confine import LAYERS

if TYPE_CHECKING:
    from rewardsmith.run.config import Confinement


@dataclass(frozen=True)
class SandboxReport:
    """How well generated code is confined on this machine.

    Attributes:
        level: strong: all attacks were refused; medium: those on files, TCP and memory; weak:
            fewer.
        layers: the active layers of a program host, see :mod:`confine`.
        worked: attacks that were not refused.
        landlock: version of the kernel's Landlock, 0 if there is none; it also limits trainers to
            their folder.
        system: operating system, kernel, machine.
    """

    level: Level
    layers: tuple[str, ...]
    worked: tuple[str, ...]
    landlock: int
    system: str

    def require(self, *, weak_allowed: bool) -> None:
        """Refuse a level below strong.

        Raises:
            BoundaryError: the level is too low; it lists the attacks that worked.
        """
        if self.level == "strong" or weak_allowed:
            return
        if sys.platform == "linux":
            why = f"a program that breaks out could {', '.join(self.worked)}"
        else:
            why = f"{platform.system()} confines no process the way Linux does"
        raise BoundaryError(
            f"the sandbox is only {self.level} here: {why}",
            "see `rewardsmith doctor`; use Linux (or WSL2, or a container), "
            "or accept it with --allow-weak-sandbox",
            where="sandbox",
        )

    def as_json(self) -> Confinement:
        """The part of ``run.json``."""
        return {
            "level": self.level,
            "layers": self.layers,
            "worked": self.worked,
            "landlock": self.landlock,
            "system": self.system,
        }


def sandbox_report() -> SandboxReport:
    """The result of the self test of this process's zygote.

    Raises:
        BoundaryError: no process can be started here.
    """
    found = zygote().self_test
    worked = tuple(attack for attack in ATTACKS if attack not in found.stopped)
    return SandboxReport(found.level, found.layers, worked, landlock.version(), _system())


def attacks_by_layer(held: tuple[str, ...] = LAYERS) -> dict[str, tuple[str, ...]]:
    """Which attacks are refused without layers, by each layer alone, and by all of them."""
    found = {}
    for name, layers in [("none", ()), *((layer, (layer,)) for layer in held), ("all", held)]:
        started = Zygote(layers)
        found[name] = started.self_test.stopped
        started.close()
    return found


def _system() -> str:
    user = "root" if os.geteuid() == 0 else "an ordinary user"
    return f"{platform.system()} {platform.release()} {platform.machine()}, {user}"
