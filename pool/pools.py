"""The pools of all images: each is opened at the first demand, and retired when the image goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from pool.demand import Demand
from pool.engine import ContainerEngine, Started
from pool.errors import EngineError, PoolClosedError
from pool.host import Host
from pool.image_pool import ImagePool
from pool.lease import Lease
from pool.refills import Refills
from pool.settings import PoolSettings
from pool.spec import ContainerSpec
from pool.statistics import PoolStatistics
from pool.tasks import Supervisor, Tasks
from pool.workers import Workers

CLOSE_LIMIT_S = 10.0


def _to_nobody(_image: str) -> None:
    """Stands for `taken` and `started` if no part wants to know."""


def _policy_of(settings: PoolSettings) -> Callable[[ContainerSpec], Demand]:
    return lambda spec: Demand(settings.sizes_of(spec))


class Pools:
    """The pools of all images. Must be made in a running loop.

    The supervisor hears of every error in the background. `taken` is called with the image's name
    at each take, and `started` after each start that succeeded. `demand_of` makes the object that
    measures an image's demand and decides how many containers to keep; by default it follows the
    settings. `now_s` is a monotonic clock.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        settings: PoolSettings,
        *,
        supervisor: Supervisor,
        taken: Callable[[str], None] = _to_nobody,
        started: Callable[[str], None] = _to_nobody,
        demand_of: Callable[[ContainerSpec], Demand] | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._taken = taken
        self._started = started
        self._demand_of = demand_of or _policy_of(settings)
        self._now_s = now_s
        self._supervisor = supervisor
        self._workers = Workers(settings.refills_at_once, supervisor)
        self._by_image: dict[str, ImagePool] = {}
        self._host = Host(settings.host_limit, settings.place_bytes)
        self._refills = Refills(
            self._host, self._workers, supervisor, at_once=settings.refills_at_once
        )
        self._retiring = Tasks(supervisor)
        self._retired: set[ImagePool] = set()  # until their last lease has ended
        self._alone: set[str] = set()  # containers that are in no pool
        self._closed = False
        self._upkeep = Tasks(supervisor)
        self._upkeep.loop(self._resize_for_ever, "pools' upkeep")

    @property
    def by_image(self) -> dict[str, ImagePool]:
        """The pools by the names of their images, as a copy."""
        return dict(self._by_image)

    def statistics(self) -> dict[str, PoolStatistics]:
        """The figures of each image's pool for operators, by the image's name, as they are now."""
        now_s = self._now_s()
        return {image: pool.statistics(now_s) for image, pool in self._by_image.items()}

    def holds(self, container_id: str) -> bool:
        """Whether a pool knows the container, even a retired one, or it was started without one."""
        pools = (*self._by_image.values(), *self._retired)
        return container_id in self._alone or any(pool.holds(container_id) for pool in pools)

    def get(self, image: str) -> ImagePool | None:
        """The image's pool, if it has one."""
        return self._by_image.get(image)

    @asynccontextmanager
    async def lease(self, spec: ContainerSpec) -> AsyncIterator[Lease]:
        """See ImagePool.lease; an image without a pool gets one.

        Raises PoolRetiredError when the pool is retired while the caller waits, and PoolClosedError
        once all pools close.
        """
        pool = self._pool_of(spec)
        self._taken(spec.image)
        async with pool.lease() as lease:
            yield lease

    @asynccontextmanager
    async def lease_new(self, spec: ContainerSpec) -> AsyncIterator[Lease]:
        """A container that is started for this caller, and belongs to no pool. Raises EngineError.

        It does not count towards the host's limit, so there must be few such callers at a time.
        """
        if self._closed:
            raise PoolClosedError("the service is stopping")
        started = await self._engine.start(spec)
        self._alone.add(started.container_id)
        try:
            yield Lease(started.container_id, started.name, started.stream, hit=False)
        finally:
            self._retiring.start(self._remove_alone(started), f"remove {started.name}")

    def warm_up(self, spec: ContainerSpec, containers: int = 0) -> None:
        """The image will be wanted soon: give it a pool, and start containers in the background.

        At least so many `containers` are kept for a while; 0 leaves their number to the demand.
        """
        self._pool_of(spec).expect(containers)

    def hear(self, spec: ContainerSpec, takes: float, *, announced: bool = False) -> None:
        """A sibling tells of takes: expect so many here, and start containers if they are missing.

        `announced`: a client of the sibling says that takes will come. No container of another
        image gives way to those of a notice.
        """
        self._pool_of(spec).hear(takes, announced=announced)

    def resize(self) -> None:
        """One round of the upkeep, which alone looks at all images.

        Targets fall with demand, places are shared anew, and stale containers are replaced. An
        image leaves the books when nobody has wanted it for `forget_s`, and it has no container and
        no caller. Its statistics end, and begin at zero when it is wanted again, as after a restart
        of this process. Prometheus rightly takes that for a reset of the image's counters. A sum
        over several images that share a label falls by the forgotten image's part.
        """
        now_s = self._now_s()
        for image in [
            image for image, pool in self._by_image.items() if self._forgets(pool, now_s)
        ]:
            self.retire(image, "forgotten")
        self._retired = {pool for pool in self._retired if not pool.is_idle}
        pools = list(self._by_image.values())
        self._host.settle({pool.stake: pool.demand.claim(now_s) for pool in pools}, now_s)
        for pool in pools:
            pool.tidy()

    def retire(self, image: str, reason: str, *, only: ImagePool | None = None) -> None:
        """Close an image's pool, in the background; harmless if it has none.

        `only` is the pool that the caller means: if another has replaced it, nothing is closed.
        """
        pool = self._by_image.get(image)
        if pool is None or (only is not None and pool is not only):
            return
        del self._by_image[image]
        self._retired.add(pool)
        self._retiring.start(pool.close(reason), f"retire {image}")

    def forgive(self) -> None:
        """The engine is back: forget that starts failed while it was away."""
        for pool in self._by_image.values():
            pool.forgive()

    async def close(self) -> None:
        """Start nothing new, and remove every warm container. Twice is harmless.

        Callers should end their leases first: a leased container stays until its lease ends.
        """
        self._closed = True
        await self._upkeep.cancel()
        for image in list(self._by_image):
            self.retire(image, "draining")
        await self._workers.close(CLOSE_LIMIT_S)
        await self._retiring.finish()

    async def _remove_alone(self, started: Started) -> None:
        await started.stream.close()
        try:
            with suppress(EngineError):  # reported; the sweep will remove the container
                await self._engine.remove(started.container_id)
        finally:
            self._alone.discard(started.container_id)

    async def _resize_for_ever(self) -> None:
        """Call `resize` again and again: a take raises a target, but only a look lowers it."""
        while True:
            await asyncio.sleep(self._settings.resize_s)
            self.resize()

    def _forgets(self, pool: ImagePool, now_s: float) -> bool:
        return pool.is_idle and now_s - pool.demand.last_s >= self._settings.forget_s

    def _pool_of(self, spec: ContainerSpec) -> ImagePool:
        if self._closed:
            raise PoolClosedError("the service is stopping")
        pool = self._by_image.get(spec.image)
        if pool is not None and pool.spec.image_id != spec.image_id:
            self.retire(spec.image, "image was replaced")
            pool = None
        if pool is not None and pool.reusable != spec.reusable:
            self.retire(spec.image, "now reusable" if spec.reusable else "no longer reusable")
            pool = None
        if pool is not None and pool.spec.read_only != spec.read_only:
            self.retire(
                spec.image, "its root is read-only" if spec.read_only else "its root is writable"
            )
            pool = None
        if pool is None:
            pool = self._by_image[spec.image] = self._new_pool(spec)
        return pool

    def _new_pool(self, spec: ContainerSpec) -> ImagePool:
        return ImagePool(
            spec,
            self._engine,
            host=self._host,
            refills=self._refills,
            settings=self._settings,
            supervisor=self._supervisor,
            demand=self._demand_of(spec),
            now_s=self._now_s,
            started=self._started,
        )
