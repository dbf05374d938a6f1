"""Tells systemd the daemon's state, if systemd has started it: see sd_notify(3)."""

import asyncio
import socket
from collections.abc import Callable

from loguru import logger

from pool import Supervisor, Tasks

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


def _send(address: str, words: bytes) -> None:
    """Send a datagram to a Unix socket. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one:
        one.connect(address)
        one.send(words)


class Systemd:
    """Sends words to the socket that systemd names; without one every call does nothing.

    `watchdog_usec` is how long systemd waits for a sign of life, in microseconds; 0: for ever.
    `send` sends words to an address, and raises OSError.
    """

    def __init__(
        self,
        notify_socket: str,
        watchdog_usec: int,
        supervisor: Supervisor,
        *,
        send: Callable[[str, bytes], None] = _send,
    ) -> None:
        # An @ at the beginning stands for the NUL with which an abstract socket's name begins.
        is_abstract = notify_socket.startswith("@")
        self._address = f"\0{notify_socket[1:]}" if is_abstract else notify_socket
        self._every_s = watchdog_usec / 1e6 / 2
        self._send = send
        self._tasks = Tasks(supervisor)

    def tell(self, words: str) -> None:
        """Send a word to systemd. If systemd does not listen, a warning is logged."""
        if not self._address:
            return
        try:
            self._send(self._address, words.encode())
        except OSError as error:
            logger.bind(reason=str(error)).warning("systemd does not listen")

    def start(self) -> None:
        """Give signs of life in the background, twice as often as systemd asks for them, if at all.

        They come from the event loop, so an event loop that hangs gives none.
        """
        if self._address and self._every_s:
            self._tasks.loop(self._give_signs_of_life, "watchdog")

    async def close(self) -> None:
        """Give no more signs of life. Twice is harmless."""
        await self._tasks.cancel()

    async def _give_signs_of_life(self) -> None:
        while True:
            self.tell(ALIVE)
            await asyncio.sleep(self._every_s)
