"""A unix socket before an engine's, at which calls are refused, delayed, garbled, cut or failed."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_FAILURE = json.dumps({"message": "the engine stumbles"}).encode()
_PIECE = 64 * 1024


class Proxy:
    """Each connection carries one call, or an attached stream.

    `failing` is the share of calls that are answered 500, `failing_path` a part of the paths of
    those that always are; `is_garbling` answers with bytes that are not HTTP; and calls wait while
    `may_pass` is cleared.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self.host = f"unix://{path}"
        self.failing = 0.0
        self.failing_path = ""
        self.is_garbling = False
        self.may_pass = asyncio.Event()
        self.may_pass.set()
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._random = random.Random(1)  # noqa: S311 - the same faults each time

    async def listen(self) -> None:
        """Begin to take calls."""
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def go_away(self) -> None:
        """No socket is there any more, and every connection is cut."""
        if self._server is None:
            return
        self._server.close()
        self.path.unlink(missing_ok=True)
        await asyncio.sleep(0)  # for those that were accepted in this very turn of the loop
        while self._open:
            await self.cut()
        await self._server.wait_closed()
        self._server = None

    async def cut(self) -> None:
        """Every connection ends, attached streams among them."""
        tasks = list(self._open.values())
        for writer, task in self._open.items():
            writer.transport.abort()
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = task
        try:
            # Cancelled by `cut`: the end of a connection, which is nobody's error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = await reader.readuntil(b"\r\n\r\n")
                await self.may_pass.wait()
                if self.is_garbling:
                    writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
                elif self._fails(head):
                    writer.write(_answer(500, _FAILURE))
                else:
                    await self._pass_on(head, reader, writer)
        finally:
            del self._open[writer]
            writer.close()

    def _fails(self, head: bytes) -> bool:
        if self.failing_path and self.failing_path.encode() in head.partition(b"\r\n")[0]:
            return True
        return self._random.random() < self.failing

    async def _pass_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            their_reader, their_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            return
        try:
            if b"\r\nupgrade:" not in head.lower():
                head = head[:-2] + b"Connection: close\r\n\r\n"
            their_writer.write(head)
            up = asyncio.create_task(_copy(reader, their_writer), name="proxy up")
            try:
                await _copy(their_reader, writer)
            finally:
                up.cancel()
                await asyncio.wait([up])
        finally:
            their_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _answer(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} Oops\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@asynccontextmanager
async def proxy(path: Path, target: Path, *, listens: bool = True) -> AsyncIterator[Proxy]:
    """A proxy that is there, unless it is told not to listen yet, until the end of the block."""
    made = Proxy(path, target)
    if listens:
        await made.listen()
    try:
        yield made
    finally:
        made.may_pass.set()
        await made.go_away()
