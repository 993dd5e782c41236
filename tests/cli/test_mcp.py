"""The server for coding agents, with the real client over stdin and stdout."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

from rewardsmith.cli.app import app
from rewardsmith.cli.skill import skill_text
from tests.support.command_line import GOOD, environment
from tests.support.lineworld import write_task

QUICK = {"rounds": "1", "seeds": "1"}
CHEAP = {"report-seeds": "1", "deciding_trainings": "0"}
TOOLS = {"guide", "tasks", "begin", "ask", "tell", "say", "show", "check", "audit", "export"}


def server(folder: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "rewardsmith", "mcp"],
        env=environment(),
        cwd=str(folder),
    )


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    """The result of a tool; an error is returned as its text."""
    result = await client.call_tool(tool, arguments)
    text = "".join(part.text for part in result.content)  # type: ignore[union-attr]
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_an_agent_designs_a_reward_with_the_tools(tmp_path: Path) -> None:
    write_task(tmp_path / "line")

    async def design() -> None:
        async with Client(server(tmp_path)) as client:
            listed = (await client.list_tools()).tools
            assert {tool.name for tool in listed} == TOOLS
            assert all(tool.description for tool in listed)
            assert await called(client, "guide") == skill_text()
            asked = await called(client, "begin", task="line", options=QUICK, settings=CHEAP)
            run, question = asked["run"], asked["question"]
            assert "next_position" in question["text"]
            told = await called(client, "tell", run=run, reply=GOOD)
            assert told["accepted"] and told["question"] is None
            best = (await called(client, "show", run=run))["best"]
            assert best["program"] == told["program"]
            written = await called(client, "export", run=run, target="mine/reward.py")
            assert Path(tmp_path, written["reward"]).is_file()

    asyncio.run(design())


def test_what_goes_wrong_is_told_with_a_hint(tmp_path: Path) -> None:
    write_task(tmp_path / "line")

    async def fail() -> None:
        async with Client(server(tmp_path)) as client:
            assert "there is no run" in await called(client, "show", run="nothing")
            assert "mountain-car" in await called(client, "begin", task="mountain-cat")
            refused = await called(client, "check", program="def reward(x): return x", task="line")
            assert not refused["accepted"] and refused["findings"]

    asyncio.run(fail())


def test_without_the_extra_the_hint_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mcp", "mcp.server"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "rewardsmith.cli.mcp_tools", raising=False)
    done = CliRunner().invoke(app, ["mcp"])
    assert done.exit_code == 2 and "rewardsmith[mcp]" in done.output
