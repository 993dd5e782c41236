"""Run in another profile by the tests; prints JSON.

report                        what holds there
corpus CANARY PORT NAME...    the verdict on every program of some corpora
control CANARY PORT NAME...   the programs that aim at the canary or the port, run with nothing in
between:
                              whether they reached it; those that do so from an exported file are
                              left out
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from rewardsmith.sandbox.client.launch import zygotes
from rewardsmith.sandbox.report import sandbox_report
from tests.support.hosts import hosts_of
from tests.support.programs import TASKS, entries, judge, task_of

SECRET = "424242"


def corpus(canary: str, port: str, names: list[str]) -> dict[str, Any]:
    """Verdicts: (accepted, stage, codes of the errors); processes that are there, hosts that are left over."""
    found = {}
    for entry in _aimed(canary, port, names):
        verdict = judge(entry)
        found[entry["id"]] = (
            verdict.accepted,
            verdict.stage,
            [finding.code for finding in verdict.errors],
        )
    processes = [zygote.pid for zygote in zygotes()]
    return {"verdicts": found, "zygotes": processes, "hosts": hosts_of(*zygotes())}


def control(canary: str, port: str, names: list[str]) -> dict[str, str]:
    """Entry -> what it did: ``read``, ``changed``, or nothing that shows here."""
    return {
        entry["id"]: _unconfined(entry, Path(canary))
        for entry in _aimed(canary, port, names)
        if entry["category"] != "export" and (canary in entry["code"] or f"{port}" in entry["code"])
    }


def _aimed(canary: str, port: str, names: list[str]) -> list[dict[str, str]]:
    return [
        {**entry, "code": entry["code"].replace("@CANARY@", canary).replace("@PORT@", port)}
        for name in names
        for entry in entries(name)
    ]


def _unconfined(entry: dict[str, str], canary: Path) -> str:
    """Run a program in a child with everything that Python offers."""
    canary.write_text(SECRET)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        with contextlib.suppress(BaseException):
            os.write(write_end, str(_call(entry)).encode()[-60_000:])
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not canary.exists() or canary.read_bytes() != SECRET.encode():
        return "changed"
    return "read" if SECRET in said else ""


def _call(entry: dict[str, str]) -> Any:
    namespace: dict[str, Any] = {}
    exec(compile(entry["code"], "<program>", "exec"), namespace)
    function = namespace.get("reward") or namespace["compute_reward"]
    row = 0 if entry["style"] == "per_transition" else slice(0, 8)
    rows = TASKS[task_of(entry)][1]
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return function(*(rows[name][row].copy() for name in names if name in rows))


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "report":
        print(json.dumps(sandbox_report().as_json()))
    else:
        print(
            json.dumps({"corpus": corpus, "control": control}[what](words[0], words[1], words[2:]))
        )
