"""Keeps the service right while it runs: orphans, an engine that comes and goes, new images."""

import asyncio
from contextlib import suppress

from loguru import logger

from pool import ContainerEngine, EngineError, Pools, Supervisor, Tasks, sweep
from runner.cells.cells import Cells
from runner.colour.traffic_light import TrafficLight
from runner.container.images import Images

SWEEP_S = 30.0  # what died elsewhere is no hurry
SWEEP_AGAIN_S = 2.0  # after a failure: the engine may be back


class Upkeep:
    """Must be made in a running loop. The parts are what it keeps right."""

    def __init__(
        self,
        engine: ContainerEngine,
        supervisor: Supervisor,
        *,
        images: Images,
        pools: Pools,
        cells: Cells,
        traffic_light: TrafficLight,
    ) -> None:
        self.engine_answers = False
        self._engine = engine
        self._tasks = Tasks(supervisor)
        self._images = images
        self._pools = pools
        self._cells = cells
        self._traffic_light = traffic_light
        self._look_again = asyncio.Event()

    def start(self) -> None:
        """Begin to look for orphans, which also tells whether the engine answers."""
        self._tasks.loop(self._sweep_for_ever, "sweep")

    async def close(self) -> None:
        """End all of it. Twice is harmless."""
        await self._tasks.cancel()

    def engine_came_or_went(self, is_there: bool) -> None:
        """The engine has begun to tell of its changes, or tells of them no more."""
        if is_there:
            self._pools.forgive()
            self._cells.look_again(whatever_was_tried=True)
            self._traffic_light.try_now()
        else:
            self.engine_answers = False
        self._look_again.set()

    def images_changed(self) -> None:
        """Images have come, gone or been replaced."""
        self._cells.look_again()
        self._traffic_light.try_now()
        self._tasks.start(self._retire_replaced(), "retire replaced images")

    async def _retire_replaced(self) -> None:
        for name, pool in self._pools.by_image.items():
            with suppress(EngineError):  # reported where it failed
                if await self._images.image_id(name) != pool.spec.image_id:
                    self._pools.retire(name, "image was removed or replaced")

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                orphans = await sweep(self._engine)
                self.engine_answers = True
                if orphans:
                    logger.bind(orphans=orphans).info("removed orphans of an earlier process")
            except EngineError:
                self.engine_answers = False
            self._look_again.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_S if self.engine_answers else SWEEP_AGAIN_S):
                    await self._look_again.wait()
