"""Images that are to be warm from the start, whatever the engine does when the service starts."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from pool import BackOff, EngineError, Supervisor, Tasks

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class WarmImages:
    """Tries each image until it has a pool. Must be made in a running loop.

    `warm_up` makes the image of a name warm, and tells whether it is on this node. It raises
    EngineError.
    """

    def __init__(
        self,
        names: Sequence[str],
        warm_up: Callable[[str], Awaitable[bool]],
        supervisor: Supervisor,
    ) -> None:
        self._names = names
        self._warm_up = warm_up
        self._left: set[str] = set()
        self._pauses = BackOff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        self._woken = asyncio.Event()
        self._tasks = Tasks(supervisor)

    def start(self) -> None:
        """Wait, in the background, until `begin` says that the images can be warmed."""
        if self._names:
            self._tasks.loop(self._try_for_ever, "warm images")

    async def close(self) -> None:
        """Try no more. Twice is harmless."""
        await self._tasks.cancel()

    def begin(self) -> None:
        """Warm all the images, also those that were warmed before."""
        self._left.update(self._names)
        self._pauses.succeeded()
        self._woken.set()

    def try_now(self) -> None:
        """Images have changed: those that could not be warmed are tried at once."""
        self._woken.set()

    async def _try_for_ever(self) -> None:
        while True:
            self._woken.clear()
            for name in self._names:
                if name in self._left:
                    await self._try(name)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pauses.failed() if self._left else None):
                    await self._woken.wait()

    async def _try(self, name: str) -> None:
        with suppress(EngineError):  # reported where it failed
            if await self._warm_up(name):
                self._left.discard(name)
