"""Gathers what happens within a moment, and hands it on together."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

# Of a run, three views are told. Told of each run by itself they take twice the time, as the run
# has put other code and data into the processor's caches meanwhile.
GATHER_S = 0.2
MOST = 100

_T = TypeVar("_T")


class Gathered(Generic[_T]):
    """Hands on, in their order, the things that are put in: GATHER_S later at the latest.

    Must be used in a running loop. At most MOST things wait.
    """

    def __init__(self, hand_on: Callable[[_T], None]) -> None:
        self._hand_on = hand_on
        self._waiting: list[_T] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def put(self, thing: _T) -> None:
        """Hand it on soon."""
        self._waiting.append(thing)
        if self._is_closed or len(self._waiting) >= MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self.flush)

    def flush(self) -> None:
        """Hand on now what waits: for those who want to see all that has happened."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for thing in waiting:
            self._hand_on(thing)

    def close(self) -> None:
        """Hand on what waits, and from now on each thing at once: the loop may end any moment."""
        self._is_closed = True
        self.flush()
