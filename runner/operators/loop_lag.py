"""Measures how late the event loop is, because whatever keeps it busy delays every run."""

import asyncio
from collections.abc import Callable

from pool import Buckets, Supervisor, Tasks

EVERY_S = 0.5  # two wake-ups a second cost nothing that could be measured
_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopLag:
    """Sleeps again and again, and notes by how much each sleep was too long.

    `now_s` is the clock; None: the loop's own. Must be made in a running loop.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        every_s: float = EVERY_S,
        *,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        self.seconds = Buckets(_BOUNDS_S)
        self._every_s = every_s
        self._now_s = now_s or asyncio.get_running_loop().time
        self._tasks = Tasks(supervisor)

    def start(self) -> None:
        """Begin to sample, in the background, for ever."""
        self._tasks.loop(self._sample_for_ever, "loop lag")

    async def close(self) -> None:
        """Sample no more. Twice is harmless."""
        await self._tasks.cancel()

    async def _sample_for_ever(self) -> None:
        while True:
            due_s = self._now_s() + self._every_s
            await asyncio.sleep(self._every_s)
            self.seconds.note(max(0.0, self._now_s() - due_s))
