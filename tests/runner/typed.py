"""Commands of `dojo-runner`, as they are typed: each in a process of its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daemon_process import environment

WITHIN_S = 60.0


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    stdout: str
    stderr: str


async def dojo_runner(*words: str | Path, **variables: str) -> Said:
    """Run a command to its end, with these variables in its environment."""
    async with started(*words, **variables) as process:
        stdout, stderr = await asyncio.wait_for(process.communicate(), WITHIN_S)
        assert process.returncode is not None
        return Said(process.returncode, stdout.decode(), stderr.decode())


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
