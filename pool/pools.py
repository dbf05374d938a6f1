"""All images' pools: opened at first demand, retired when an image goes, closed together."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pool.engine import ContainerEngine
from pool.errors import PoolClosedError
from pool.host import Host
from pool.image_pool import ImagePool
from pool.lease import Lease
from pool.settings import PoolSettings
from pool.sizing import share
from pool.spec import ContainerSpec
from pool.statistics import PoolStatistics
from pool.tasks import Supervisor, Tasks
from pool.workers import Workers

CLOSE_LIMIT_S = 10.0


def _to_nobody(_image: str) -> None:
    """Without siblings nobody need hear of a take."""


class Pools:
    """Must be made in a running loop.

    The supervisor hears of every error in the background. `taken` is called at each take, with the
    image's name.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        settings: PoolSettings,
        *,
        supervisor: Supervisor,
        taken: Callable[[str], None] = _to_nobody,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._taken = taken
        self._now_s = now_s
        self._supervisor = supervisor
        self._workers = Workers(settings.refills_at_once, supervisor)
        self._by_image: dict[str, ImagePool] = {}
        self._host = Host(settings.host_limit, self._by_image.values)
        self._retiring = Tasks(supervisor)
        self._closed = False
        self._upkeep = Tasks(supervisor)
        self._upkeep.loop(self._resize_for_ever, "pools' upkeep")

    @property
    def by_image(self) -> dict[str, ImagePool]:
        """A copy: image name -> its pool."""
        return dict(self._by_image)

    def statistics(self) -> dict[str, PoolStatistics]:
        """What operators may know of each image's pool, by the image's name, as it is now."""
        now_s = self._now_s()
        return {image: pool.statistics(now_s) for image, pool in self._by_image.items()}

    def holds(self, container_id: str) -> bool:
        """Whether one of the pools has it in its books."""
        return any(pool.holds(container_id) for pool in self._by_image.values())

    @asynccontextmanager
    async def lease(self, spec: ContainerSpec) -> AsyncIterator[Lease]:
        """See ImagePool.lease; the image is pooled from now on."""
        pool = self._pool_of(spec)
        self._taken(spec.image)
        async with pool.lease() as lease:
            self.resize()
            yield lease

    def warm_up(self, spec: ContainerSpec) -> None:
        """It will be wanted soon: pool it, and start what it lacks in the background."""
        self._pool_of(spec).demand.expect(self._now_s())
        self.resize()

    def hear(self, spec: ContainerSpec, takes: float) -> None:
        """A sibling has so many takes for us to expect as well: start what it takes, if any."""
        self._pool_of(spec).demand.heard(self._now_s(), takes)
        self.resize()

    def resize(self) -> None:
        """Let every image have what demand asks for, as far as the host's limit goes."""
        now_s = self._now_s()
        claims = {image: pool.demand.claim(now_s) for image, pool in self._by_image.items()}
        # Those in use that come back by themselves are within their targets.
        used_up = sum(pool.leased for pool in self._by_image.values() if not pool.comes_back)
        targets = share(claims, self._host.limit - used_up)
        for image, target in targets.items():
            self._by_image[image].resize(target)

    def retire(self, image: str, reason: str) -> None:
        """Let go of an image's warm containers, in the background; harmless if it has none."""
        pool = self._by_image.pop(image, None)
        if pool is None:
            return
        self._retiring.start(pool.close(reason), f"retire {image}")

    def forgive(self) -> None:
        """The engine is back: what failed while it was away is no image's fault."""
        for pool in self._by_image.values():
            pool.forgive()

    async def close(self) -> None:
        """Nothing new; every warm container is removed. Twice is harmless.

        Callers end their leases first: what is still leased stays until its lease ends.
        """
        self._closed = True
        await self._upkeep.cancel()
        for image in list(self._by_image):
            self.retire(image, "draining")
        await self._workers.close(CLOSE_LIMIT_S)
        await self._retiring.finish()

    async def _resize_for_ever(self) -> None:
        """Targets rise when somebody takes; that they fall again takes a look now and then."""
        while True:
            await asyncio.sleep(self._settings.resize_s)
            self.resize()

    def _pool_of(self, spec: ContainerSpec) -> ImagePool:
        if self._closed:
            raise PoolClosedError("the service is stopping")
        pool = self._by_image.get(spec.image)
        if pool is not None and pool.spec.image_id != spec.image_id:
            self.retire(spec.image, "image was replaced")
            pool = None
        if pool is not None and pool.comes_back != (spec.uses > 1):
            self.retire(spec.image, "other kind of use")
            pool = None
        if pool is None:
            pool = ImagePool(
                spec,
                self._engine,
                workers=self._workers,
                host=self._host,
                settings=self._settings,
                supervisor=self._supervisor,
                now_s=self._now_s,
            )
            self._by_image[spec.image] = pool
        return pool
