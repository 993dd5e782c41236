"""The tools of the server of the Model Context Protocol; imports the extra ``mcp``.

Each tool runs one command of rewardsmith with ``--json`` in a process of its own, in the folder in
which the server was started, and returns its result. So tools and commands cannot differ, and what
a library prints cannot disturb the protocol.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from rewardsmith import __version__
from rewardsmith.cli.skill import skill_text

_TICK_S = 5.0  # between two notes of progress, without which clients give up
_INSTRUCTIONS = (
    "Design a reward: begin, then answer each question with tell until it is null; then audit, "
    "show and export. Call guide first."
)


def make_server() -> MCPServer:
    """The server with its tools."""
    server = MCPServer("rewardsmith", instructions=_INSTRUCTIONS, version=__version__)
    for tool in (guide, tasks, begin, ask, tell, say, show, check, audit, export):
        server.tool()(tool)
    return server


async def guide() -> str:
    """How to design a reward with these tools, step by step."""
    return skill_text()


async def tasks() -> Any:
    """The tasks that are shipped or come from plugins."""
    return await _result("tasks", "list")


async def begin(
    context: Context,
    task: str,
    goal: str = "",
    options: dict[str, str] | None = None,
    settings: dict[str, str] | None = None,
) -> Any:
    """Begin a search whose programs you write; returns the run and the first question.

    Args:
        task: name of a task, path of a task folder, or id of an environment.
        goal: what the agent must achieve; by default the task's own goal.
        options: of the strategy, e.g. {"rounds": "3", "seeds": "3"}.
        settings: of the run, named as options of `rewardsmith design`, e.g. {"steps": "50000",
            "report-seeds": "5"}.
    """
    words = ["--goal", goal] if goal else []
    for name, value in (options or {}).items():
        words += ["-O", f"{name}={value}"]
    for name, value in (settings or {}).items():
        words += [f"--{name.replace('_', '-')}", value]
    return await _result("design", task, "--ask", *words, context=context)


async def ask(run: str) -> Any:
    """The current question of a run."""
    return await _result("ask", run)


async def tell(context: Context, run: str, reply: str) -> Any:
    """Answer the question of a run with a program; it is checked and trained, which takes minutes.

    Args:
        reply: a text with one fenced Python block.
    """
    return await _result("tell", run, "-", given=reply, context=context)


async def say(run: str, words: str) -> Any:
    """Give feedback of the user on the agent of the best program; the run has one more round."""
    return await _result("say", run, words)


async def show(run: str) -> Any:
    """The state of a run: programs, scores, exploits, costs, and the best program."""
    return await _result("show", run)


async def check(program: str, task: str) -> Any:
    """Check a program without training it.

    Args:
        program: Python code.
    """
    return await _of_program(None, "check", program, task)


async def audit(context: Context, program: str, task: str, seeds: int = 5) -> Any:
    """Train agents with a program and search it for exploits; this takes minutes.

    Args:
        program: Python code.
    """
    return await _of_program(context, "audit", program, task, "--seeds", str(seeds))


async def export(run: str, target: str) -> Any:
    """Write the reward file, its results and a trained policy.

    Args:
        target: path of the reward file, e.g. exported/reward.py.
    """
    return await _result("export", run, "-o", target)


async def _of_program(
    context: Context | None, name: str, program: str, task: str, *words: str
) -> Any:
    with tempfile.TemporaryDirectory(prefix="rewardsmith-") as folder:
        path = Path(folder) / "reward.py"
        path.write_text(program, encoding="utf-8")
        return await _result(name, str(path), "--task", task, *words, context=context)


async def _result(*words: str, given: str = "", context: Context | None = None) -> Any:
    """The result of a command.

    Args:
        given: its standard input.
        context: receives the progress of a command that may take minutes.

    Raises:
        ToolError: the command failed; with what to do.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rewardsmith", *words, "--json", "--quiet"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ticking = asyncio.create_task(_tick(words[0], context))
    try:
        output, errors = await process.communicate(given.encode())
    except asyncio.CancelledError:
        process.terminate()  # ends as with Ctrl-C: the run keeps what was done
        await process.wait()
        raise
    finally:
        ticking.cancel()
    if not output.strip():
        raise ToolError(errors.decode(errors="replace").strip()[-2000:])
    found = json.loads(output)
    if isinstance(found, dict) and "error" in found:
        error = found["error"]
        raise ToolError(f"{error['message']} ({error['hint']})")
    return found


async def _tick(name: str, context: Context | None) -> None:
    """Tell the client that the command is at work."""
    begun = time.monotonic()
    while context is not None:
        await asyncio.sleep(_TICK_S)
        seconds = round(time.monotonic() - begun)
        await context.report_progress(seconds, message=f"{name}: {seconds} s so far")
