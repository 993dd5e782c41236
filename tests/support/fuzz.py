"""Mutated programs against the whole check: ``python -m tests.support.fuzz 20000 [SEED]`` prints JSON.

Mutants are made from the corpora by small changes of text and tokens, so that many still parse and
some still run.
What must hold: nothing but a verdict comes out of the check, in bounded CPU time, and nothing is left
behind.
"""

from __future__ import annotations

import gc
import json
import os
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rewardsmith.sandbox.behaviour.checks import check_on_transitions
from rewardsmith.sandbox.client.launch import zygotes
from rewardsmith.sandbox.limits import Limits
from tests.support.hosts import hosts_of
from tests.support.programs import DATA, TASKS, entries, task_of

LIMITS = Limits(call_s=0.3, load_s=0.3, memory_mb=512)
_TOKEN = re.compile(r"\w+|[^\w\s]|\s+")
_POOL = [
    *(
        "0",
        "1",
        "-1",
        "1e308",
        "10**15",
        "np.nan",
        "None",
        "''",
        "[]",
        "{}",
        "()",
        "lambda: 0",
        "np",
        "math",
        "x",
    ),
    *(
        "np.sum",
        "np.ones",
        "np.linalg",
        "next",
        "iter",
        "range(9999)",
        "position",
        "next_position",
        "action",
        "goal",
    ),
    *(
        "[0]",
        "[:, 0]",
        "[..., None]",
        ".T",
        ".sum()",
        ".append(1)",
        ".copy()",
        "*",
        "**",
        "//",
        "@",
        "<<",
        ":=",
        "if",
    ),
    *(
        "else",
        "for i in range(9)",
        "return",
        "while True:",
        "global x",
        "import os",
        "__class__",
        "σ",
        "\ud800",
    ),
]


def mutant(sources: list[str], rng: random.Random) -> str:
    """One to four changes of one program."""
    source = rng.choice(sources)
    for _ in range(rng.randint(1, 4)):
        source = rng.choice(_CHANGES)(source, sources, rng)
    return source[:20_000]


def _drop(source: str, _: list[str], rng: random.Random) -> str:
    tokens = _TOKEN.findall(source) or [""]
    del tokens[rng.randrange(len(tokens))]
    return "".join(tokens)


def _replace(source: str, _: list[str], rng: random.Random) -> str:
    tokens = _TOKEN.findall(source) or [""]
    tokens[rng.randrange(len(tokens))] = rng.choice(_POOL)
    return "".join(tokens)


def _swap(source: str, _: list[str], rng: random.Random) -> str:
    tokens = _TOKEN.findall(source) or [""]
    i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[i], tokens[j] = tokens[j], tokens[i]
    return "".join(tokens)


def _splice(source: str, sources: list[str], rng: random.Random) -> str:
    lines, others = source.split("\n"), rng.choice(sources).split("\n")
    place = rng.randrange(len(lines) + 1)
    return "\n".join([*lines[:place], rng.choice(others), *lines[place:]])


def _repeat(source: str, _: list[str], rng: random.Random) -> str:
    start = rng.randrange(len(source) + 1)
    end = min(len(source), start + rng.randint(1, 40))
    return source[:end] + source[start:end] * rng.choice((1, 3, 200)) + source[end:]


def _number(source: str, _: list[str], rng: random.Random) -> str:
    return re.sub(r"\d+\.?\d*", lambda m: rng.choice((m.group(), "0", "1e9", "-3", "7")), source)


_CHANGES = (_drop, _replace, _replace, _swap, _splice, _repeat, _number)


def fuzz(count: int, seed: int) -> dict[str, Any]:
    """Check this many mutants; returns the verdicts and what was left behind."""
    rng = random.Random(seed)
    pool = [
        entry
        for name in sorted(path.stem for path in DATA.glob("*.jsonl"))
        for entry in entries(name)
    ]
    by_task: dict[str, list[str]] = {}
    for entry in pool:
        by_task.setdefault(task_of(entry), []).append(entry["code"])
    before = _left_behind()
    stages: Counter[str] = Counter()
    times = []
    for _ in range(count):
        task = rng.choice(sorted(by_task))
        source = mutant(by_task[task], rng)
        begun = time.process_time()
        stages[check_on_transitions(source, *TASKS[task], limits=LIMITS).stage] += 1
        times.append(time.process_time() - begun)
    return {
        "count": count,
        "seed": seed,
        "stages": stages,
        "slowest_s": max(times),
        "left": _left_behind() - before,
    }


def _left_behind() -> Counter[str]:
    """Hosts, open files, shared memory, files in the folder for them."""
    gc.collect()  # an exception's frames keep the memory of a host for a while
    opened = [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    kinds = [re.sub(r"\d+", "N", os.readlink(file)) for file in opened]
    return Counter(
        [
            *(["host"] * len(hosts_of(*zygotes()))),
            *kinds,
            *(f"/dev/shm/{name}" for name in os.listdir("/dev/shm")),
        ]
    )


if __name__ == "__main__":
    print(json.dumps(fuzz(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
