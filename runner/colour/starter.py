"""Starts evaluators. If a start hangs, a second one is begun, and the first to succeed counts."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from pool import EngineError, Supervisor, Tasks
from runner.colour.evaluator import Evaluator

# A start takes half a second. If it takes much longer than others did on this machine, the engine
# may have lost it, and the wait would last until its limit of 20 s. But an overloaded machine must
# not get more to do, so a start that went well has to show first how long starts take there.
SLOW_S = 3.0
# The same while a start is under way that began before the engine was lost and found again: the
# engine may have forgotten it.
DOUBTFUL_S = 1.0


def slow_s(last_s: float | None) -> float | None:
    """The seconds after which a start counts as hanging, if the last good start took `last_s`.

    None if there was no good start yet: then no start counts as hanging.
    """
    return None if last_s is None else max(SLOW_S, 4 * last_s)


def doubtful_s(last_s: float | None) -> float | None:
    """The same for a start that was under way when the engine failed and then answered again.

    Such a start counts as hanging sooner, because the engine may have lost it.
    """
    return None if last_s is None else max(DOUBTFUL_S, 2 * last_s)


class Starter:
    """Starts one evaluator at a time, by at most two starts.

    `start` makes an evaluator, or raises EngineError. `remove` removes one that came too late.
    """

    def __init__(
        self,
        start: Callable[[], Coroutine[Any, Any, Evaluator]],
        remove: Callable[[Evaluator], Awaitable[None]],
        supervisor: Supervisor,
        *,
        slow_s: Callable[[float | None], float | None] = slow_s,
        doubtful_s: Callable[[float | None], float | None] = doubtful_s,
    ) -> None:
        self._start = start
        self._remove = remove
        self._slow_s = slow_s
        self._doubtful_s = doubtful_s
        self._tasks = Tasks(supervisor)
        self._began_s = 0.0
        self._last_s: float | None = None
        self._patience: asyncio.Timeout | None = None  # with the only start that is under way

    def hurry(self) -> None:
        """The engine is back: wait only a moment for a start that was under way before."""
        limit, patience_s = self._patience, self._doubtful_s(self._last_s)
        if limit is not None and not limit.expired() and patience_s is not None:
            soon_s = self._began_s + patience_s
            limit.reschedule(min(soon_s, limit.when() or soon_s))

    async def evaluator(self) -> Evaluator:
        """A new evaluator. Raises the EngineError of the start that failed last."""
        unwanted = {self._begin()}
        try:
            await self._wait_for_first(*unwanted)
            if not any(one.done() for one in unwanted):
                unwanted.add(self._begin())
            chosen = await _first_good(unwanted)
            unwanted.discard(chosen)
        finally:
            for one in unwanted:
                self._tasks.start(self._discard(one), "discard a start of the traffic light")
        return chosen.result()

    async def close(self) -> None:
        """Wait until the evaluators that came too late are removed."""
        await self._tasks.finish()

    def _begin(self) -> asyncio.Task[Evaluator]:
        return self._tasks.start(self._timed(), "start traffic light", expected=EngineError)

    async def _timed(self) -> Evaluator:
        began_s = asyncio.get_running_loop().time()
        evaluator = await self._start()
        self._last_s = asyncio.get_running_loop().time() - began_s
        return evaluator

    async def _wait_for_first(self, start: asyncio.Task[Evaluator]) -> None:
        """Wait until the start ends, or hangs."""
        self._began_s = asyncio.get_running_loop().time()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._slow_s(self._last_s)) as self._patience:
                    await asyncio.wait([start])
        finally:
            self._patience = None

    async def _discard(self, start: asyncio.Task[Evaluator]) -> None:
        start.cancel()
        await asyncio.wait([start])
        if not start.cancelled() and start.exception() is None:
            evaluator = start.result()
            evaluator.fail("another one was there first")
            await self._remove(evaluator)


async def _first_good(starts: Iterable[asyncio.Task[Evaluator]]) -> asyncio.Task[Evaluator]:
    """The first start that succeeds; if all fail, the one that failed last."""
    under_way = set(starts)
    while True:
        ended, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        good = [one for one in ended if one.exception() is None]
        if good or not under_way:
            return (good or list(ended))[0]
