"""A command as a model: the prompt goes to its standard input, the reply comes from its output.

``command/claude -p`` asks a command-line assistant that is installed and logged in, so that no key
is needed. The command line is split as a shell would split it, but no shell runs it. It runs in an
empty folder, so that a coding agent finds no files to read or to change.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from rewardsmith.errors import BoundaryError, UsageError
from rewardsmith.llm.access import secrets_in_environment
from rewardsmith.llm.failures import LONGEST_DETAIL
from rewardsmith.llm.protocol import Reply, Request, Usage

_FORM = 'write command/ and a command line, e.g. --model "command/claude -p"'


class CommandProvider:
    """Answers each request with a new process.

    A command reports neither tokens nor costs, and takes no limit on the output, no temperature and
    no effort.

    Args:
        base_url: a command has none.

    Raises:
        UsageError: an address was given.
    """

    name = "command"

    def __init__(self, base_url: str | None = None) -> None:
        if base_url is not None:
            raise UsageError("a command has no address", "leave out --base-url")

    def check(self, model: str, timeout_s: float) -> None:
        """See :class:`rewardsmith.llm.protocol.Provider`; nothing is run.

        Raises:
            UsageError: the command line cannot be split, or there is no such program.
        """
        program = command_line(model)[0]
        if shutil.which(program) is None:
            raise UsageError(f"there is no program {program!r}", f"install it, or {_FORM}")

    def complete(self, request: Request, timeout_s: float) -> Reply:
        """Answer one request; see :class:`rewardsmith.llm.protocol.Provider`.

        Raises:
            UsageError: the command line cannot be split.
            BoundaryError: the command failed, or did not end in time; a request with images.
        """
        if any(message.images for message in request.messages):
            raise BoundaryError(
                "a command cannot be shown images", "use another --model", where="provider"
            )
        started = time.monotonic()
        text = _output(command_line(request.model), prompt_text(request), timeout_s)
        latency_s = round(time.monotonic() - started, 3)
        return Reply(text, "stop", Usage(), request.model.partition("/")[2], latency_s)


def command_line(model: str) -> list[str]:
    """The words of the command of a model.

    Raises:
        UsageError: it cannot be split into words.
    """
    try:
        words = shlex.split(model.partition("/")[2])
    except ValueError as error:
        raise UsageError(f"the command of {model!r} cannot be read: {error}", _FORM) from None
    if not words:
        raise UsageError(f"{model!r} names no command", _FORM)
    return words


def prompt_text(request: Request) -> str:
    """A request as one text: the instructions, then the conversation."""
    only = len(request.messages) == 1
    turns = [
        message.content if only else f"# {message.role.capitalize()}\n\n{message.content}"
        for message in request.messages
    ]
    return "\n\n".join([request.system, *turns]) + "\n"


_running: set[subprocess.Popen[bytes]] = set()


def _output(words: list[str], prompt: str, timeout_s: float) -> str:
    """What the command prints.

    Its output goes to files: a pipe could stay open in processes that the command has started.
    """
    with tempfile.TemporaryDirectory(prefix="rewardsmith-") as name:
        folder, empty = Path(name), Path(name) / "empty"
        empty.mkdir()
        (folder / "prompt").write_text(prompt, encoding="utf-8")
        output, errors = folder / "output", folder / "errors"
        with (
            (folder / "prompt").open("rb") as given,
            output.open("wb") as out,
            errors.open("wb") as err,
        ):
            status = _run(words, empty, (given.fileno(), out.fileno(), err.fileno()), timeout_s)
        if status != 0:
            said = _last_words(errors) or _last_words(output)
            raise BoundaryError(
                f"{words[0]} ended with status {status}" + (f": {said}" if said else ""),
                "run the command in a terminal; it may need a login",
                where="provider",
            )
        return output.read_bytes().decode(errors="replace")


def _run(words: list[str], folder: Path, streams: tuple[int, int, int], timeout_s: float) -> int:
    """The exit status of a command; after the time limit, it and all that it started are killed."""
    given, out, err = streams
    try:
        process = subprocess.Popen(
            words, cwd=folder, stdin=given, stdout=out, stderr=err, start_new_session=True
        )
    except OSError as error:
        message = f"{words[0]} cannot be started: {error.strerror}"
        raise BoundaryError(message, _FORM, where="provider") from error
    _running.add(process)
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise BoundaryError(
            f"{words[0]} gave no answer in {timeout_s:.0f} s",
            "use a faster model",
            where="provider",
            retryable=True,
            reason="connection",
        ) from None
    finally:
        _running.discard(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was not waited for, so that its id still belongs to its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all of the group have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@atexit.register
def _kill_all() -> None:
    """End the commands of an interrupted run, whose threads do not."""
    for process in tuple(_running):
        _kill(process)


def _last_words(path: Path) -> str:
    """The end of a file in one line, without secrets."""
    text = path.read_bytes()[-4 * LONGEST_DETAIL :].decode(errors="replace")
    for secret in secrets_in_environment():
        text = text.replace(secret, "[secret]")
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_DETAIL else "…" + text[1 - LONGEST_DETAIL :]
