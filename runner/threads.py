"""Work of many milliseconds of Python, in a thread: one at a time.

Such a thread shares the interpreter's lock with the event loop. Several would end no sooner, and
the loop would wait for each of them in turn.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

# Seconds for which a thread keeps the lock that another waits for; Python's own 0.005 is too long
# for an event loop, which takes it several times for one request.
SWITCH_S = 0.001

_thread = ThreadPoolExecutor(1, "python-work")


async def in_turn(work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Its result, once it was its turn; cancelled before that, it is never begun."""
    return await asyncio.wrap_future(_thread.submit(work, *args, **kwargs))
