"""The warm containers of one image: puts them on the shelf, and discards them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pool.breaker import DIED, Breaker
from pool.container import Container, State
from pool.engine import ContainerEngine
from pool.errors import EngineError
from pool.host import Host
from pool.ledger import Ledger
from pool.sharing import Stake
from pool.tasks import Tasks


@dataclass(eq=False)
class Shelf:
    """The warm containers of one pool, within its target and the host's limit.

    `refill_soon` is called when containers may be missing. A container that dies younger than
    `shortest_life_s` counts as one that could not start.
    """

    engine: ContainerEngine
    host: Host
    stake: Stake
    ledger: Ledger
    breaker: Breaker
    tasks: Tasks
    now_s: Callable[[], float]
    shortest_life_s: float
    refill_soon: Callable[[], None]

    async def put(self, container: Container, memory_bytes: int = 0) -> None:
        """Add a new container, which goes to a caller if one waits.

        `memory_bytes` is what it takes; 0: no more than any other.
        """
        if self.ledger.is_closed:
            # The removal is awaited here, and not done in the background: close() may be over
            # already, so nobody would wait for it.
            self.ledger.count_discard("closed meanwhile")
            await self._remove(container)
            return
        self.host.weigh(self.stake, memory_bytes)
        self.ledger.became_warm(container)
        container.stream.on_end(lambda: self._ended(container))
        self._keep_within_limits()

    def put_back(self, container: Container) -> None:
        """Put back a container that was reset, or one whose caller left before the hand-over."""
        self.ledger.became_warm_again(container)
        self._keep_within_limits()

    def discard(self, container: Container, reason: str) -> None:
        """Take a container out of the books now, and off the engine in the background."""
        self.ledger.discard(container, reason)
        self.tasks.start(self._remove(container), f"remove {container.image}")
        self.refill_soon()

    def discard_surplus(self) -> None:
        """Discard the warm containers beyond the target.

        There are such containers when a target has fallen, or when a caller for whom one was
        started has left.
        """
        while len(self.ledger.warm) > self.ledger.idle_target:
            self.discard(self.ledger.warm[0], "surplus")

    def discard_stale(self) -> None:
        """Discard the containers that have been warm for too long, so that they are replaced."""
        now_s = self.now_s()
        for container in [one for one in self.ledger.warm if now_s >= one.stale_s]:
            self.discard(container, "stale")

    def evict_one(self, heir: Stake | None) -> None:
        """Discard the oldest warm container, for a learner of another image; see Host.evicted."""
        container = self.ledger.warm[0]
        self.discard(container, "evicted")
        self.host.evicted(self.stake, heir, has_served=container.runs_served > 0)

    def make_room(self, wanted: int) -> None:
        """Have images evict containers until so many more of this image fit into the host."""
        heir = self.stake if wanted and self.ledger.reusable else None
        for tenant in self.host.make_room(wanted * self.stake.places):
            tenant.evict_one(heir)

    def _keep_within_limits(self) -> None:
        self.discard_surplus()
        self.make_room(0)
        self.refill_soon()

    def _ended(self, container: Container) -> None:
        """A container's stream has ended: a warm container has died.

        If the container is leased, its run sees the end; if it is resetting, its reset does.
        """
        if container.state is not State.WARM:
            return
        self.discard(container, "died while warm")
        lived_s = self.now_s() - container.born_s
        if lived_s < self.shortest_life_s:
            words = container.stream.complaints or f"it ended by itself after {lived_s:.1f} s"
            died = EngineError(DIED, words, image=container.image, container=container.name)
            self.breaker.failed(died, self.now_s())

    async def _remove(self, container: Container) -> None:
        try:
            await container.stream.close()
        finally:
            # A failure is reported where it happens, and the sweep will remove the container.
            with suppress(EngineError):
                await self.engine.remove(container.container_id)
