"""A Docker engine as a bad day would have it: a server on a unix socket whose answers are scripted.

Only bytes, no HTTP library: what a test says is what goes over the wire.
"""

import asyncio
import json
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

STDOUT, STDERR = 1, 2


class FakeDockerd:
    """Answers `/version` and what `on` was told of; all else is 404."""

    def __init__(self, path: Path) -> None:
        self.host = f"unix://{path}"
        self.asked: list[str] = []
        self.bodies: dict[str, list[bytes]] = {}  # of each request that had one
        self._path = path
        self._answers: dict[str, Answer] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self.on("GET /version", answer({"ApiVersion": "1.41"}))

    def on(self, request: str, reply: Answer) -> None:
        """Set the answer to a call, such as `on("GET /containers/json", ...)`; the
        last word wins.
        """
        self._answers[request] = reply

    def answer_to(self, request: str) -> Answer:
        """The answer that `on` was last given for a call."""
        return self._answers[request]

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serve until the end of the block."""
        server = await asyncio.start_unix_server(self._serve, self._path)
        try:
            yield
        finally:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = head[0].split(" ")
                path = re.sub(r"^/v1\.\d+", "", target.partition("?")[0])
                request = f"{method} {path}"
                self.asked.append(request)
                for line in head:
                    if line.lower().startswith("content-length:"):
                        body = await reader.readexactly(int(line.partition(":")[2]))
                        self.bodies.setdefault(request, []).append(body)
                reply = self._answers.get(request, answer({"message": "page not found"}, 404))
                await reply(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()


def answer(body: Any, status: int = 200) -> Answer:
    """JSON, as a healthy engine sends it."""
    return raw(b"" if status == 204 else json.dumps(body).encode(), status)


def raw(body: bytes, status: int = 200, content_type: str = "application/json") -> Answer:
    """These very bytes as the body."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            f"HTTP/1.1 {status} Words\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()

    return reply


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never an answer; until the client goes away."""
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The connection is torn down without a word."""
    writer.transport.abort()


async def gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with bytes that are no HTTP."""
    writer.write(b"220 mail.example.com ESMTP\r\n\r\n")


async def cut_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that ends before it is complete."""
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n["
    )
    await writer.drain()
    writer.transport.abort()


def chunks(*parts: bytes, cut: bool = False) -> Answer:
    """A chunked stream, ended well or torn."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for part in parts:
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if not cut:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    return reply


def frame(stream: int, data: bytes) -> bytes:
    """One frame of an attached stream."""
    return struct.pack(">BxxxL", stream, len(data)) + data


def upgraded(*frames: bytes, then: Answer = silence) -> Answer:
    """The connection becomes a stream; these bytes come over it, and then `then` happens."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        for one in frames:
            writer.write(one)
            await writer.drain()
        await then(reader, writer)

    return reply


async def the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The connection is closed in order."""
