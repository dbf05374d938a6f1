"""Commands of `dojo-runner`, as they are typed: each in a process of its own."""

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.daemon_process import environment

# A command that starts a daemon takes a minute on a virtual machine; pytest itself waits longer.
WITHIN_S = 110.0


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    stdout: str
    stderr: str


async def dojo_runner(*words: str | Path, **variables: str) -> Said:
    """Run a command to its end, with these variables in its environment.

    A process that has imported all commands forks for it: see command_server.py, where the
    tests of commands are.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        with _ask_for(words, variables, stdout.fileno(), stderr.fileno()) as ours:
            status = await asyncio.wait_for(_status(ours), WITHIN_S)
        stdout.seek(0)
        stderr.seek(0)
        return Said(status, stdout.read().decode(), stderr.read().decode())


def _ask_for(
    words: tuple[str | Path, ...], variables: dict[str, str], *streams: int
) -> socket.socket:
    """Have a command started; the socket on which its process id and its status come."""
    what = [*map(str, words)], environment() | variables, os.getcwd()
    ours, theirs = socket.socketpair()
    with theirs, Path(os.devnull).open("rb") as stdin:
        passed = [stdin.fileno(), *streams, theirs.fileno()]
        socket.send_fds(_command_server(), [json.dumps(what).encode()], passed)
    ours.setblocking(False)
    return ours


async def _status(answers: socket.socket) -> int:
    """The exit status of the command; a command that is not waited for to its end is killed."""
    loop, told = asyncio.get_running_loop(), b""
    try:
        while told.count(b"\n") < 2:
            more = await loop.sock_recv(answers, 100)
            assert more, "the process that starts commands has failed"
            told += more
    except asyncio.CancelledError:
        with suppress(ProcessLookupError, IndexError):  # it may not have begun, or just have ended
            os.kill(int(told.split()[0]), signal.SIGKILL)
        raise
    return int(told.split()[1])


@cache
def _command_server() -> socket.socket:
    """The socket of the process that forks for each command; that process ends with this one."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own Python
            [sys.executable, "-m", "tests.runner.commands.command_server", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            pass_fds=[theirs.fileno()],
        )
    atexit.register(_end, process, ours)
    return ours


def _end(process: subprocess.Popen[bytes], requests: socket.socket) -> None:
    requests.close()
    process.wait(WITHIN_S)


@asynccontextmanager
async def started(
    *words: str | Path, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command that runs; killed at the end if it still does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runner", *map(str, words)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment(), "PYTHONUNBUFFERED": "1", **variables},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
