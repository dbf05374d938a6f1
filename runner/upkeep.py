"""Keeps the service right while it runs.

It removes containers that serve nobody, and has failed work tried again when the engine is back or
its images have changed.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from loguru import logger

from pool import ContainerEngine, EngineError, Owner, Pools, Supervisor, Sweeper, Tasks
from runner.cells.cells import Cells
from runner.colour.traffic_light import TrafficLight
from runner.container.images import Images
from runner.engine.log import EngineLog
from runner.engine.network_holders import NetworkHolders
from runner.engine.watch import EngineWatch
from runner.warming.warm_images import WarmImages

SWEEP_S = 30.0  # containers of a process that has died do no harm meanwhile
SWEEP_AGAIN_S = 2.0  # after a failure


class Upkeep:
    """Keeps the given parts right. Must be made in a running loop.

    `came` is called when the engine answers for the first time, and when it answers again.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        owner: Owner,
        log: EngineLog,
        supervisor: Supervisor,
        *,
        images: Images,
        pools: Pools,
        cells: Cells,
        traffic_light: TrafficLight,
        network_holders: NetworkHolders,
        warm_images: WarmImages,
        came: Callable[[], None] = lambda: None,
    ) -> None:
        self._sweeper = Sweeper(engine, owner, self._holds)
        self._watch = EngineWatch(engine, owner.label, log, supervisor, self._engine_came)
        self._tasks = Tasks(supervisor)
        self._images = images
        self._pools = pools
        self._cells = cells
        self._traffic_light = traffic_light
        self._network_holders = network_holders
        self._warm_images = warm_images
        self._came = came
        self._sweep_now = asyncio.Event()
        self._look_at_pools = asyncio.Event()

    @property
    def engine_answers(self) -> bool:
        """Whether the engine answered when it was last asked, at most some seconds ago."""
        return self._watch.answers

    def start(self) -> None:
        """Begin to watch the engine and its images, and to sweep containers that serve nobody."""
        self._watch.start()
        self._tasks.loop(self._retire_replaced_for_ever, "retire replaced images")
        self._tasks.loop(self._sweep_for_ever, "sweep")

    async def close(self) -> None:
        """End the watch and the sweeps. Twice is harmless."""
        await self._watch.close()
        await self._tasks.cancel()

    def engine_came_or_went(self, is_there: bool) -> None:
        """The engine has begun to tell of its changes, or tells of them no more."""
        if is_there:
            self._engine_came()
        else:
            self._watch.look_now()

    def images_changed(self) -> None:
        """Images have come, gone or been replaced."""
        self._cells.look_again()
        self._traffic_light.try_now()
        self._network_holders.look_again()
        self._warm_images.try_now()
        self._look_at_pools.set()

    def try_again(self) -> None:
        """Try again at once what has failed: an operator has mended the host, and says so."""
        self._pools.forgive()
        self._cells.look_again(whatever_was_tried=True)
        self._traffic_light.try_now()
        self._network_holders.look_again()
        self._warm_images.try_now()

    def _engine_came(self) -> None:
        """Try again at once what failed while the engine was away."""
        self._pools.forgive()
        self._cells.look_again(whatever_was_tried=True)
        self._traffic_light.try_now()
        self._network_holders.look_again()
        if self._cells.is_decided:  # otherwise the images are warmed when that is decided
            self._warm_images.begin()
        self._sweep_now.set()
        self._came()

    def _holds(self, container_id: str) -> bool:
        holders = (self._pools, self._cells, self._traffic_light, self._network_holders)
        return any(one.holds(container_id) for one in holders)

    async def _retire_replaced_for_ever(self) -> None:
        """Look at all pools after a change: once for all changes that came during the last look."""
        while True:
            await self._look_at_pools.wait()
            self._look_at_pools.clear()
            try:
                await self._retire_replaced()
            except BaseException:
                self._look_at_pools.set()  # the next round must look again, for the same change
                raise

    async def _retire_replaced(self) -> None:
        for name, pool in self._pools.by_image.items():
            with suppress(EngineError):  # reported where it failed
                if await self._images.image_id(name) != pool.spec.image_id:
                    self._pools.retire(name, "image was removed or replaced", only=pool)

    async def _sweep_for_ever(self) -> None:
        while True:
            self._sweep_now.clear()
            pause_s = SWEEP_S
            try:
                removed = await self._sweeper.sweep()
                if removed:
                    logger.bind(containers=removed).info("removed containers that served nobody")
            except EngineError:  # reported
                pause_s = SWEEP_AGAIN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._sweep_now.wait()
