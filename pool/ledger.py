"""One image's books: its warm, starting and leased containers, and the callers that wait.

The ledger is synchronous, and has no clock.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pool.buckets import START_BOUNDS_S, Buckets
from pool.container import Container, State
from pool.errors import PoolError
from pool.host import Host
from pool.sharing import Stake

# Discards are counted by reason. Some reasons are the words of a program in a container, which
# could make up new ones without end. So at most so many reasons are told apart.
MOST_REASONS = 50
OTHER_REASONS = "other"


class Waiter:
    """A caller that waits for the next container that gets warm.

    A waiter is answered once, and says whether it took the answer. A caller that was cancelled in
    the same tick does not take it, so the container can go to another caller.
    """

    def __init__(self) -> None:
        self._answer: asyncio.Future[Container] = asyncio.get_running_loop().create_future()

    def offer(self, container: Container) -> bool:
        """Give the waiter a container; returns whether the waiter took it."""
        if self._answer.done():
            return False
        self._answer.set_result(container)
        return True

    def fail(self, error: PoolError) -> bool:
        """Fail the waiter; returns whether it was still waiting."""
        if self._answer.done():
            return False
        self._answer.set_exception(error)
        return True

    async def container(self) -> Container:
        """Wait for the container. Raises the error that `fail` was given."""
        return await self._answer

    def withdraw(self) -> Container | None:
        """Stop waiting; returns a container if one was given meanwhile."""
        if not self._answer.done():
            self._answer.cancel()
            return None
        if self._answer.cancelled() or self._answer.exception():
            return None
        return self._answer.result()


@dataclass
class Counts:
    """Counts of all that happened so far; see PoolStatistics."""

    hits: int = 0
    misses: int = 0
    starts: int = 0
    failures: int = 0
    resets: int = 0
    discarded_after_runs: int = 0
    runs_of_discarded: int = 0
    discards: dict[str, int] = field(default_factory=dict)
    start_seconds: Buckets = field(default_factory=lambda: Buckets(START_BOUNDS_S))


class Ledger:
    """The books: all mutable state of one image's pool is in these few collections.

    Each move is told to the host's books, too, which count the containers of all images.
    """

    def __init__(self, host: Host, stake: Stake, *, reusable: bool = False) -> None:
        self.warm: deque[Container] = deque()
        self.leased: set[Container] = set()
        self.resetting: set[Container] = set()
        self.waiting: deque[Waiter] = deque()
        self.starting = 0  # asked of the engine and not answered yet
        self.queued = 0  # refills that wait for their turn
        self.reusable = reusable
        self.is_closed = False  # nothing new is started, reset or handed out
        self.counts = Counts()
        self._host = host
        self._stake = stake

    def __repr__(self) -> str:
        return (
            f"<Ledger warm={len(self.warm)} starting={self.starting} queued={self.queued}"
            f" leased={len(self.leased)} resetting={len(self.resetting)}"
            f" waiting={len(self.waiting)}>"
        )

    def __iter__(self) -> Iterator[Container]:
        yield from (*self.warm, *self.leased, *self.resetting)

    @property
    def idle_target(self) -> int:
        """How many containers should wait for a run; one that is resetting counts as waiting.

        That is the target itself, unless the containers are reusable. Then the target includes
        those in use, and those that callers wait for.
        """
        return self._idle(self._stake.target)

    @property
    def own_idle_target(self) -> int:
        """The same, but without the containers that only hearsay asks for."""
        return self._idle(min(self._stake.target, self._stake.own))

    def _idle(self, target: int) -> int:
        if not self.reusable:
            return target
        return max(0, target - len(self.leased) - len(self.waiting))

    # Starts

    def start_began(self) -> None:
        """The engine was asked for a container."""
        self.starting += 1
        self.counts.starts += 1
        self._host.moved(self._stake, starting=+1)

    def start_ended(self) -> None:
        """The engine has answered, whatever the answer is."""
        self.starting -= 1
        self._host.moved(self._stake, starting=-1)

    def start_failed(self) -> None:
        """The engine has answered with an error."""
        self.start_ended()
        self.counts.failures += 1

    def missing(self, target: int) -> int:
        """How many refills it takes to reach the target."""
        coming = self.starting + self.queued + len(self.resetting) - len(self.waiting)
        return max(0, target - len(self.warm) - max(0, coming))

    # Callers

    def take(self) -> Container | None:
        """The oldest warm container, which is leased from now on; None if there is none."""
        for container in self.warm:
            if not container.stream.ended:
                self.warm.remove(container)
                self._host.moved(self._stake, warm=-1)
                self._lease(container)
                return container
        return None

    def wait(self) -> Waiter:
        """Join the queue for the next container that gets warm."""
        waiter = Waiter()
        self.waiting.append(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """The waiter waits no more."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)

    def unserved(self) -> int:
        """How many callers wait for a container that is not on its way."""
        return max(0, len(self.waiting) - self.starting - len(self.resetting))

    def fail_unserved(self, error: PoolError) -> None:
        """Fail the callers for whom no container is on its way any more."""
        while self.unserved():
            self.waiting.popleft().fail(error)

    # Containers

    def became_warm(self, container: Container) -> None:
        """Give the container to the first caller that takes it; without one, keep it warm."""
        while self.waiting:
            if self.waiting.popleft().offer(container):
                self._lease(container)
                return
        self.warm.append(container)
        self._host.moved(self._stake, warm=+1)

    def became_warm_again(self, container: Container) -> None:
        """Keep a container that was reset, or whose caller left before the hand-over, as warm."""
        self._no_longer_in_use(container)
        container.move(State.WARM)
        self.became_warm(container)

    def reset_began(self, container: Container) -> None:
        """The container's run is over, and it is being reset; it still counts as in use."""
        self.leased.discard(container)
        container.move(State.RESETTING)
        self.resetting.add(container)

    def discard(self, container: Container, reason: str) -> None:
        """The container leaves the books."""
        container.move(State.DISCARDED)
        if container in self.warm:
            self.warm.remove(container)
            self._host.moved(self._stake, warm=-1)
        self._no_longer_in_use(container)
        self.count_discard(reason)
        self.counts.discarded_after_runs += container.runs_served > 0
        self.counts.runs_of_discarded += container.runs_served

    def count_discard(self, reason: str) -> None:
        """Count a discard by its reason, also of a container that never was in the books."""
        discards = self.counts.discards
        if reason not in discards and len(discards) >= MOST_REASONS:
            reason = OTHER_REASONS
        discards[reason] = discards.get(reason, 0) + 1

    def _lease(self, container: Container) -> None:
        container.move(State.LEASED)
        self.leased.add(container)
        self._host.moved(self._stake, in_use=+1)

    def _no_longer_in_use(self, container: Container) -> None:
        if container in self.leased or container in self.resetting:
            self.leased.discard(container)
            self.resetting.discard(container)
            self._host.moved(self._stake, in_use=-1)
