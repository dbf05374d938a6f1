"""A terminal in which a test types a command, and may press Ctrl-C."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.documentation.shell import environment
from tests.waiting import eventually

_CTRL_C = b"\x03"


class Terminal:
    """What a command shows that runs in it."""

    def __init__(self, process: asyncio.subprocess.Process, shown: Path) -> None:
        self._process = process
        self._shown = shown

    async def shows(self, words: str, *, times: int = 1, within_s: float = 90.0) -> str:
        """Wait until it has shown these words so many times; all that it has shown by then."""

        async def shown() -> str:
            return self._shown.read_text(errors="replace")

        return await eventually(shown, lambda text: text.count(words) >= times, within_s=within_s)

    async def ctrl_c(self, within_s: float = 60.0) -> int:
        """Press Ctrl-C, and wait for the command's end; its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.write(_CTRL_C)
        async with asyncio.timeout(within_s):
            return await self._process.wait()


@asynccontextmanager
async def terminal(line: str, folder: Path, **variables: str) -> AsyncIterator[Terminal]:
    """A terminal in which the line has been typed; what still runs at the end is ended."""
    shown = folder / ".shown"
    shown.write_text("")
    process = await asyncio.create_subprocess_exec(
        # A shell that runs the tests in its background has set SIGINT to be ignored.
        *("env", "--default-signal=INT"),
        *("script", "--quiet", "--return", "--flush", "--command", f"stty cols 100; {line}", shown),
        cwd=folder,
        env=environment(TERM="xterm", **variables),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Terminal(process, shown)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
