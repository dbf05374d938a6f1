"""A thread for pieces of work that take many milliseconds of Python, one after another.

The thread shares the interpreter's lock with the event loop. Several threads would end their work
no sooner, and the event loop would wait for each of them in turn.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

# A thread keeps the lock for so many seconds while another waits for it. Python's default of 0.005
# is too long for an event loop, which takes the lock several times for one request.
SWITCH_S = 0.001

_thread = ThreadPoolExecutor(1, "python-work")


async def in_turn(work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Do the work in the thread, and return its result.

    If the caller is cancelled before the work's turn, the work is never begun.
    """
    return await asyncio.wrap_future(_thread.submit(work, *args, **kwargs))
