"""How soon a daemon answers `/alive` while something else goes on.

A process of its own asks, so that what the test itself does, such as parsing an answer of many
megabytes, cannot pass for a slow daemon.
"""

import asyncio
import contextlib
import http.client
import json
import math
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PAUSE_S = 0.01  # between an answer and the next question
GIVES_UP_S = 10.0


@dataclass
class AliveTimes:
    """Seconds that each answer took; infinite where none came. Filled when the polling ends."""

    seconds: list[float] = field(default_factory=list)

    @property
    def p99_s(self) -> float:
        """All but one of a hundred answers took no longer than this."""
        ordered = sorted(self.seconds)
        return ordered[max(math.ceil(len(ordered) * 0.99) - 1, 0)]

    @property
    def worst_s(self) -> float:
        """The slowest answer of all."""
        return max(self.seconds)


@asynccontextmanager
async def alive_times(url: str) -> AsyncIterator[AliveTimes]:
    """Ask `url`/alive again and again while the block runs; it begins after a first answer."""
    times = AliveTimes()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, url.removeprefix("http://")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"polling\n"
        yield times
        process.stdin.close()
        times.seconds += json.loads(await process.stdout.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _answer_s(address: str) -> float:
    began_s = time.monotonic()
    connection = http.client.HTTPConnection(address, timeout=GIVES_UP_S)
    try:
        connection.request("GET", "/alive")
        if connection.getresponse().read() not in (b'{"alive?":true}', b'{"alive?": true}'):
            return math.inf
    except (OSError, http.client.HTTPException):
        return math.inf
    finally:
        connection.close()
    return time.monotonic() - began_s


def _poll(address: str) -> None:
    """Ask until stdin ends, and then print the times as one line."""
    over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    _answer_s(address)
    print("polling", flush=True)  # noqa: T201 - the other side reads it
    seconds = [_answer_s(address)]
    while not over.wait(PAUSE_S):
        seconds.append(_answer_s(address))
    print(json.dumps(seconds), flush=True)  # noqa: T201


if __name__ == "__main__":
    _poll(sys.argv[1])
