"""An event loop whose time jumps to the next timer as soon as nothing is left to do at this time.

The real pool, admission and notices take all of their time from the loop, so a day of theirs passes
in as long as its events take to compute. `looptime` offers the same as a plugin of pytest that
patches whichever loop there is; a loop of our own takes thirty lines, and works without pytest.
"""

import asyncio
import random
import selectors
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

R = TypeVar("R")


class NothingLeftError(Exception):
    """All tasks wait, and no timer is left that could wake one of them."""


class _Jump(selectors.DefaultSelector):
    """Waits for no file: it moves the clock instead."""

    def __init__(self, now_s: float) -> None:
        super().__init__()
        self.now_s = now_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Pass `timeout` seconds of virtual time. Raises NothingLeftError if it is endless."""
        if timeout is None:
            raise NothingLeftError
        self.now_s += max(0.0, timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Begins at `now_s`. It serves no files, no other threads and no processes."""

    def __init__(self, now_s: float = 0.0) -> None:
        self._jump = _Jump(now_s)
        super().__init__(self._jump)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jump.now_s


def run(main: Coroutine[Any, Any, R], *, seed: int, begin_s: float = 0.0) -> R:
    """The result of `main`, in virtual time from `begin_s` on and with chance of this seed.

    The pool, like other code that is not told where its chance comes from, asks Python's `random`.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        with asyncio.Runner(loop_factory=partial(VirtualTimeLoop, begin_s)) as runner:
            return runner.run(main)
    finally:
        random.setstate(before)
