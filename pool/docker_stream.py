"""One attached connection, which a task of its own reads from beginning to end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from aiodocker.stream import Stream as AiodockerStream

from pool.docker_client import DockerClient
from pool.errors import EngineError
from pool.time_limits import WRITE_S

_STDERR = 2
_COMPLAINTS_BYTES = 4096
# When so many bytes wait for a reader, no more are read off the connection. The container's write
# then waits.
_UNREAD_BYTES = 4 * 1024 * 1024


class DockerStream:
    """Implements pool.engine.Stream on aiodocker's attach and exec alike.

    A task of its own reads, for two reasons. aiodocker breaks if a reader is cancelled while the
    next one already waits. And the death of a container must be noticed at once, even if nobody
    reads from it.
    """

    def __init__(self, client: DockerClient, source: AiodockerStream, name: str) -> None:
        self._client = client
        self._source = source
        self._name = name
        self._unread = bytearray()
        self._complaints = bytearray()
        self._news = asyncio.Event()
        self._drained = asyncio.Event()
        self._ended = False
        self._on_end: Callable[[], None] | None = None
        self._pump = client.tasks.start(self._read_on(), f"read {name}")

    @classmethod
    async def open(cls, client: DockerClient, source: AiodockerStream, name: str) -> "DockerStream":
        """Connect, and read on from the first byte. Must be called inside `client.call`."""
        try:
            await source.__aenter__()
        except BaseException:
            await _close(source)
            raise
        return cls(client, source, name)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    @property
    def complaints(self) -> str:
        """The first 4 KiB that came over stderr."""
        return self._complaints.decode(errors="replace").strip()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back once when the stream ends; at once if it has ended."""
        self._on_end = callback
        if self._ended:
            callback()

    async def write(self, data: bytes) -> None:
        """Send all of `data` to stdin. Raises EngineError when the stream has ended."""
        async with self._client.call("attach", WRITE_S, container=self._name):
            if self._ended:
                raise EngineError("attach", "the container has ended", container=self._name)
            await self._source.write_in(data)

    async def read(self) -> bytes:
        """The bytes that came over stdout since the last read. Waits for some; b"" is the end."""
        while not self._unread and not self._ended:
            self._news.clear()
            await self._news.wait()
        data = bytes(self._unread)
        self._unread.clear()
        self._drained.set()
        return data

    async def close(self) -> None:
        """Close the connection. A second call is harmless."""
        self._on_end = None
        self._pump.cancel()
        try:
            # With `await self._pump` a cancellation of our caller would look like that of the pump.
            await asyncio.wait((self._pump,))
        finally:
            self._ended = True  # a pump that was cancelled before its first step did not say so
            self._news.set()
            await _close(self._source)

    async def _read_on(self) -> None:
        try:
            # A connection that breaks ends the stream just as the engine does. In both cases the
            # last bytes may be missing.
            with suppress(aiohttp.ClientError, OSError, AssertionError):
                while (message := await self._source.read_out()) is not None:
                    if message.stream == _STDERR:
                        room = _COMPLAINTS_BYTES - len(self._complaints)
                        self._complaints += message.data[:room]
                        continue
                    self._unread += message.data
                    self._news.set()
                    if len(self._unread) > _UNREAD_BYTES:
                        self._drained.clear()
                        await self._drained.wait()
        finally:
            self._ended = True
            self._news.set()
            if self._on_end is not None:
                self._on_end()


async def _close(source: AiodockerStream) -> None:
    # aiodocker asserts that the connection has not gone away before it is closed.
    with suppress(aiohttp.ClientError, OSError, AssertionError):
        await source.close()
