"""Renders the live page's state once a second for all watchers; not at all without watchers."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pool import Supervisor, Tasks
from runner.operators.findings import findings
from runner.operators.health import Health
from runner.operators.neighbours import EVERY_S as LOOK_EVERY_S
from runner.operators.neighbours import Neighbours
from runner.operators.page_state import state_of
from runner.operators.recent_runs import RunsSeen
from runner.operators.replica_view import view_of

EVERY_S = 1.0
MOST_WATCHERS = 20


class TooManyWatchersError(Exception):
    """No more clients may watch."""


@dataclass(frozen=True)
class Rendering:
    """The live page's state at one moment, as JSON.

    Renderings are numbered one after the other. After the one that `is_last` there is no other.
    """

    number: int = 0
    state: bytes = b""
    is_last: bool = False


class LivePage:
    """Renders what `health` and `runs` tell. Must be made in a running loop.

    `acts` tells whether operators may act (runner/http/acts.py).
    """

    def __init__(
        self,
        health: Callable[[], Health],
        runs: Callable[[], RunsSeen],
        *,
        acts: bool,
        supervisor: Supervisor,
    ) -> None:
        self._health = health
        self._runs = runs
        self._acts = acts
        self._neighbours = Neighbours(self._addresses)
        self._tasks = Tasks(supervisor)
        self._watchers = 0
        self._is_watched = asyncio.Event()
        self._rendering = Rendering()
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_over(self) -> bool:
        """Whether no more renderings will come."""
        return self._rendering.is_last

    def start(self) -> None:
        """From now on render in the background, as long as somebody watches."""
        self._tasks.loop(self._render_for_ever, "live page")
        self._tasks.loop(self._look_for_ever, "live page: siblings")

    async def close(self) -> None:
        """Render no more; the watchers get a last rendering. Twice is harmless."""
        if not self.is_over:
            self._show(self._rendering.state, is_last=True)
        await self._tasks.cancel()
        await self._neighbours.close()

    @contextmanager
    def watching(self) -> Iterator[int]:
        """Count a watcher inside the block.

        Yields a number: the watcher's first rendering is the next one after it (`rendering_after`).
        Raises TooManyWatchersError.
        """
        if self._watchers >= MOST_WATCHERS:
            raise TooManyWatchersError(f"{MOST_WATCHERS} clients watch already")
        # The first watcher must not get the latest rendering, which may be an hour old. The others
        # get it at once.
        begin = self._rendering.number - (1 if self._watchers else 0)
        self._watchers += 1
        self._is_watched.set()
        try:
            yield begin
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._is_watched.clear()

    async def rendering_after(self, number: int) -> Rendering:
        """The latest rendering, as soon as its number is higher than `number`.

        It does not wait when the page is closed. A client that is too slow for every rendering
        misses those in between.
        """
        while self._rendering.number <= number and not self.is_over:
            await asyncio.shield(self._next)
        return self._rendering

    async def _render_for_ever(self) -> None:
        while not self.is_over:
            await self._is_watched.wait()
            health = self._health()
            self._show(self._state(health), is_last=health.status == "draining")
            await asyncio.sleep(EVERY_S)
        await asyncio.Event().wait()  # until it is closed

    async def _look_for_ever(self) -> None:
        while True:
            await self._is_watched.wait()
            await self._neighbours.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def _show(self, state: bytes, *, is_last: bool) -> None:
        self._rendering = Rendering(self._rendering.number + 1, state, is_last)
        shown, self._next = self._next, asyncio.get_running_loop().create_future()
        shown.set_result(None)

    def _state(self, health: Health) -> bytes:
        own = view_of(health.as_json())
        neighbours = self._neighbours.by_address
        return state_of(
            own,
            neighbours,
            self._runs(),
            findings(own, neighbours),
            acts=self._acts,
        )

    def _addresses(self) -> Iterable[str]:
        return [sibling.address for sibling in self._health().siblings]
