"""ONNX and upload of an export: the real client of the Hugging Face Hub, and a server in its place."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import (
    COMMAND,
    GOOD,
    MISSPELT,
    environment,
    quick_design,
    write_replies,
)
from tests.support.lineworld import write_task


class Hub(ThreadingHTTPServer):
    """Takes a repository and a commit; keeps every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.requests: list[tuple[str, str | None, bytes]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def bodies(self, end: str) -> list[bytes]:
        return [body for path, _, body in self.requests if path.endswith(end)]


class Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.path, self.headers.get("Authorization"), body))
        address = f"{self.server.address}/me/walker"
        if self.path.endswith("/create"):
            answer: dict[str, Any] = {"url": address, "name": "me/walker", "id": "1"}
        elif "/preupload/" in self.path:
            files = [one["path"] for one in json.loads(body)["files"]]
            modes = [
                {"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in files
            ]
            answer = {"files": modes}
        elif "/commit/" in self.path:
            answer = {"commitUrl": f"{address}/commit/0", "commitOid": "0" * 40, "hookOutput": ""}
        else:
            answer = {}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *said: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def export(folder: Path, hub: Hub, *words: str, token: str = "hf_secret") -> Any:
    home = {"HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "home"), "HF_TOKEN": token}
    command = [*COMMAND, "export", "last", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(**home), capture_output=True, text=True, check=False
    )


def test_an_export_is_uploaded_with_a_card_and_an_onnx_file_that_runs(
    tmp_path: Path, hub: Hub
) -> None:
    write_task(tmp_path / "line")
    design = quick_design("line", write_replies(tmp_path / "replies.json", GOOD, MISSPELT))
    subprocess.run(
        [*COMMAND, *design], cwd=tmp_path, env=environment(), check=True, capture_output=True
    )

    for words, token, message in [
        (("--hub", "walker"), "hf_secret", "user/name"),
        (("--hub", "me/walker"), "", "there is no token"),
    ]:
        refused = export(tmp_path, hub, *words, token=token)
        assert refused.returncode == 2 and message in refused.stdout + refused.stderr
    plain = export(tmp_path, hub, "-o", "plain")
    assert plain.returncode == 0 and hub.requests == []
    assert not (tmp_path / "plain" / "README.md").exists()

    done = export(tmp_path, hub, "-o", "out", "--onnx", "--hub", "me/walker", "--private")
    assert done.returncode == 0, done.stderr
    (created,) = map(json.loads, hub.bodies("/api/repos/create"))
    assert created.get("visibility") == "private" or created.get("private")
    assert {token for _, token, _ in hub.requests} == {"Bearer hf_secret"}
    (commit,) = hub.bodies("/commit/main")
    lines = [json.loads(line) for line in commit.splitlines()]
    sent = {
        line["value"]["path"]: base64.b64decode(line["value"]["content"])
        for line in lines
        if line["key"] == "file"
    }
    policy = {"policy.onnx", "policy.zip", "vecnormalize.pkl"}
    assert set(sent) == {"README.md", "reward.json", "reward.py"} | policy
    assert all((tmp_path / "out" / name).read_bytes() == content for name, content in sent.items())
    check_card(sent["README.md"].decode(), json.loads(sent["reward.json"]), tmp_path / "out")


def check_card(card: str, facts: dict[str, Any], folder: Path) -> None:
    """The metadata are what the client of the hub reads, and the example runs."""
    from huggingface_hub import ModelCard

    data = ModelCard(card).data
    assert data.library_name == "stable-baselines3" and "reinforcement-learning" in data.tags
    (result,) = data.eval_results
    assert (result.task_type, result.dataset_name) == (
        "reinforcement-learning",
        facts["environment"],
    )
    assert result.metric_value == pytest.approx(facts["fitness"]["report"]["mean"])
    assert result.metric_name == "mean fitness over 2 report seeds"
    (example,) = (part.split("```")[0] for part in card.split("```python\n")[1:])
    for name in ("env.py", "fitness.py"):
        (folder / name).write_text((folder.parent / "line" / name).read_text())
    command = [sys.executable, "-W", "error", "-c", example + "print(actions.shape)"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1, 1)", done.stderr
