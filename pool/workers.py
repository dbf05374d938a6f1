"""Runs a few jobs at a time, by asyncio-pool, which no other file knows.

asyncio-pool 0.6 loses a slot for ever when a job is cancelled before its first step, and ignores
a cancellation while it waits for space (docs/architecture.md, The pool). So nothing is cancelled
through it. Instead each job runs in a task of its own, which is cancelled once it has started.
"""

import asyncio
from collections.abc import Callable, Coroutine

from asyncio_pool import AioPool

from pool.tasks import Supervisor

Job = Callable[[], Coroutine[None, None, None]]


class Workers:
    """Runs jobs in their order, at most `size` at the same time. Must be made in a running loop.

    The supervisor hears of a job that fails, by the job's name.
    """

    def __init__(self, size: int, supervisor: Supervisor) -> None:
        self._pool = AioPool(size=size)
        self._supervisor = supervisor
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def idle(self) -> bool:
        """Whether no job runs or waits."""
        return bool(self._pool.is_empty)

    def submit(self, job: Job, name: str) -> None:
        """Run the job when its turn comes. After `close` it is never run."""
        if not self._closed:
            self._pool.spawn_n(self._run(job, name))

    async def close(self, limit_s: float) -> None:
        """Begin no job any more; wait for those that run, and cancel them after `limit_s`."""
        self._closed = True
        try:
            async with asyncio.timeout(limit_s):
                await self._pool.join()
        except TimeoutError:
            for task in self._running:
                task.cancel()
            await self._pool.join()

    async def _run(self, job: Job, name: str) -> None:
        if self._closed:
            return
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await job()
        except asyncio.CancelledError:
            pass  # close() has cancelled it; asyncio-pool must count the job as ended
        except BaseException as error:
            self._supervisor.report(name, error)
        finally:
            self._running.discard(task)
