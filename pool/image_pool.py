"""One image's pool: leases its containers, and knows its figures."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pool.breaker import Breaker
from pool.container import Container
from pool.demand import Demand
from pool.engine import ContainerEngine
from pool.errors import PoolRetiredError
from pool.host import Host
from pool.lease import Lease
from pool.ledger import Counts, Ledger
from pool.refills import Refills
from pool.resets import Resets
from pool.settings import PoolSettings
from pool.sharing import Stake
from pool.shelf import Shelf
from pool.spec import ContainerSpec
from pool.starts import Starts
from pool.statistics import PoolStatistics
from pool.tasks import Supervisor, Tasks


class ImagePool:
    """Keeps `target` containers of one spec, as the image's demand asks and the host allows.

    `target` includes containers in use only when they are reusable, because those get warm again by
    themselves. A container for a single run is discarded after it, so `target` then counts warm
    containers only. `started` is called with the image's name after each start that succeeded.
    """

    def __init__(
        self,
        spec: ContainerSpec,
        engine: ContainerEngine,
        *,
        host: Host,
        refills: Refills,
        settings: PoolSettings,
        supervisor: Supervisor,
        demand: Demand,
        now_s: Callable[[], float],
        started: Callable[[str], None] = lambda _image: None,
    ) -> None:
        self.spec = spec
        self.demand = demand
        self.stake = Stake(spec.image)
        self.breaker = Breaker()
        self._host = host
        self._refills = refills
        self._tell_start = started
        self._now_s = now_s
        self._ledger = Ledger(host, self.stake, reusable=spec.reusable)
        self._tasks = Tasks(supervisor)
        self._shelf = Shelf(
            engine,
            host,
            self.stake,
            self._ledger,
            self.breaker,
            self._tasks,
            now_s,
            settings.shortest_life_s,
            refill_soon=self.refill_soon,
        )
        self._starts = Starts(
            spec,
            engine,
            host,
            self._ledger,
            self._shelf,
            self.breaker,
            demand,
            self._tasks,
            now_s,
            settings.longest_wait_s,
            self._has_started,
        )
        self._resets = Resets(self._ledger, self._shelf, self._starts, demand, self._tasks, now_s)
        host.add(self._shelf)
        host.claim(self.stake, demand.claim(now_s()))

    def __repr__(self) -> str:
        return f"<ImagePool {self.spec.image} {self._ledger!r}>"

    @property
    def reusable(self) -> bool:
        """Whether a container serves more than one run."""
        return self.spec.reusable

    @property
    def no_warm_up(self) -> str:
        """Why containers are started without the warm-up of their spec; empty if they are not."""
        return self._starts.no_warm_up

    @property
    def counts(self) -> Counts:
        """The counts of all events so far."""
        return self._ledger.counts

    @property
    def target(self) -> int:
        """How many containers the pool means to keep."""
        return self.stake.target

    @property
    def warm(self) -> int:
        """How many containers wait for a run."""
        return len(self._ledger.warm)

    @property
    def starting(self) -> int:
        """How many containers are on their way, with the refills whose turn has just come."""
        return self._ledger.starting + self._ledger.queued

    @property
    def under_way(self) -> int:
        """How many containers the engine is starting."""
        return self._ledger.starting

    @property
    def leased(self) -> int:
        """How many containers are in use or resetting."""
        return len(self._ledger.leased) + len(self._ledger.resetting)

    @property
    def is_idle(self) -> bool:
        """Whether the pool has no container, none is on its way, and no caller waits."""
        return not (self.warm or self.starting or self.leased or self._ledger.waiting)

    def holds(self, container_id: str) -> bool:
        """Whether the container is in this pool's books."""
        return any(one.container_id == container_id for one in self._ledger)

    def statistics(self, now_s: float) -> PoolStatistics:
        """The figures of this pool for operators, as they are at `now_s` of the pool's clock."""
        return _statistics_of(self, self._ledger, now_s)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """A container for one run, discarded afterwards, unless the run says how to reset it.

        The caller gets a warm container at once if there is one. If not, it gets the next container
        that gets warm; one is started for this caller if too few are on their way. Raises
        EngineError when none can be started; while the breaker is open none is even tried. Raises
        PoolRetiredError once the pool is closed.
        """
        if self._ledger.is_closed:
            raise self._retired()
        self.breaker.wanted()
        taken_s = self._now_s()
        container = self._ledger.take()
        hit = self._count_take(container, taken_s)
        if container is None:
            container = await self._next_warm()
        lease = Lease(container.container_id, container.name, container.stream, hit)
        try:
            self.refill_soon()
            yield lease
        finally:
            container.runs_served += 1
            if lease.reset is not None and not self._ledger.is_closed:
                self._resets.begin(container, lease.reset, taken_s)
            else:
                self._shelf.discard(container, self._why_not_reset(lease))

    def _count_take(self, container: Container | None, now_s: float) -> bool:
        """Count a take; returns whether it is a hit.

        A container that is resetting makes it one, too, because it is warm sooner than any start.
        """
        hit = container is not None or len(self._ledger.resetting) > len(self._ledger.waiting)
        self.counts.hits += hit
        self.counts.misses += not hit
        self.demand.took(now_s, hit=hit)
        single_use = container is not None and not self.reusable
        claim = self.demand.claim(now_s)
        heir = self._host.take(self.stake, claim, now_s, single_use=single_use)
        if heir is not None:
            heir.refill_soon()
        return hit

    async def _next_warm(self) -> Container:
        """The next container that gets warm; one is started if too few are on their way."""
        waiter = self._ledger.wait()
        try:
            self._starts.serve_waiting()
            self.refill_soon()
            return await waiter.container()
        except BaseException:
            self._ledger.leave(waiter)
            given = waiter.withdraw()
            if given is not None:
                self._take_back(given)
            raise

    def _take_back(self, container: Container) -> None:
        """Take back a container whose caller was cancelled in the tick in which it got it."""
        if self._ledger.is_closed or container.stream.ended:
            self._shelf.discard(container, "not taken")
        else:
            self._shelf.put_back(container)

    def _why_not_reset(self, lease: Lease) -> str:
        if not self.reusable:
            return "single use"
        return "not finished" if lease.reset is None else "closed meanwhile"

    def hear(self, takes: float, *, announced: bool = False) -> None:
        """A sibling tells of takes: expect so many here. See Demand.heard for `announced`."""
        now_s = self._now_s()
        self.demand.heard(now_s, takes, announced=announced)
        self._host.claim(self.stake, self.demand.claim(now_s))
        self.refill_soon()

    def expect(self, containers: int = 0) -> None:
        """A client of ours says that takes will come soon, or an operator asks for containers."""
        now_s = self._now_s()
        self.breaker.wanted()
        self.demand.expect(now_s, containers)
        self._host.take(self.stake, self.demand.claim(now_s), now_s, single_use=False)
        self.refill_soon()

    def _has_started(self) -> None:
        self._refills.engine_worked()
        self._tell_start(self.spec.image)

    def refill_soon(self) -> None:
        """Have the next decision of Refills look at this pool, and start what is missing."""
        if not self._ledger.is_closed:
            self._refills.look_at(self._starts)

    def tidy(self) -> None:
        """The upkeep: discard what is beyond the target or stale, and start what is missing."""
        self._shelf.discard_surplus()
        self._shelf.discard_stale()
        self.refill_soon()

    def forgive(self) -> None:
        """Forget that starts failed, and try again now."""
        self.breaker.forgive()
        self.refill_soon()

    async def close(self, reason: str) -> None:
        """Start nothing new, and discard the warm containers.

        A leased container is discarded when its lease ends. Waits for the starts and removals that
        are under way.
        """
        self._ledger.is_closed = True
        self._refills.forget(self._starts)
        self._host.remove(self.stake)
        for container in [*self._ledger.warm, *self._ledger.resetting]:
            self._shelf.discard(container, reason)
        while self._ledger.waiting:
            self._ledger.waiting.popleft().fail(self._retired())
        await self._tasks.finish()

    def _retired(self) -> PoolRetiredError:
        return PoolRetiredError(f"the pool of {self.spec.image} is closing")


def _statistics_of(pool: ImagePool, ledger: Ledger, now_s: float) -> PoolStatistics:
    counts, demand = pool.counts, pool.demand
    return PoolStatistics(
        spec=pool.spec,
        warm=pool.warm,
        starting=pool.starting,
        leased=pool.leased,
        resetting=len(ledger.resetting),
        waiting=len(ledger.waiting),
        target=pool.target,
        take_rate=demand.taken.at(now_s),
        start_rate=demand.started.at(now_s),
        rate=demand.rate(now_s),
        hits=counts.hits,
        misses=counts.misses,
        starts=counts.starts,
        failures=counts.failures,
        resets=counts.resets,
        discarded_after_runs=counts.discarded_after_runs,
        runs_of_discarded=counts.runs_of_discarded,
        discards=dict(counts.discards),
        start_times_s=tuple(demand.start_times_s),
        start_seconds=counts.start_seconds.copy(),
        pause_s=pool.breaker.pause_s(now_s),
        last_error=str(pool.breaker.last_error or ""),
        no_warm_up=pool.no_warm_up,
        places=pool.stake.places,
    )
