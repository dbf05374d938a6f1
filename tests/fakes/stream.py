"""Both ends of a container's stdin and stdout, in memory."""

import asyncio
from collections.abc import Callable

from pool import EngineError

_READ_AT_ONCE = 1024 * 1024


class FakeStream:
    """Implements pool.engine.Stream. The container's program uses `stdin`, `say` and `end`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stdin = asyncio.StreamReader()
        self.complaints = ""
        self.ended = False
        self._stdout = asyncio.StreamReader()
        self._on_end: Callable[[], None] | None = None

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back once, when the stream ends (at once if it has)."""
        self._on_end = callback
        if self.ended:
            callback()

    async def write(self, data: bytes) -> None:
        """Raises EngineError when the stream has ended."""
        if self.ended:
            raise EngineError("attach", "the container has ended", container=self.name)
        self.stdin.feed_data(data)

    async def read(self) -> bytes:
        """Whatever came since the last read; b"" at the end."""
        return await self._stdout.read(_READ_AT_ONCE)

    async def close(self) -> None:
        """The program's stdin ends with it, as with a container whose stdin opens only once."""
        self._on_end = None
        self.stdin.feed_eof()

    def say(self, data: bytes) -> None:
        """The program prints to stdout."""
        if not self.ended:
            self._stdout.feed_data(data)

    def end(self) -> None:
        """The container has ended. Twice is harmless."""
        if self.ended:
            return
        self.ended = True
        self._stdout.feed_eof()
        if self._on_end is not None:
            self._on_end()
