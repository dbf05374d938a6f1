"""Threads for work that would hold up the event loop; each kind of work has threads of its own.

The event loop's own threads get no work: at its end the loop waits for all that they do, and nobody
can end a thread.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

# How long a thread keeps the interpreter's lock while another waits for it. Python's default of
# 0.005 is too long for an event loop, which takes the lock several times for one request.
SWITCH_S = 0.001

# This one thread shares the interpreter's lock with the event loop. Several threads would end their
# work no sooner, and the event loop would wait for each of them in turn.
_thread = ThreadPoolExecutor(1, "python-work")
_beside_python = ThreadPoolExecutor(os.cpu_count() or 1, "native-work")


async def in_turn(work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Do work of many milliseconds of Python, one piece after another, and return its result.

    If the caller is cancelled before the work's turn, the work is never begun.
    """
    return await asyncio.wrap_future(_thread.submit(work, *args, **kwargs))


async def beside(work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Do work that needs the interpreter's lock only now and then, as many pieces as CPUs at once.

    The work must end by itself within seconds, because the end of the process waits for it. If the
    caller is cancelled before the work's turn, the work is never begun.
    """
    return await asyncio.wrap_future(_beside_python.submit(work, *args, **kwargs))


async def aside(work: Callable[[], _R]) -> _R:
    """Do work that may never end, such as reading from a disk that never answers.

    The work gets a thread of its own, which holds up neither the loop nor the process's end. So the
    caller sets a time limit, and sees to it that few such threads are begun.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_R] = loop.create_future()

    def settle(result: _R | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # of the work's own type

    def do() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:
            failure = error
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=do, daemon=True, name="aside").start()
    return await answer
