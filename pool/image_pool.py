"""The warm containers of one image: lease, refill, discard. Owns its tasks."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pool.breaker import Breaker
from pool.container import Container, State
from pool.demand import Demand
from pool.engine import ContainerEngine, Stream
from pool.errors import EngineError, PoolClosedError
from pool.host import Host
from pool.ledger import Ledger
from pool.settings import PoolSettings
from pool.sizing import LONGEST_YIELD_S, may_yield
from pool.spec import ContainerSpec
from pool.workers import Workers

# Ages are spread over this part of the longest one, or a class's pool would go stale at once.
AGE_SPREAD = 0.25


@dataclass(frozen=True)
class Lease:
    """A container for one run, and whether it had been warm when it was asked for."""

    container_id: str
    name: str
    stream: Stream
    hit: bool


@dataclass
class Counts:
    """What happened so far."""

    hits: int = 0
    misses: int = 0
    starts: int = 0
    failures: int = 0
    discards: dict[str, int] = field(default_factory=dict)


class ImagePool:
    """Keeps `target` containers of one spec warm, each for one run; see `resize`."""

    def __init__(
        self,
        spec: ContainerSpec,
        engine: ContainerEngine,
        *,
        workers: Workers,
        host: Host,
        settings: PoolSettings,
        now_s: Callable[[], float],
    ) -> None:
        self.spec = spec
        self.counts = Counts()
        self.breaker = Breaker()
        self.demand = Demand(settings.sizes)
        self.target = settings.sizes.minimum
        self._engine = engine
        self._workers = workers
        self._host = host
        self._settings = settings
        self._now_s = now_s
        self._ledger = Ledger()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._yields_since_s: float | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<ImagePool {self.spec.image} {self._ledger!r}>"

    @property
    def warm(self) -> int:
        """How many wait for a run."""
        return len(self._ledger.warm)

    @property
    def starting(self) -> int:
        """How many are on their way, refills that wait for their turn included."""
        return self._ledger.starting + self._ledger.queued

    @property
    def under_way(self) -> int:
        """How many the engine is starting."""
        return self._ledger.starting

    @property
    def leased(self) -> int:
        """How many are in use."""
        return len(self._ledger.leased)

    @property
    def wanted_s(self) -> float:
        """When it was wanted last."""
        return self.demand.last_s

    def holds(self, container_id: str) -> bool:
        """Whether it is in the books."""
        books = self._ledger
        return any(one.container_id == container_id for one in (*books.warm, *books.leased))

    def resize(self, target: int) -> None:
        """Keep that many from now on: what is too much or stale goes, what is missing starts."""
        self.target = target
        self._let_go_of_surplus()
        now_s = self._now_s()
        for container in [one for one in self._ledger.warm if now_s >= one.stale_s]:
            self._discard(container, "stale")
        self.fill()

    def let_go_of_one(self) -> None:
        """The oldest warm one makes room for another image's."""
        self._discard(self._ledger.warm[0], "evicted")

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """A container for one run, discarded afterwards, whatever happens.

        A warm one if there is one, at once; else whichever start ends first, one being begun for
        this caller if none is under way. Raises EngineError when it cannot be started, without
        trying while the breaker is open; PoolClosedError.
        """
        if self._closed:
            raise PoolClosedError(f"the pool of {self.spec.image} is closing")
        container = self._ledger.take()
        hit = container is not None
        self.demand.took(self._now_s(), hit=hit)
        if container is None:
            self.counts.misses += 1
            container = await self._next_warm()
        else:
            self.counts.hits += 1
            self.fill()
        try:
            yield Lease(container.container_id, container.name, container.stream, hit)
        finally:
            self._discard(container, "used")
            self._host.run_ended()

    def fill(self) -> None:
        """Ask for as many refills as are missing; they start in the background.

        They wait while the breaker is open, and while runs need the cores more, see `may_yield`.
        """
        missing = self._ledger.missing(self.target)
        if self._closed or not missing:
            return
        pause_s = self.breaker.pause_s(self._now_s()) or self._yield_s()
        if pause_s:
            self._fill_later(pause_s)
            return
        # The first of an image goes alone: it shows whether there can be any, and siblings that
        # warm the same image at this moment may share these cores.
        at_once = missing if self.demand.fill_times_s else 1 - self.starting
        for _ in range(at_once):
            self._ledger.queued += 1
            self._workers.submit(self._refill)

    def forgive(self) -> None:
        """Forget that starts failed, and try again now."""
        self.breaker = Breaker()
        self.fill()

    async def close(self, reason: str) -> None:
        """Nothing new, and what is warm goes; what is leased goes when its lease ends.

        Waits for the starts and removals that are under way.
        """
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        for container in list(self._ledger.warm):
            self._discard(container, reason)
        closing = PoolClosedError(f"the pool of {self.spec.image} is closing")
        while self._ledger.waiting:
            self._ledger.waiting.popleft().fail(closing)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _next_warm(self) -> Container:
        """Whichever container gets warm next; one is started if too few are on their way."""
        waiter = self._ledger.wait()
        try:
            self._start_or_refuse()
            return await waiter.container()
        except BaseException:
            self._ledger.leave(waiter)
            given = waiter.withdraw()
            if given is not None:
                self._give_back(given)
            raise

    def _start_or_refuse(self) -> None:
        """Start one for each who waits for nothing; a single one while the image is on trial."""
        error = self.breaker.last_error
        if error is not None and self.breaker.pause_s(self._now_s()):
            # Without the traceback, which would grow with everybody whom this error refuses.
            self._ledger.start_failed(error.with_traceback(None))
            return
        for _ in range(self._ledger.unserved()):
            if self._trial_is_under_way():
                return
            self._host.make_room(1)
            self._ledger.starting += 1
            self._own(self._start(), "start")

    def _trial_is_under_way(self) -> bool:
        return self.breaker.on_trial and self._ledger.starting > 0

    async def _refill(self) -> None:
        self._ledger.queued -= 1
        # Asked again now that it is this refill's turn: what was missing may be there.
        if self._closed or not self._ledger.missing(self.target) or self._host.room <= 0:
            return
        if self.breaker.pause_s(self._now_s()) or self._yield_s():
            self.fill()
            return
        if self._trial_is_under_way():
            return  # its end asks for refills again
        self._yields_since_s = None  # who had waited long enough is one refill, the next waits anew
        self._ledger.starting += 1
        await self._start()

    def _yield_s(self) -> float:
        """How long a refill should wait for runs to end; 0 when it may begin."""
        now_s = self._now_s()
        since_s = now_s if self._yields_since_s is None else self._yields_since_s
        # By what is taken here: a sibling that exaggerates must not make refills hasty.
        taken = self.demand.taken.at(now_s)
        if not may_yield(self.warm, taken, self._host.running, waited_s=now_s - since_s):
            return 0.0
        self._yields_since_s = since_s
        return LONGEST_YIELD_S - (now_s - since_s)

    async def _start(self) -> None:
        """Start one container; `ledger.starting` counts it already."""
        began_s = self._now_s()
        self.counts.starts += 1
        try:
            started = await self._engine.start(self.spec)
        except EngineError as error:
            self._ledger.starting -= 1
            self.counts.failures += 1
            self.breaker.failed(error, self._now_s())
            self._ledger.start_failed(error)
            self.fill()
            return
        except BaseException as error:
            self._ledger.starting -= 1
            # Cancelled while closing, or a bug: nobody may wait for ever for this start.
            self._ledger.start_failed(EngineError("start", repr(error), image=self.spec.image))
            raise
        self._ledger.starting -= 1
        now_s = self._now_s()
        self.demand.fill(now_s, now_s - began_s)
        container = Container(
            started.container_id,
            started.name,
            self.spec.image,
            started.stream,
            born_s=now_s,
            stale_s=now_s + self._settings.longest_wait_s * (1 - AGE_SPREAD * random.random()),  # noqa: S311
        )
        if self._closed:
            # Not in the background: close() may have found nothing to wait for, and be over.
            self._count_discard("closed meanwhile")
            await self._remove(container)
            return
        self.breaker.succeeded()
        self._ledger.became_warm(container)
        started.stream.on_end(lambda: self._ended(container))
        self._let_go_of_surplus()
        self._start_or_refuse()
        self.fill()

    def _ended(self, container: Container) -> None:
        """Its stream ended. A leased one is its run's affair; a warm one has died."""
        if container.state is not State.WARM:
            return
        self._discard(container, "died while warm")
        lived_s = self._now_s() - container.born_s
        if lived_s < self._settings.shortest_life_s:
            words = container.stream.complaints or f"it ended by itself after {lived_s:.1f} s"
            died = EngineError("warm", words, image=self.spec.image, container=container.name)
            self.breaker.failed(died, self._now_s())
        self.fill()

    def _give_back(self, container: Container) -> None:
        if self._closed or container.stream.ended:
            self._discard(container, "given back")
        else:
            self._ledger.given_back(container)
            self._let_go_of_surplus()

    def _let_go_of_surplus(self) -> None:
        """Callers who went away leave what was started for them."""
        while len(self._ledger.warm) > self.target:
            self._discard(self._ledger.warm[0], "surplus")
        self._host.make_room(0)

    def _discard(self, container: Container, reason: str) -> None:
        """Out of the books now, off the engine in the background."""
        self._ledger.strike(container)
        self._count_discard(reason)
        self._own(self._remove(container), "remove")
        self.fill()

    def _count_discard(self, reason: str) -> None:
        self.counts.discards[reason] = self.counts.discards.get(reason, 0) + 1

    async def _remove(self, container: Container) -> None:
        try:
            await container.stream.close()
        finally:
            # Reported where it failed; the sweep for orphans takes what is left behind.
            with suppress(EngineError):
                await self._engine.remove(container.container_id)

    def _fill_later(self, pause_s: float) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._retry = asyncio.get_running_loop().call_later(pause_s, self.fill)

    def _own(self, coroutine: Coroutine[None, None, None], what: str) -> None:
        task = asyncio.create_task(coroutine, name=f"{what} {self.spec.image}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
