"""Both ends of a container's stdin and stdout, in memory."""

import asyncio
from collections.abc import Callable
from functools import cached_property

from pool import EngineError

_READ_AT_ONCE = 1024 * 1024


class FakeStream:
    """Implements pool.engine.Stream. The container's program uses `stdin`, `say` and `end`.

    Clear `may_write` to keep whoever writes to it waiting.

    A test may look whether it was `closed`, and set the `close_error` that closing it raises.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.complaints = ""
        self.ended = False
        self.closed = False
        self.close_error: Exception | None = None
        self.may_write = asyncio.Event()
        self.may_write.set()
        self._said = bytearray()
        self._news = asyncio.Event()
        self._on_end: Callable[[], None] | None = None

    @cached_property
    def stdin(self) -> asyncio.StreamReader:
        """The program's stdin. It is made by its first use, which must be in a running loop."""
        return asyncio.StreamReader()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back once, when the stream ends (at once if it has)."""
        self._on_end = callback
        if self.ended:
            callback()

    async def write(self, data: bytes) -> None:
        """Raises EngineError when the stream has ended."""
        if self.ended:
            raise EngineError("attach", "the container has ended", container=self.name)
        await self.may_write.wait()
        self.stdin.feed_data(data)

    async def read(self) -> bytes:
        """The bytes since the last read, at most 1 MiB of them; b"" at the end."""
        await self._news.wait()
        data = bytes(self._said[:_READ_AT_ONCE])
        del self._said[:_READ_AT_ONCE]
        if not self._said and not self.ended:
            self._news.clear()
        return data

    async def close(self) -> None:
        """The program's stdin ends with it, as with a container whose stdin opens only once."""
        self._on_end = None
        self.closed = True
        self.stdin.feed_eof()
        if self.close_error is not None:
            raise self.close_error

    def say(self, data: bytes) -> None:
        """The program prints to stdout."""
        if data and not self.ended:
            self._said += data
            self._news.set()

    def end(self) -> None:
        """The container has ended. Twice is harmless."""
        if self.ended:
            return
        self.ended = True
        self._news.set()
        if self._on_end is not None:
            self._on_end()
