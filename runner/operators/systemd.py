"""Tells systemd the daemon's state, if systemd has started it: see sd_notify(3)."""

import asyncio
import socket

from loguru import logger

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


class Systemd:
    """Sends words to the socket that systemd names; without one every call does nothing.

    `watchdog_usec` is how long systemd waits for a sign of life, in microseconds; 0: for ever.
    """

    def __init__(self, notify_socket: str, watchdog_usec: int = 0) -> None:
        # An @ at the beginning stands for the NUL with which an abstract socket's name begins.
        is_abstract = notify_socket.startswith("@")
        self._address = f"\0{notify_socket[1:]}" if is_abstract else notify_socket
        self._every_s = watchdog_usec / 1e6 / 2

    def tell(self, words: str) -> None:
        """Send a word to systemd. If systemd does not listen, a warning is logged."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one:
                one.connect(self._address)
                one.send(words.encode())
        except OSError as error:
            logger.bind(reason=str(error)).warning("systemd does not listen")

    async def give_signs_of_life(self) -> None:
        """Give signs of life, twice as often as systemd asks for them.

        They come from the event loop, so an event loop that hangs gives none. Returns at once if
        systemd asks for none.
        """
        while self._address and self._every_s:
            self.tell(ALIVE)
            await asyncio.sleep(self._every_s)
