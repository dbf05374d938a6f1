"""Simulated cores: kata, container starts and resets share them, as they share a host's."""

import asyncio
import heapq


class Cores:
    """Jobs share them evenly, each on one core at the most, as a fair scheduler does it.

    All jobs get on at the same speed, so one count, the seconds of CPU that each has been given
    since the start of time, tells when each of them ends.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._loop = asyncio.get_running_loop()
        self._given_s = 0.0
        self._at_s = self._loop.time()
        self._jobs: list[tuple[float, int, asyncio.Future[None]]] = []
        self._asked = 0
        self._next: asyncio.TimerHandle | None = None

    async def use(self, cpu_s: float) -> None:
        """Return once the job has had that much CPU."""
        self._catch_up()
        self._asked += 1
        done: asyncio.Future[None] = self._loop.create_future()
        heapq.heappush(self._jobs, (self._given_s + cpu_s, self._asked, done))
        self._wait_for_next()
        await done

    def _catch_up(self) -> None:
        now_s = self._loop.time()
        if self._jobs:
            self._given_s += (now_s - self._at_s) * min(1.0, self.count / len(self._jobs))
        self._at_s = now_s

    def _wait_for_next(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._jobs:
            left_s = self._jobs[0][0] - self._given_s
            wait_s = left_s * max(1.0, len(self._jobs) / self.count)
            self._next = self._loop.call_later(wait_s, self._ended)

    def _ended(self) -> None:
        self._catch_up()
        # The job's own account counts, not the clock: rounding must not make it wait for ever.
        self._given_s = max(self._given_s, self._jobs[0][0])
        _, _, done = heapq.heappop(self._jobs)
        if not done.cancelled():
            done.set_result(None)
        self._wait_for_next()
