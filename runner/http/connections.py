"""Bounds the number of open connections, and decides which of them is dropped first.

A connection is *unasked* until a whole request has come over it, *idle* between two requests, and
*busy* while a request is answered. When there are too many, the oldest unasked connection is
dropped; if there is none, the oldest idle one; never a busy one. An honest client asks within
moments, so a flood of silent connections costs nobody but its sender a connection.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from typing import cast

from loguru import logger

FIRST_BYTE_S = 5.0
HEAD_S = 10.0  # from a request's first byte to its last header
# The longest head that a client may send; aiohttp's own limits are for one header each.
LONGEST_HEAD_BYTES = 64 * 1024

_CALM = 0.8  # below this part of a limit, a shortage of connections is over

# Decides from a connection's first bytes which protocol gets them; None: no protocol does.
LetIn = Callable[[asyncio.Transport, bytes], asyncio.Protocol | None]


class Connections:
    """All open connections, the oldest first. `let_in` judges the first bytes of each."""

    def __init__(self, let_in: LetIn, *, most: int, most_of_address: int) -> None:
        self.let_in = let_in
        self._most = most
        self._most_of_address = most_of_address
        self._by_address: Counter[str] = Counter()
        self._unasked: dict[Connection, None] = {}
        self._idle: dict[Connection, None] = {}
        self._of_http: dict[asyncio.Protocol, Connection] = {}
        self._dropped: Counter[str] = Counter()  # in a shortage: by address; "" is that of all

    def __len__(self) -> int:
        return self._by_address.total()

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of one new connection."""
        return Connection(self)

    def of(self, http: asyncio.Protocol) -> "Connection":
        """The connection that this HTTP protocol serves; a closed one if it has ended."""
        connection = self._of_http.get(http)
        if connection is None:
            connection = Connection(self)
            connection.is_over = True
        return connection

    def close(self) -> None:
        """For a stop: drop the connections over which no request has begun."""
        for connection in list(self._unasked):
            if not connection.is_busy:
                connection.drop()

    def opened(self, connection: "Connection") -> None:
        """Count a new connection. If that is one too many, another is dropped, or the new one."""
        address = connection.address
        self._by_address[address] += 1
        if self._by_address[address] > self._most_of_address:
            self._make_room(connection, address)
        elif len(self) > self._most:
            self._make_room(connection, "")
        if not connection.is_over:
            self._unasked[connection] = None

    def speaks(self, connection: "Connection", http: asyncio.Protocol) -> None:
        """A connection's first bytes were let in, and go to this protocol."""
        self._of_http[http] = connection

    def asking(self, connection: "Connection") -> None:
        """The first bytes of a connection's next request have come."""
        if connection in self._idle:
            del self._idle[connection]
            self._unasked[connection] = None

    def asked(self, connection: "Connection") -> None:
        """The whole of a request has come."""
        self._unasked.pop(connection, None)

    def answered(self, connection: "Connection") -> None:
        """A connection waits for its next request."""
        self._unasked.pop(connection, None)
        self._idle[connection] = None

    def closed(self, connection: "Connection", http: asyncio.Protocol | None) -> None:
        """Count a connection no more."""
        self._unasked.pop(connection, None)
        self._idle.pop(connection, None)
        if http is not None:
            del self._of_http[http]
        address = connection.address
        self._by_address[address] -= 1
        left = self._by_address[address]
        if not left:
            del self._by_address[address]
        if self._dropped:
            if left < _CALM * self._most_of_address:
                self._calm(address)
            if len(self) < _CALM * self._most:
                self._calm("")

    def _make_room(self, newcomer: "Connection", address: str) -> None:
        """Drop the oldest connection of this address that is not busy; `""` means any address."""
        if not self._dropped[address]:
            count = self._by_address[address] if address else len(self)
            bound = logger.bind(address=address, connections=count)
            bound.warning("too many connections: the oldest that ask nothing are dropped")
        self._dropped[address] += 1
        waiting = itertools.chain(self._unasked, self._idle)
        oldest = next((one for one in waiting if address in ("", one.address)), newcomer)
        oldest.drop()

    def _calm(self, address: str) -> None:
        if dropped := self._dropped.pop(address, 0):
            bound = logger.bind(address=address, connections=len(self), dropped=dropped)
            bound.info("connections are within their limits again")


class Connection(asyncio.Protocol):
    """One connection. Once its first bytes were let in, HTTP gets all that it receives."""

    def __init__(self, connections: Connections) -> None:
        self.address = ""
        self.is_over = False
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._http: asyncio.Protocol | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._head = _Head()
        self.is_busy = False
        self._on_lost: Callable[[], None] | None = None

    # The handlers of requests call these.

    def head_came(self) -> None:
        """A request's handler begins."""
        self._stop_clock()
        self.is_busy = True

    def body_came(self, on_lost: Callable[[], None]) -> None:
        """The request is whole. `on_lost` is called if the client leaves before the answer."""
        if self.is_over:
            on_lost()
            return
        self._on_lost = on_lost
        self._connections.asked(self)

    def answered(self, *, is_read: bool) -> None:
        """The answer is sent. If the request was not read to its end, the connection ends with it.

        Then the server still reads for a while, because many a client looks for the answer only
        when it has sent everything. What comes is the rest of a body, and not another request.
        """
        self._on_lost = None
        if not is_read:
            return
        self.is_busy = False
        self._head = _Head()
        if not self.is_over:
            self._connections.answered(self)

    def drop(self) -> None:
        """Close the connection now, even if bytes wait to be sent. Twice is harmless."""
        if self._transport is not None:
            self._transport.abort()
        self._end()

    # The event loop calls these, see asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time limit for the first byte."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self._start_clock(FIRST_BYTE_S)
        self._connections.opened(self)

    def data_received(self, data: bytes) -> None:
        """Hand on to HTTP."""
        if self.is_over:
            return
        if not self.is_busy:
            self._read_head(data)
        if self._http is None and not self._is_let_in(data):
            return
        if self._http is not None:
            self._http.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on to HTTP."""
        return self._http.eof_received() if self._http is not None else None

    def pause_writing(self) -> None:
        """Hand on to HTTP."""
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        """Hand on to HTTP."""
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on to HTTP, and count the connection no more."""
        self._end()
        if self._http is not None:
            self._http.connection_lost(exc)

    def _is_let_in(self, data: bytes) -> bool:
        assert self._transport is not None
        http = self._connections.let_in(self._transport, data)
        if http is None:
            self._end()
            return False
        self._http = http
        self._connections.speaks(self, http)
        http.connection_made(self._transport)
        return True

    def _read_head(self, data: bytes) -> None:
        is_new = self._head.is_new
        self._head.feed(data)
        if is_new:
            self._connections.asking(self)
            self._start_clock(HEAD_S)
        elif self._head.is_too_long:
            self.drop()

    def _start_clock(self, seconds: float) -> None:
        self._stop_clock()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.drop)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._stop_clock()
        self._connections.closed(self, self._http)
        if self._on_lost is not None:
            self._on_lost()


class _Head:
    """Follows how much of a request's head has come.

    The parser skips blank lines before a request. So they end no head, but they count.
    """

    def __init__(self) -> None:
        self._bytes = 0
        self._end = b""
        self._has_begun = False
        self.is_whole = False

    @property
    def is_new(self) -> bool:
        return not self._bytes

    @property
    def is_too_long(self) -> bool:
        return not self.is_whole and self._bytes > LONGEST_HEAD_BYTES

    def feed(self, data: bytes) -> None:
        if self.is_whole:
            return
        self._bytes += len(data)
        if not self._has_begun:
            data = data.lstrip(b"\r\n")
            self._has_begun = bool(data)
        self.is_whole = b"\r\n\r\n" in self._end + data
        self._end = (self._end + data)[-3:]
