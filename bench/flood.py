"""python -m bench.flood URL PER_SECOND SECONDS CONNECTIONS [SECRET]: notices that nobody asked for.

Over so many connections that are kept, one notice on each at a time; with 0 each notice has a new
one, and does not wait for the others. With the secret they are signed, as a sibling that has gone
mad would send them. `sink` instead of a URL floods a server of this very process, which reads,
answers and does nothing: what is then felt is the sender, which in life sits on another machine.

So the sender is cheap: it sends bytes that are made beforehand, at the lowest priority. Prints
how many were due (`offered`), how many went out (`sent`; the others found no connection that was
free), and what came of those.
"""

import asyncio
import json
import os
import re
import sys
import time
from collections import Counter
from typing import cast
from urllib.parse import urlsplit

import uvloop

from bench.katas import IMAGE
from runner.siblings.notice import PATH, SIGNATURE_HEADER, RefillNotice, sign

EVERY_S = 0.01
ANSWERS_WITHIN_S = 10.0
# With a new connection for each notice, the sender would run out of ports beyond this rate.
MOST_OPEN = 2000
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """Sends the requests that it is given, one at a time, and counts the answers."""

    def __init__(self, flood: "_Flood", first: bytes | None) -> None:
        self._flood = flood
        self._first = first
        self._received = b""
        self._waits = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        if self._first is None:
            self._flood.free.append(self)
        else:
            self.send(self._first)

    def send(self, notice: bytes) -> None:
        assert self._transport is not None
        self._waits = True
        self._flood.counts["sent"] += 1
        self._transport.write(notice)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (length and len(body) < int(length[1])):
            return
        self._flood.counts[head[9:12].decode()] += 1
        self._received, self._waits = b"", False
        assert self._transport is not None
        if self._first is not None or b"connection: close" in head.lower():
            self._transport.close()
        else:
            self._flood.free.append(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._waits:
            self._flood.counts["closed without an answer"] += 1
        if self in self._flood.free:
            self._flood.free.remove(self)
        self._flood.open -= 1


class _Sink(asyncio.Protocol):
    """Counts notices; each read is one, which is true of this sender."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")


class _Flood:
    """Send notices evenly, for so many seconds."""

    def __init__(self, host: str, port: int, connections: int, secret: str) -> None:
        self.counts = Counter(offered=0, sent=0)
        self.free: list[_Connection] = []
        self.open = 0
        self._address = host, port
        self._connections = connections
        self._secret = secret
        self._forged = self._notice(0)
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self, per_second: int, lasts_s: float) -> None:
        began_s = time.perf_counter()
        while (now_s := time.perf_counter() - began_s) < lasts_s:
            while self.open < self._connections:
                self._connect(None)
            for number in range(self.counts["offered"], int(now_s * per_second)):
                self.counts["offered"] += 1
                if self.free or (not self._connections and self.open < MOST_OPEN):
                    notice = self._notice(number) if self._secret else self._forged
                    self.free.pop().send(notice) if self.free else self._connect(notice)
            await asyncio.sleep(EVERY_S)
        until_s = time.perf_counter() + ANSWERS_WITHIN_S
        while len(self.free) < self.open and time.perf_counter() < until_s:
            await asyncio.sleep(EVERY_S)

    def _connect(self, first: bytes | None) -> None:
        self.open += 1
        task = asyncio.create_task(self._open(first))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, first: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Connection(self, first), *self._address)
        except OSError as error:
            self.counts[type(error).__name__] += 1
            self.open -= 1

    def _notice(self, number: int) -> bytes:
        notice = RefillNotice(
            replica="flood",
            image=IMAGE,
            takes=1000,
            told=1,
            take_rate=1000.0,
            fill_rate=0.0,
            warm=0,
            target=100,
            sequence=time.time_ns() + number,
            sent_at=time.time(),
        )
        body = notice.model_dump_json().encode()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: flooded\r\nContent-Type: application/json\r\n"
            f"{SIGNATURE_HEADER}: {sign(self._secret or 'guessed', body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def main(
    url: str, per_second: int, lasts_s: float, connections: int, secret: str = ""
) -> None:
    """Flood, and print what came of it."""
    if url == "sink":
        server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
    else:
        host, port = urlsplit(url).hostname, urlsplit(url).port
    flood = _Flood(host, port, connections, secret)
    await flood.run(per_second, lasts_s)
    print(json.dumps(flood.counts))


if __name__ == "__main__":
    os.nice(19)
    url, per_second, lasts_s, connections, *secret = sys.argv[1:]
    uvloop.run(main(url, int(per_second), float(lasts_s), int(connections), *secret))
