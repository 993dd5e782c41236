"""What one program may use of time and memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one program may use.

    Attributes:
        call_s: seconds for one call of up to ``capacity`` transitions.
        load_s: seconds for running the module, and for the first call.
        memory_mb: address space of the process, interpreter and numpy included.
    """

    call_s: float = 2.0
    load_s: float = 10.0
    memory_mb: int = 2048


DEFAULT_LIMITS = Limits()
