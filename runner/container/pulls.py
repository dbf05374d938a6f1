"""Pulls missing images: each once at a time, a few at once, and a bounded number waits."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pool import EngineError, ImageEngine, Tasks
from runner.latest import Latest

_MOST_WANTED = 200
_LONGEST_ERROR = 500  # characters


@dataclass(frozen=True)
class PullStatus:
    """A pull that somebody wants: since when, how often it was tried, and why it failed last.

    `since_s` is how many seconds ago the image was first asked for. `last_error` is empty until a
    try has failed.
    """

    since_s: float
    attempts: int
    last_error: str


@dataclass
class _Wanted:
    """An image that was asked for and is not here yet; `began_s` is a time of the loop's clock."""

    began_s: float
    attempts: int = 0
    last_error: str = ""


class PullsBusyError(Exception):
    """No more pulls may begin or wait."""


class Pulls:
    """`at_once` pulls run at the same time, and `queue` more may wait for them.

    `pulled` is called with the name of an image whose pull has ended well. Names are in the form
    that pool.usual_name gives them.
    """

    def __init__(
        self,
        engine: ImageEngine,
        tasks: Tasks,
        *,
        at_once: int,
        queue: int,
        pulled: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._tasks = tasks
        self._pulled = pulled
        self._most = at_once + queue
        self._may_pull = asyncio.Semaphore(at_once)
        self._under_way: dict[str, asyncio.Task[None]] = {}  # by name
        self._wanted: Latest[str, _Wanted] = Latest(_MOST_WANTED)

    @property
    def under_way(self) -> list[str]:
        """The names of the images that are being pulled, or wait for it."""
        return sorted(self._under_way)

    @property
    def statuses(self) -> dict[str, PullStatus]:
        """By name, each image that was asked for lately and has not come yet.

        A pull that failed stays among them until the image has come, or until many other images
        were asked for.
        """
        now_s = asyncio.get_running_loop().time()
        return {
            name: PullStatus(now_s - one.began_s, one.attempts, one.last_error)
            for name, one in sorted(self._wanted.items())
        }

    def begin(self, name: str) -> None:
        """See to it that a pull of this image is under way or waits; no second one is begun.

        Raises PullsBusyError.
        """
        if name in self._under_way:
            return
        if len(self._under_way) >= self._most:
            raise PullsBusyError(f"too many images are being pulled ({len(self._under_way)})")
        wanted = self._wanted.get(name) or _Wanted(asyncio.get_running_loop().time())
        self._wanted[name] = wanted
        wanted.attempts += 1
        task = self._tasks.start(self._pull(name, wanted), f"pull {name}")
        self._under_way[name] = task
        task.add_done_callback(lambda _: self._under_way.pop(name))

    def is_here(self, name: str) -> None:
        """Tell that an image is on this node; it may have come without a pull of ours."""
        if name not in self._under_way:
            self._wanted.pop(name, None)

    async def _pull(self, name: str, wanted: _Wanted) -> None:
        try:
            async with self._may_pull:
                await self._engine.pull(name)
        except EngineError as error:
            # Reported where it failed; the next call tries again.
            wanted.last_error = error.message[:_LONGEST_ERROR]
            return
        self._wanted.pop(name, None)
        self._pulled(name)
