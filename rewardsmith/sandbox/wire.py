"""The protocol between a client and its host process: small messages, arrays in shared memory.

One memory file holds the input columns, then (from a page boundary, so that the process can map the
first part read-only) the output: row 0 is the total, the rows after it the terms, each ``capacity``
float64 long.

    parent -> process   load: length and JSON, once      call: rows, style, seconds allowed
    process -> parent   one byte: the layers that confine it; then for each message one reply:
                        kind, has_total, rows used, length; JSON

The messages of a zygote:

    parent -> zygote    FORK and two files, or REAP and a process id; each with its own number
    zygote -> parent    READY once; then that number and a process id (0: none), or a wait status

The parent trusts nothing: it checks every number of a reply before use.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.types import Array, FloatArray

READY = b"\x00rewardsmith ready\n"
FORK, REAP = b"F", b"R"
COMMAND = struct.Struct("<cIi")  # FORK or REAP, number of the question, process id
ANSWER = struct.Struct("<Ii")  # number of the question, result
CALL = struct.Struct("<IBd")
REPLY = struct.Struct("<BBHI")
LENGTH = struct.Struct("<I")
OK, OK_NAMES, ERROR = 0, 1, 2  # kinds of reply; OK_NAMES carries the names of the terms
TERMS, MATRIX = (
    0,
    2,
)  # added to has_total: MATRIX says that the rows are columns of one (n, k) array
MAX_TERMS = 64
MAX_NAME = 80
MAX_PAYLOAD = 1 << 20
MAX_MESSAGE = 300
GRACE_S = 0.5  # how much later than the parent a process ends itself in a call that hangs


class Column(NamedTuple):
    """One argument: its name, the dtype as a string, and the shape of one row."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """The layout of the memory file."""

    columns: tuple[Column, ...]
    capacity: int
    offsets: tuple[int, ...]
    output_offset: int
    size: int

    def inputs(self, buffer: Any) -> dict[str, Array]:
        """The input columns, (capacity, ...) each; read-only if the buffer is."""
        return {
            column.name: np.ndarray(
                (self.capacity, *column.shape), np.dtype(column.dtype), buffer, offset
            )
            for column, offset in zip(self.columns, self.offsets, strict=True)
        }

    def output(self, buffer: Any, offset: int) -> FloatArray:
        """The output rows, (1 + MAX_TERMS, capacity)."""
        return np.ndarray((1 + MAX_TERMS, self.capacity), np.float64, buffer, offset)


def plan(columns: Sequence[Column], capacity: int) -> Plan:
    """Lay out the memory file."""
    offsets, end = [], 0
    for column in columns:
        offsets.append(end)
        size = (
            capacity * int(np.prod(column.shape, dtype=np.int64)) * np.dtype(column.dtype).itemsize
        )
        end += -(-size // 64) * 64
    start = max(1, -(-end // mmap.ALLOCATIONGRANULARITY)) * mmap.ALLOCATIONGRANULARITY
    return Plan(
        tuple(columns), capacity, tuple(offsets), start, start + (1 + MAX_TERMS) * capacity * 8
    )
