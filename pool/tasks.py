"""Gives every background task an owner, and runs every loop that fails again.

The one `Supervisor` of the process hears of each error, and knows the state of every loop. A
`Tasks` holds the tasks of one class, which ends all of them when it is closed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from pool.back_off import BackOff

FIRST_PAUSE_S = 1.0  # between a loop's failure and its next start
LONGEST_PAUSE_S = 60.0
# A loop that has run for so long is well again, so its next failure counts as the first one.
WELL_AFTER_S = 60.0
# Tasks that are cancelled at the end of the process end at once, unless they have to begin others.
GIVE_UP_ROUNDS = 4
GIVE_UP_S = 0.1

_R = TypeVar("_R")


class LoopReturnedError(Exception):
    """A loop that should run for ever has returned."""


@dataclass
class LoopStatus:
    """The state of one loop: whether it runs now, how often it has failed, and its last error."""

    is_running: bool = True
    failures: int = 0
    last_error: str = ""


def tell_asyncio(name: str, error: BaseException) -> None:
    """Tell the event loop of an error; by default it logs it through Python's `logging`."""
    context = {"message": f"the task {name!r} failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)


class Supervisor:
    """Hears of every background task that ends with an error.

    `report` is called with the task's name and its error. `loops` has the status of each loop that
    was begun and not ended, by its name.
    """

    def __init__(
        self,
        report: Callable[[str, BaseException], None] = tell_asyncio,
        *,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self.report = report
        self.loops: dict[str, LoopStatus] = {}
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s

    def back_off(self) -> BackOff:
        """The pauses after the failures of one loop."""
        return BackOff(self._first_pause_s, self._longest_pause_s)


class Tasks:
    """The background tasks and loops of one owner. Must be used in a running loop."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(
        self,
        coroutine: Coroutine[Any, Any, _R],
        name: str,
        *,
        expected: type[BaseException] | tuple[type[BaseException], ...] = (),
    ) -> asyncio.Task[_R]:
        """Run the coroutine in the background.

        The supervisor hears of every error that is not `expected`. The `expected` ones are for the
        code that awaits the task.
        """
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)

        def ended(task: asyncio.Task[_R]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                return
            error = task.exception()
            if error is not None and not isinstance(error, expected):
                self._supervisor.report(name, error)

        task.add_done_callback(ended)
        return task

    def loop(self, body: Callable[[], Awaitable[None]], name: str) -> None:
        """Run `body`, which never returns by itself, until these tasks are cancelled.

        When it raises, or returns, the supervisor hears of it by the loop's name, and `body` is
        called again after a pause that grows with each failure.
        """
        self.start(self._run_for_ever(body, name), name)

    async def finish(self) -> None:
        """Wait until every task has ended by itself."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        """Cancel every task, and wait until all have ended. Twice is harmless."""
        for task in self._tasks:
            task.cancel()
        await self.finish()

    async def _run_for_ever(self, body: Callable[[], Awaitable[None]], name: str) -> None:
        status = self._supervisor.loops[name] = LoopStatus()
        back_off = self._supervisor.back_off()
        now_s = asyncio.get_running_loop().time
        try:
            while True:
                began_s = now_s()
                error = await _error_of(body)
                if now_s() - began_s >= WELL_AFTER_S:
                    back_off.succeeded()
                status.is_running = False
                status.failures += 1
                status.last_error = str(error) or type(error).__name__
                self._supervisor.report(name, error)
                await asyncio.sleep(back_off.failed())
                status.is_running = True
        finally:
            del self._supervisor.loops[name]


async def _error_of(body: Callable[[], Awaitable[None]]) -> Exception:
    """Call the body of a loop, and return the error with which it ended."""
    try:
        await body()
    except Exception as error:
        return error
    return LoopReturnedError("the loop returned")


async def give_up_all() -> None:
    """Cancel all tasks of the loop but this one, because the process is about to end.

    A task that is cancelled may begin another one, and wait for it: a start begins the removal of
    its container. So all that is left is cancelled again after a moment, a few times. Otherwise
    such a task would be torn down in the middle of its work, with an error that tells nobody
    anything.
    """
    for _ in range(GIVE_UP_ROUNDS):
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if not rest:
            return
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=GIVE_UP_S)
