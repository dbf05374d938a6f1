"""Decides which runs go on now and which wait: first come, first served, within bounds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class BusyError(Exception):
    """Too many runs wait already, or this one has waited too long; carries the counts."""

    def __init__(self, why: str, *, running: int, waiting: int) -> None:
        super().__init__(f"{why} ({running} running, {waiting} waiting)")
        self.running = running
        self.waiting = waiting


class Admission:
    """At most `places` runs go on at once, and at most `queue` wait, in the order they came.

    Runs share the cores. When more than cores + 1 go on at once, each takes longer, and none ends
    sooner.
    """

    def __init__(self, *, places: int, queue: int) -> None:
        self._places = asyncio.Semaphore(places)
        self._queue = queue
        self.running = 0
        self.waiting = 0
        self.refused = 0

    def check(self) -> None:
        """Raises BusyError, and counts it, when a run that came now would be refused at once."""
        if self.waiting >= self._queue and self._places.locked():
            raise self._busy("the queue is full")

    @asynccontextmanager
    async def turn(self, until_s: Callable[[], float]) -> AsyncIterator[float]:
        """Wait for a place, at the longest until that time of the loop's clock, and hold it.

        `until_s` is called when the time seems to be over, and once more when the place is there,
        because the time may have changed while the run waited. Yields the seconds waited. Raises
        BusyError.
        """
        waited_s = await self._wait(until_s)
        self.running += 1
        try:
            yield waited_s
        finally:
            self.running -= 1
            self._places.release()

    async def _wait(self, until_s: Callable[[], float]) -> float:
        self.check()
        if not self._places.locked():
            await self._places.acquire()
            return 0.0
        clock = asyncio.get_running_loop().time
        began_s = clock()
        self.waiting += 1
        try:
            async with _ended_by(until_s):
                await self._places.acquire()
        except TimeoutError as error:
            waited_s = clock() - began_s
            raise self._busy(f"no place became free within {waited_s:.1f} s") from error
        finally:
            self.waiting -= 1
        waited_s = clock() - began_s
        if clock() > until_s():
            self._places.release()
            raise self._busy(f"no place became free in time; one did after {waited_s:.1f} s")
        return waited_s

    def _busy(self, why: str) -> BusyError:
        self.refused += 1
        return BusyError(why, running=self.running, waiting=self.waiting)


@asynccontextmanager
async def _ended_by(until_s: Callable[[], float]) -> AsyncIterator[None]:
    """Raises TimeoutError at the time that `until_s` returns.

    At that time `until_s` is called again; if its time is later now, the block goes on until then.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as limit:

        def look() -> None:
            nonlocal timer
            now_s = loop.time()
            if now_s >= (ends_s := until_s()):
                limit.reschedule(now_s)
            else:
                timer = loop.call_at(ends_s, look)

        timer = loop.call_at(until_s(), look)
        try:
            yield
        finally:
            timer.cancel()
