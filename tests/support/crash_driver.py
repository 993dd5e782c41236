"""One session of a run in a separate process, which can kill itself at a chosen event.

    python -m tests.support.crash_driver '{"task": ..., "runs": ..., "url": ..., "mode": "after", "events":
    1}'

With "run" it resumes that run, else it designs; with "unreal" trainings take no time. The modes:
    ""         runs to its end
    "after"    SIGKILL right after the n-th event of this session was appended
    "before"   SIGKILL when n events were appended and the next would be; no reply is under way then
    "resumed"  SIGKILL right after the session's "resumed"
"resumed" is not counted, nor a "stopped" that was there before, so that every session gets one
event further.

Requests to the fake model carry their slot, so that it can answer by slot however they arrive.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from concurrent.futures import Future, wait
from typing import Any

from rewardsmith.api import runs as api
from rewardsmith.engine.workers import local
from rewardsmith.engine.workers.executor import Executor
from rewardsmith.errors import RewardsmithError
from rewardsmith.llm.openai import OpenAIProvider
from rewardsmith.run.event import Event
from rewardsmith.run.event_log import EventLog
from rewardsmith.run.trials import TrialJob
from rewardsmith.writers.requests import RunRequest
from rewardsmith.writers.sources import ModelSource, Writer
from tests.support.fake_executor import FakeExecutor, some_fitness

OPTIONS = {"rounds": 2, "samples": 2, "repairs": 1, "seeds": 1}
HEAD = "Here it is.\n\n```python\nimport numpy as np\n\n\ndef reward"
TAPE = {
    (0, 0, 0): HEAD
    + "(position, next_position):\n    return {'progress': next_position - position}\n```",
    (0, 1, 0): HEAD + "(positon):\n    return {'place': positon}\n```",  # refused
    (0, 1, 1): HEAD + "(position):\n    return {'place': -position}\n```",  # and repaired
    (1, 0, 0): HEAD
    + "(position, next_position):  # again\n    return {'progress': next_position - position}\n```",
    (1, 1, 0): HEAD + "(next_position):\n    return {'place': next_position}\n```",
}


def close_fitness(job: TrialJob) -> float:
    """Programs of nearly one fitness, so that an exploit decides which of them leads."""
    return 0.8 + 0.1 * some_fitness(job)


def answer(body: dict[str, Any]) -> str:
    """The tape's reply to a request that carries its slot."""
    return TAPE[tuple(body["slot"])]


class Slots:
    """Puts the slot of each request into its body."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._answer, self._options = ModelSource.answer, OpenAIProvider._options

    def install(self, patch: Any = setattr) -> None:
        """Patch the source and the provider, for good or with pytest's monkeypatch.setattr."""
        patch(ModelSource, "answer", lambda source, asked: self._asked(source, asked))
        patch(OpenAIProvider, "_options", lambda provider, request: self._marked(provider, request))

    def _asked(self, source: ModelSource, asked: RunRequest) -> Any:
        self._here.slot = list(asked.order.slot)
        return self._answer(source, asked)

    def _marked(self, provider: OpenAIProvider, request: Any) -> dict[str, Any]:
        return {**self._options(provider, request), "extra_body": {"slot": self._here.slot}}


def kept_replies() -> list[Future[Any]]:
    """Futures of all replies that are requested from now on; done means that the log contains it."""
    asked: list[Future[Any]] = []
    reply_later = Writer.reply_later

    def remembered(writer: Writer, wanted: RunRequest) -> Future[Any]:
        asked.append(reply_later(writer, wanted))
        return asked[-1]

    Writer.reply_later = remembered  # type: ignore[method-assign]
    return asked


def die_at(mode: str, count: int) -> None:
    """Kill this process at the chosen event."""
    append, appended, replies = EventLog.append, [0], kept_replies()

    def appending(log: EventLog, event: Event) -> Event:
        kind = event.kind
        counts = kind != "resumed" and not (
            kind == "stopped" and any(earlier.kind == kind for earlier in log)
        )
        if mode == "before" and counts and appended[0] == count:
            wait(replies, timeout=600)
            os.kill(os.getpid(), signal.SIGKILL)
        event = append(log, event)
        appended[0] += counts
        if (mode == "after" and counts and appended[0] == count) or (
            mode == "resumed" and kind == "resumed"
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        return event

    EventLog.append = appending  # type: ignore[method-assign,assignment]


def unreal_session(given: dict[str, Any], mark: str) -> None:
    """A session in a process of multiprocessing; hosts inherit the mark."""
    os.environ["LD_LIBRARY_PATH"] = mark
    sys.exit(session(given))


def session(given: dict[str, Any]) -> int:
    """Design or resume; the exit code."""
    local.SPARE_SERVERS = given.get("spare", local.SPARE_SERVERS)
    executor: str | Executor = (
        FakeExecutor(fitness=close_fitness) if given.get("unreal") else "local"
    )
    Slots().install()
    die_at(given.get("mode", ""), given.get("events", 1))
    try:
        if "run" in given:
            api.load_run(given["run"]).resume(workers=2, executor=executor)
        else:
            api.design(
                given["task"], model="openai/fake", base_url=given["url"], options=OPTIONS, report_seeds=2,
                deciding_trainings=0, runs=given["runs"], workers=2, executor=executor,
            )  # fmt: skip
    except RewardsmithError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(session(json.loads(sys.argv[1])))
