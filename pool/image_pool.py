"""The warm containers of one image: lease, refill, discard. Owns its tasks."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from pool.breaker import Breaker
from pool.container import Container, State
from pool.demand import Demand
from pool.engine import ContainerEngine
from pool.errors import EngineError, PoolClosedError
from pool.host import Host
from pool.lease import Counts, Lease
from pool.ledger import Ledger
from pool.settings import PoolSettings
from pool.sizing import LONGEST_YIELD_S, may_yield
from pool.spec import ContainerSpec
from pool.statistics import PoolStatistics
from pool.tasks import Supervisor, Tasks
from pool.time_limits import RETURN_S
from pool.workers import Workers

# Ages and uses are spread over this part of the most, or a class's pool would end all at once.
AGE_SPREAD = 0.25


def _spread(longest: float) -> float:
    return longest * (1 - AGE_SPREAD * random.random())  # noqa: S311 - it is no secret


class ImagePool:
    """Keeps `target` containers of one spec warm; see `resize`.

    Those in use are within the target if they come back by themselves, as they then do for more
    than one of the spec's uses; else they are used up, and beside it.
    """

    def __init__(
        self,
        spec: ContainerSpec,
        engine: ContainerEngine,
        *,
        workers: Workers,
        host: Host,
        settings: PoolSettings,
        supervisor: Supervisor,
        now_s: Callable[[], float],
    ) -> None:
        self.spec = spec
        self.counts = Counts()
        self.breaker = Breaker()
        self.demand = Demand(settings.sizes_of(spec))
        self.target = settings.sizes.minimum
        self._engine = engine
        self._workers = workers
        self._host = host
        self._settings = settings
        self._now_s = now_s
        self._ledger = Ledger()
        self._tasks = Tasks(supervisor)
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
        """How many are in use, or on their way back."""
        return len(self._ledger.leased) + len(self._ledger.returning)

    @property
    def comes_back(self) -> bool:
        """Whether a container serves more than one run."""
        return self.spec.uses > 1

    @property
    def wanted_s(self) -> float:
        """When it was wanted last."""
        return self.demand.last_s

    def statistics(self, now_s: float) -> PoolStatistics:
        """What operators may know of this pool, as it is at `now_s` of the pool's clock."""
        counts, demand = self.counts, self.demand
        return PoolStatistics(
            spec=self.spec,
            warm=self.warm,
            starting=self.starting,
            leased=self.leased,
            resetting=len(self._ledger.returning),
            waiting=len(self._ledger.waiting),
            target=self.target,
            take_rate=demand.taken.at(now_s),
            start_rate=demand.filled.at(now_s),
            rate=demand.rate(now_s),
            hits=counts.hits,
            misses=counts.misses,
            starts=counts.starts,
            failures=counts.failures,
            resets=counts.returns,
            discarded_after_runs=counts.served,
            runs_of_discarded=counts.uses,
            discards=dict(counts.discards),
            start_times_s=tuple(demand.fill_times_s),
            last_error=str(self.breaker.last_error or ""),
        )

    def holds(self, container_id: str) -> bool:
        """Whether it is in the books."""
        books = self._ledger
        ours = (*books.warm, *books.leased, *books.returning)
        return any(one.container_id == container_id for one in ours)

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
        """A container for one run, discarded afterwards, unless the run says that it comes back.

        A warm one if there is one, at once; else whichever start ends first, one being begun for
        this caller if none is under way. Raises EngineError when it cannot be started, without
        trying while the breaker is open; PoolClosedError.
        """
        if self._closed:
            raise PoolClosedError(f"the pool of {self.spec.image} is closing")
        taken_s = self._now_s()
        container = self._ledger.take()
        # One that is on its way back is there sooner than any that could be started.
        hit = container is not None or len(self._ledger.returning) > len(self._ledger.waiting)
        self.demand.took(taken_s, hit=hit)
        self.counts.hits += hit
        self.counts.misses += not hit
        if container is None:
            container = await self._next_warm()
        else:
            self.fill()
        lease = Lease(container.container_id, container.name, container.stream, hit)
        try:
            yield lease
        finally:
            container.uses += 1
            if lease.again is not None and not self._closed:
                self._ledger.comes_back(container)
                self._tasks.start(
                    self._return(container, lease.again, taken_s), f"return {self.spec.image}"
                )
            else:
                self._discard(container, self._why_it_ends(lease))
                self._host.run_ended()

    def fill(self) -> None:
        """Ask for as many refills as are missing; they start in the background.

        They wait while the breaker is open, and while runs need the cores more, see `may_yield`.
        """
        missing = self._ledger.missing(self._idle_target())
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
            self._workers.submit(self._refill, f"refill {self.spec.image}")

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
        for container in [*self._ledger.warm, *self._ledger.returning]:
            self._discard(container, reason)
        closing = PoolClosedError(f"the pool of {self.spec.image} is closing")
        while self._ledger.waiting:
            self._ledger.waiting.popleft().fail(closing)
        await self._tasks.finish()

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
            self._tasks.start(self._start(), f"start {self.spec.image}")

    def _trial_is_under_way(self) -> bool:
        return self.breaker.on_trial and self._ledger.starting > 0

    async def _refill(self) -> None:
        self._ledger.queued -= 1
        # Asked again now that it is this refill's turn: what was missing may be there.
        if self._closed or not self._ledger.missing(self._idle_target()) or self._host.room <= 0:
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
        taken = 0.0 if self.comes_back else self.demand.taken.at(now_s)
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
            stale_s=now_s + _spread(self._settings.longest_wait_s),
            most_uses=math.ceil(_spread(self.spec.uses)),
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

    async def _return(
        self, container: Container, again: Callable[[], Awaitable[str]], taken_s: float
    ) -> None:
        """Until it is warm again, or will not be."""
        unfit = "lost on its way back"
        try:
            async with asyncio.timeout(RETURN_S):
                unfit = await again()
        except TimeoutError:
            unfit = "not warm again in time"
        finally:
            if container.state is State.RETURNING:
                self._returned(container, unfit, self._now_s() - taken_s)
            self._host.run_ended()

    def _returned(self, container: Container, unfit: str, away_s: float) -> None:
        if container.uses >= container.most_uses:
            unfit = unfit or "used up"
        elif self._now_s() >= container.stale_s:
            unfit = unfit or "stale"
        elif container.stream.ended:
            unfit = unfit or "ended"
        if unfit:
            self._discard(container, unfit)
            self._start_or_refuse()  # for who waits, and had counted on it
            return
        self.counts.returns += 1
        self.demand.came_back(away_s)
        self._ledger.given_back(container)
        self._let_go_of_surplus()

    def _why_it_ends(self, lease: Lease) -> str:
        if not self.comes_back:
            return "used"
        return "not finished" if lease.again is None else "closed meanwhile"

    def _idle_target(self) -> int:
        """How many should wait for a run, beside those in use and those that callers wait for."""
        if not self.comes_back:
            return self.target
        return max(0, self.target - len(self._ledger.leased) - len(self._ledger.waiting))

    def _give_back(self, container: Container) -> None:
        if self._closed or container.stream.ended:
            self._discard(container, "given back")
        else:
            self._ledger.given_back(container)
            self._let_go_of_surplus()

    def _let_go_of_surplus(self) -> None:
        """Callers who went away leave what was started for them."""
        while len(self._ledger.warm) > self._idle_target():
            self._discard(self._ledger.warm[0], "surplus")
        self._host.make_room(0)

    def _discard(self, container: Container, reason: str) -> None:
        """Out of the books now, off the engine in the background."""
        self._ledger.strike(container)
        self._count_discard(reason)
        self.counts.served += container.uses > 0
        self.counts.uses += container.uses
        self._tasks.start(self._remove(container), f"remove {self.spec.image}")
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
