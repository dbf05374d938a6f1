"""Looks at a connection's first bytes before HTTP does, and turns a flood of notices away cheaply.

The tarpit (runner/siblings/tarpit.py) slows down a sender that waits for each answer. A sender that
opens a new connection for each notice does not wait, so late answers do not slow it down. Each of
its notices costs a third of a millisecond. Therefore, when as many refusals to an address wait as
may wait, the gate turns away the next notice from that address: it reads the connection once, sends
bytes that are always the same, and closes it.

A notice with a good signature still goes to HTTP, so an honest sibling behind the same address is
heard. Without a secret no sender can be told from another, so all senders of that address are
turned away. The address sends more notices than count in any case.

The gate looks only at whole notices that come in one piece, as siblings send them. HTTP gets all
other connections.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable

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
    """Decides whether a connection gets to HTTP; `http` makes a protocol for it."""

    def __init__(
        self,
        http: Callable[[], asyncio.Protocol],
        *,
        tarpit: Tarpit,
        secret: str,
        turned_away: Callable[[], None],
    ) -> None:
        self._http = http
        self._tarpit = tarpit
        self._secret = secret
        self._turned_away = turned_away

    def let_in(self, transport: asyncio.Transport, data: bytes) -> asyncio.Protocol | None:
        """The protocol that gets a connection's first bytes; None if the connection was closed."""
        peer = transport.get_extra_info("peername")
        if not self._is_flood(str(peer[0]) if peer else "", data):
            return self._http()
        self._turned_away()
        transport.write(_TURNED_AWAY)
        transport.close()
        return None

    def _is_flood(self, address: str, data: bytes) -> bool:
        """Whether to turn away the sender at this address, whose first bytes these are."""
        if not data.startswith(_BEGIN) or self._tarpit.wait_s(address, time.monotonic()) < math.inf:
            return False
        head, _, body = data.partition(b"\r\n\r\n")
        signature = _SIGNATURE.search(head)
        if not self._secret or signature is None:
            return True
        return not is_signed(self._secret, body, signature[1].decode("utf-8", "replace"))
