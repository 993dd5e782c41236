"""Limits of time and memory for one program."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one program.

    Attributes:
        call_s: CPU seconds for one call of up to ``capacity`` transitions.
        load_s: CPU seconds for running the module, and for the first call.
        wall_s: real seconds for each of them. It is far longer, since a busy machine may give the
            process only a small share of a core.
        memory_mb: megabytes of address space of its process, interpreter and numpy included.
    """

    call_s: float = 2.0
    load_s: float = 10.0
    wall_s: float = 300.0
    memory_mb: int = 2048


DEFAULT_LIMITS = Limits()
