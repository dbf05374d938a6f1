"""Gathers the events of a moment, and hands them on together."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

# Three views are told of each run. Telling them of one run at a time takes twice as long, because
# each run puts other code and data into the processor's caches.
GATHER_S = 0.2
MOST = 100

_T = TypeVar("_T")


class Gathered(Generic[_T]):
    """Hands things on in their order, each at most GATHER_S after it was put in.

    Must be used in a running loop. At most MOST things wait.
    """

    def __init__(self, hand_on: Callable[[_T], None]) -> None:
        self._hand_on = hand_on
        self._waiting: list[_T] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def put(self, thing: _T) -> None:
        """Hand a thing on soon."""
        self._waiting.append(thing)
        if self._is_closed or len(self._waiting) >= MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self.flush)

    def flush(self) -> None:
        """Hand on now all things that wait, for a reader that wants to see all of them."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for thing in waiting:
            self._hand_on(thing)

    def close(self) -> None:
        """Hand on all that waits, and from now on each thing at once, as the loop may soon end."""
        self._is_closed = True
        self.flush()
