"""The first look at a connection, before HTTP is: a flood of notices is turned away cheaply.

Who opens a connection for each notice cannot be slowed down by late answers, and costs us more than
who keeps one: a third of a millisecond for each. So once an address has as many refusals waiting as
it may (see tarpit), a new connection of it that begins with a notice is read once, answered by
bytes that are always the same, and closed. One with a good signature goes on to where all others
go: an honest sibling behind the same address is heard as ever. Without a secret nobody can be told
from anybody, and that address is over its rate of notices anyway.

Only whole notices are looked at, that come in one piece, as siblings send them. All else is HTTP's.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable
from typing import cast

from runner.siblings.notice import PATH, SIGNATURE_HEADER, is_signed
from runner.siblings.tarpit import Tarpit

_BEGIN = f"POST {PATH} ".encode()
_SIGNATURE = re.compile(rf"\r\n{SIGNATURE_HEADER}:[ \t]*([^\r\n]*)".encode(), re.IGNORECASE)
_PROBLEM = (
    b'{"type": "about:blank", "title": "Too Many Requests", "status": 429,'
    b' "detail": "too many refused notices from this address"}'
)
_TURNED_AWAY = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: %d\r\nRetry-After: 2\r\nConnection: close\r\n\r\n%s"
) % (len(_PROBLEM), _PROBLEM)


class Gate:
    """Makes the protocol of each new connection; `http` makes those behind it."""

    def __init__(
        self,
        http: Callable[[], asyncio.Protocol],
        *,
        tarpit: Tarpit,
        secret: str,
        first_byte_s: float,
        turned_away: Callable[[], None],
    ) -> None:
        self.http = http
        self.first_byte_s = first_byte_s
        self.turned_away = turned_away
        self.silent: set[asyncio.Transport] = set()
        self._tarpit = tarpit
        self._secret = secret

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of one new connection."""
        return _Newcomer(self)

    def is_flood(self, address: str, data: bytes) -> bool:
        """Whether to turn away whom this address sends this as its first bytes."""
        if not data.startswith(_BEGIN) or self._tarpit.wait_s(address, time.monotonic()) < math.inf:
            return False
        head, _, body = data.partition(b"\r\n\r\n")
        signature = _SIGNATURE.search(head)
        if not self._secret or signature is None:
            return True
        return not is_signed(self._secret, body, signature[1].decode("utf-8", "replace"))

    def close(self) -> None:
        """Who has not said a word by now need not begin."""
        for transport in self.silent:
            transport.close()


class _Newcomer(asyncio.Protocol):
    """A connection until its first bytes."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._gate.first_byte_s, transport.close)
        self._gate.silent.add(self._transport)

    def data_received(self, data: bytes) -> None:
        self._forget()
        peer = self._transport.get_extra_info("peername")
        if self._gate.is_flood(str(peer[0]) if peer else "", data):
            self._gate.turned_away()
            self._transport.write(_TURNED_AWAY)
            self._transport.close()
            return
        http = self._gate.http()
        self._transport.set_protocol(http)
        http.connection_made(self._transport)
        http.data_received(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._forget()

    def _forget(self) -> None:
        self._deadline.cancel()
        self._gate.silent.discard(self._transport)
