"""One call in a new process of this machine, for executors that do not keep a worker server.

``python -m rewardsmith.engine.workers.process`` reads a call from standard input and answers with
one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback

from rewardsmith.engine.workers.executor import Call
from rewardsmith.engine.workers.failures import Answer, as_json, death, from_json
from rewardsmith.engine.workers.local import clean_environment


def run_call(call: Call) -> None:
    """Carry out a call in a new process and wait for its end.

    Raises:
        UsageError, BoundaryError, RunError: what the call raised.
        BoundaryError: its process died.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    with os.fdopen(os.open(call.log_path, flags, 0o644), "wb") as log:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=call.to_json().encode(),
            stdout=subprocess.PIPE,
            stderr=log,
            env=clean_environment(),
            check=False,
        )
    answer = (
        json.loads(done.stdout)
        if done.stdout
        else {"error": death(f"ended with {done.returncode}")}
    )
    if answer["error"] is not None:
        raise from_json(answer["error"])


def main() -> None:
    """Carry out the call that standard input describes."""
    from rewardsmith.engine.workers.calls import CALLS

    call = Call.from_json(sys.stdin.read())
    answer: Answer = {"error": None}
    answers = os.dup(1)
    os.dup2(2, 1)  # what the call prints belongs into its log
    try:
        CALLS[call.name](call)
    except Exception as error:
        traceback.print_exc()
        answer = {"error": as_json(error)}
    os.write(answers, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
