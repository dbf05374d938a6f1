"""One image's books: what is warm, starting, leased, and who waits. Synchronous, no clock."""

import asyncio
from collections import deque

from pool.container import Container, State
from pool.errors import PoolError


class Waiter:
    """Someone who waits for the next container that gets warm.

    It is answered once, and says whether it took the answer: one that was cancelled in the same
    tick refuses, so that no container is handed to nobody.
    """

    def __init__(self) -> None:
        self._answer: asyncio.Future[Container] = asyncio.get_running_loop().create_future()

    def offer(self, container: Container) -> bool:
        """Whether it took the container."""
        if self._answer.done():
            return False
        self._answer.set_result(container)
        return True

    def fail(self, error: PoolError) -> bool:
        """Whether it was still waiting."""
        if self._answer.done():
            return False
        self._answer.set_exception(error)
        return True

    async def container(self) -> Container:
        """Raises what `fail` was given."""
        return await self._answer

    def withdraw(self) -> Container | None:
        """Stop waiting; the container that had been given meanwhile, if one was."""
        if not self._answer.done():
            self._answer.cancel()
            return None
        if self._answer.cancelled() or self._answer.exception():
            return None
        return self._answer.result()


class Ledger:
    """All mutable state of one image's pool is in these few collections."""

    def __init__(self) -> None:
        self.warm: deque[Container] = deque()
        self.leased: set[Container] = set()
        self.returning: set[Container] = set()
        self.waiting: deque[Waiter] = deque()
        self.starting = 0  # asked of the engine and not answered yet
        self.queued = 0  # refills that wait for their turn

    def __repr__(self) -> str:
        return (
            f"<Ledger warm={len(self.warm)} starting={self.starting} queued={self.queued}"
            f" leased={len(self.leased)} returning={len(self.returning)}"
            f" waiting={len(self.waiting)}>"
        )

    def take(self) -> Container | None:
        """The oldest warm container, now leased; None is a miss."""
        while self.warm:
            container = self.warm.popleft()
            if not container.stream.ended:
                self._lease(container)
                return container
        return None

    def wait(self) -> Waiter:
        """Join the queue for what gets warm next."""
        waiter = Waiter()
        self.waiting.append(waiter)
        return waiter

    def unserved(self) -> int:
        """How many wait for a container that is not on its way."""
        return max(0, len(self.waiting) - self.starting - len(self.returning))

    def missing(self, target: int) -> int:
        """How many refills it takes to have `target` warm."""
        coming = self.starting + self.queued + len(self.returning) - len(self.waiting)
        return max(0, target - len(self.warm) - max(0, coming))

    def became_warm(self, container: Container) -> None:
        """To the first who waits and takes it; else it stays warm."""
        while self.waiting:
            if self.waiting.popleft().offer(container):
                self._lease(container)
                return
        self.warm.append(container)

    def given_back(self, container: Container) -> None:
        """It can be used, again or still."""
        self.leased.discard(container)
        self.returning.discard(container)
        container.move(State.WARM)
        self.became_warm(container)

    def comes_back(self, container: Container) -> None:
        """Its use is over, and it is getting warm again."""
        self.leased.discard(container)
        container.move(State.RETURNING)
        self.returning.add(container)

    def start_failed(self, error: PoolError) -> None:
        """Those whom nothing that is still on its way can serve learn why."""
        while self.unserved():
            self.waiting.popleft().fail(error)

    def leave(self, waiter: Waiter) -> None:
        """It waits no more."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)

    def strike(self, container: Container) -> None:
        """It is no longer in the books."""
        container.move(State.DISCARDED)
        self.leased.discard(container)
        self.returning.discard(container)
        if container in self.warm:
            self.warm.remove(container)

    def _lease(self, container: Container) -> None:
        container.move(State.LEASED)
        self.leased.add(container)
