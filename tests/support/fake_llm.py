"""A language model on loopback for tests: speaks OpenAI's chat completions and Anthropic's messages.

In a test:      with FakeLLM(["first answer", "second"], faults=["429"]) as fake: ... fake.url ...
fake.requests
In a process:   python -m tests.support.fake_llm --port 0 --answers FILE --log FILE      (prints the port;
outlives its client)

Answers are a list, given in turn and then again from the first, or a function of the request's
body. Faults are used up one a request, before answers; "" is none. They are:
    429, 500, 401:text, ...  that status, with that message; 429 and 5xx come with a short
    retry-after drop, garbage, cut       closes at once; sends no JSON; stops in the middle of the
    answer error                    200, and then an error where the answer should be
    empty, truncated, refusal   a proper answer: without text, cut at the output limit, refused

Tokens are counted as given, or with usage="counted" by characters / 4 of what was really sent and
answered. Asked which models it has, it names ``models``; with None it has no such page.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

Answers = Sequence[str] | Callable[[dict[str, Any]], str]
STOPS = {"truncated": ("length", "max_tokens"), "refusal": ("content_filter", "refusal")}


class FakeLLM:
    """The server; ``requests`` holds every request in order of arrival: path, headers (lower case), body, fault."""

    def __init__(
        self,
        answers: Answers = ("ok",),
        faults: Iterable[str] = (),
        *,
        usage: Mapping[str, Any] | Literal["counted"] | None = None,
        port: int = 0,
        log: Path | None = None,
        models: Sequence[str] | None = None,
    ) -> None:
        self.answers, self.faults, self.usage, self.log = answers, list(faults), usage, log
        self.models = models
        self.looked_up: list[str] = []  # paths of questions about models
        self.most_open = 0  # requests at a time, so far
        self._open = 0
        self.requests: list[dict[str, Any]] = []
        self._given = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", port), type("Bound", (_Handler,), {"fake": self})
        )
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"  # for Anthropic; OpenAI's ends in /v1

    def __enter__(self) -> FakeLLM:
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def arrived(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[str, str]:
        """Note a request; the fault and the text that it gets."""
        with self._lock:
            fault = self.faults.pop(0) if self.faults else ""
            answers = not fault or fault in {"truncated", "cut"}
            text = ""
            if answers and not callable(self.answers):
                text = self.answers[self._given % len(self.answers)]
                self._given += 1
            self.requests.append({"path": path, "headers": headers, "body": body, "fault": fault})
            if self.log:  # no headers: they hold the key
                with self.log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps({"path": path, "body": body, "fault": fault}) + "\n")
        return fault, self.answers(body) if answers and callable(self.answers) else text

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request as open."""
        with self._lock:
            self._open += 1
            self.most_open = max(self.most_open, self._open)
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    @property
    def tokens(self) -> int:
        """Tokens of all complete answers, as this server counts them."""
        return sum(
            sum(request.get("tokens", ())) for request in self.requests if request["fault"] != "cut"
        )


class _Handler(BaseHTTPRequestHandler):
    fake: FakeLLM

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.fake.looked_up.append(self.path)
        name = self.path.partition("/models")[2].partition("?")[0].strip("/").replace("%2F", "/")
        key = " ".join([self.headers.get("authorization", ""), self.headers.get("x-api-key", "")])
        if "wrong" in key:
            self.refuse(401, "wrong key")
        elif self.fake.models is None or (name and name not in self.fake.models):
            self.refuse(404, f"no such page: {self.path}")
        elif name:
            self.send(
                200,
                {"id": name, "object": "model", "type": "model", "created": 1, "owned_by": "fake"},
            )
        else:
            data = [{"id": model, "object": "model", "type": "model"} for model in self.fake.models]
            self.send(200, {"object": "list", "data": data, "has_more": False})

    def do_POST(self) -> None:
        with self.fake.counted():
            self._answer()

    def _answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fault, text = self.fake.arrived(
            self.path, {k.lower(): v for k, v in self.headers.items()}, body
        )
        text = text[: len(text) // 2] if fault == "truncated" else text
        if fault == "drop":
            return  # and so the connection is closed
        if fault[:3].isdigit():
            self.refuse(int(fault[:3]), fault[4:] or f"injected {fault}")
        elif fault == "garbage":
            self.send(200, "<html>not an API</html>", kind="text/html")
        elif fault == "error" and not body.get("stream"):
            self.send(200, {"error": {"message": "injected error", "type": "overloaded_error"}})
        elif self.path.endswith("/messages"):
            self.messages(body, text, fault)
        elif self.path.endswith("/chat/completions"):
            self.completion(body, text, fault)
        else:
            self.refuse(404, f"no such path: {self.path}")

    def refuse(self, status: int, message: str) -> None:
        param = next(
            (
                name
                for name in ("max_completion_tokens", "max_tokens", "temperature")
                if name in message
            ),
            None,
        )
        error = {
            "type": "error",
            "error": {"type": "injected", "message": message, "param": param, "code": None},
        }
        self.send(
            status,
            error,
            headers={"retry-after-ms": "20"} if status == 429 or status >= 500 else {},
        )

    def completion(self, body: dict[str, Any], text: str, fault: str) -> None:
        message = {"role": "assistant", "content": text or None}
        usage = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
        given = self.fake.usage
        if given == "counted":
            read, wrote = self.count(body, text)
            given = {
                "prompt_tokens": read,
                "completion_tokens": wrote,
                "total_tokens": read + wrote,
            }
        details = {
            "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 4},
        }
        answer = {
            "id": "chatcmpl-fake", "object": "chat.completion", "created": 1, "model": body["model"],
            "choices": [{"index": 0, "finish_reason": STOPS.get(fault, ("stop", ""))[0], "message": message}],
            "usage": {**usage, **details} if given is None else given or None,
        }  # fmt: skip
        self.send(200, answer, cut=fault == "cut")

    def messages(self, body: dict[str, Any], text: str, fault: str) -> None:
        used = {
            "input_tokens": 5,
            "cache_read_input_tokens": 8,
            "cache_creation_input_tokens": 7,
            "output_tokens": 9,
        }
        given = self.fake.usage or {}
        if given == "counted":
            read, wrote = self.count(body, text)
            used, given = {"input_tokens": read, "output_tokens": wrote}, {}
        answer = {
            "id": "msg_fake", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None,
            "content": [{"type": "text", "text": text}] if text else [],
            "stop_reason": STOPS.get(fault, ("", "end_turn"))[1],
            "usage": {**used, "output_tokens_details": {"thinking_tokens": 4}, **given},
        }  # fmt: skip
        if body.get("stream"):
            events = [
                f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
                for event in _events(answer, text, fault)
            ]
            self.send(200, "".join(events), kind="text/event-stream")
        else:
            self.send(200, answer, cut=fault == "cut")

    def count(self, body: dict[str, Any], text: str) -> tuple[int, int]:
        """Tokens of a request and of its answer, noted in ``requests`` too."""
        said = [message["content"] for message in body["messages"]] + [body.get("system", "")]
        texts = [
            part if isinstance(part, str) else "".join(p.get("text", "") for p in part)
            for part in said
        ]
        found = sum(map(len, texts)) // 4, len(text) // 4
        next(request for request in self.fake.requests if request["body"] is body)["tokens"] = found
        return found

    def send(
        self,
        status: int,
        payload: object,
        *,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
        cut: bool = False,
    ) -> None:
        data = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
        self.send_response(status)
        for name, value in {
            "content-type": kind,
            "content-length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)


def _events(answer: dict[str, Any], text: str, fault: str) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": {**answer, "content": [], "stop_reason": None}}
    if text:
        yield {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        }
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            yield {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": part},
            }
        yield {"type": "content_block_stop", "index": 0}
    if fault == "error":
        yield {"type": "error", "error": {"type": "overloaded_error", "message": "injected error"}}
    elif fault != "cut":
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": answer["stop_reason"]},
            "usage": answer["usage"],
        }
        yield {"type": "message_stop"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--answers", type=Path, required=True, help="a JSON list of texts")
    parser.add_argument("--log", type=Path, help="one JSON line a request")
    parser.add_argument("--faults", default="", help="separated by commas")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="ends by itself after that long"
    )
    args = parser.parse_args()
    faults = args.faults.split(",") if args.faults else []
    answers = json.loads(args.answers.read_text(encoding="utf-8"))
    with FakeLLM(answers, faults, port=args.port, log=args.log) as fake:
        print(fake.port, flush=True)
        threading.Event().wait(args.seconds)


if __name__ == "__main__":
    main()
