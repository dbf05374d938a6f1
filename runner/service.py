"""The service's parts, made and connected in one place, and their life from start to drain."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from loguru import logger

from pool import EngineError, Owner, PoolClosedError, Tasks, remove_mine
from runner.container.warm_up import WarmUps
from runner.engine.engines import Engines
from runner.kata import Kata, RunResult
from runner.operators.checks import Check, is_passed
from runner.operators.health import Health, Inspector
from runner.operators.views import Views
from runner.parts import Parts, standing
from runner.run.admission import Admission
from runner.run.judge import Judge
from runner.run.patience import Patience
from runner.run.run import KataRunner
from runner.settings import Settings
from runner.siblings.book import Verdict
from runner.siblings.listener import Listener
from runner.siblings.notice import RefillNotice
from runner.upkeep import Upkeep
from runner.warming.acts import Acts
from runner.warming.wanted import WantedImages
from runner.warming.warm_images import WarmImages

CLOSE_S = 0.5  # the end of a drain's time, for calls of the engine that are still under way


class Service:
    """Runs katas, pulls images. Must be made in a running loop.

    `owner` marks the containers that this process starts, and only those. `lines_dropped` counts
    the lines that the log has lost, for the metrics.
    """

    def __init__(
        self,
        settings: Settings,
        owner: Owner,
        engines: Engines,
        lines_dropped: Callable[[], int] = lambda: 0,
    ) -> None:
        self.is_draining = False
        self._has_begun = False
        self.supervisor = engines.supervisor
        self._settings = settings
        self._owner = owner
        self._engines = engines
        self._tasks = Tasks(self.supervisor)
        parts = Parts(settings, owner, engines, self.supervisor)
        self._siblings = parts.siblings(lambda image: standing(self._pools, image))
        self._pools = parts.pools(taken=self._siblings.took)
        self._images = parts.images(
            changed=self._images_changed,
            pulled=self._pulled,
            listening=self._engine_came_or_went,
        )
        self._traffic_light = parts.traffic_light()
        self._cells = parts.cells(decided=self._kind_is_decided)
        self._network_holders = parts.network_holders()
        self.views = Views(settings, engines, self.health, lines_dropped, self.supervisor)
        self._admission = Admission(places=parts.places, queue=settings.queue)
        judge, roots, warm_ups = Judge(self._traffic_light), parts.roots(), WarmUps()
        self._runner = KataRunner(
            engine=engines.containers,
            images=self._images,
            pools=self._pools,
            admission=self._admission,
            judge=judge,
            specs=parts.specs(roots, self._cells),
            roots=roots,
            warm_ups=warm_ups,
            budget_s=settings.budget_s,
            ended=self.views.run_ended,
        )
        self._allowed = settings.allowed
        self._wanted = WantedImages(
            self._images,
            self._pools,
            self._allowed,
            spec_of=self._runner.spec_of,
            announce=self._siblings.announce,
            supervisor=self.supervisor,
        )
        self._warm_images = WarmImages(
            settings.warm_images, self._wanted.warm_up_if_here, self.supervisor
        )
        self._listener = Listener(owner.replica, self._pools, self._wanted.spec_if_allowed)
        self.acts = Acts(self._pools, self._runner.spec_of, self._allowed)
        self._upkeep = Upkeep(
            engines.containers,
            owner,
            engines.log,
            self.supervisor,
            images=self._images,
            pools=self._pools,
            cells=self._cells,
            traffic_light=self._traffic_light,
            network_holders=self._network_holders,
            warm_images=self._warm_images,
            came=self._may_be_ready,
        )
        self._inspector = Inspector(
            replica=owner.replica,
            version=self.views.version,
            limits=self.views.limits,
            is_draining=lambda: self.is_draining,
            engine_answers=lambda: self._upkeep.engine_answers,
            judge=judge,
            images=self._images,
            admission=self._admission,
            cells=self._cells,
            network_holders=self._network_holders,
            roots=roots,
            warm_ups=warm_ups,
            tool_images=parts.tool_images,
            siblings=self._siblings,
            listener=self._listener,
            pools=self._pools,
            supervisor=self.supervisor,
        )

    async def start(self) -> None:
        """Begin the background work, without waiting for the engine."""
        self._has_begun = True
        self._images.start()
        self._traffic_light.start()
        self._siblings.start()
        self._warm_images.start()
        self._upkeep.start()
        self._cells.start()
        self._network_holders.start()
        self.views.start()

    async def drain(self, limit_s: float | None = None) -> None:
        """Take on nothing new in the background, and remove every container of ours.

        This takes `limit_s` at most, by default the seconds of the setting. A container that the
        engine has not removed by then is left: it ends by itself, because its stdin ends, and the
        next sweep of any replica removes it.
        """
        self.is_draining = True
        limit_s = self._settings.drain_s if limit_s is None else limit_s
        until_s = asyncio.get_running_loop().time() + limit_s
        try:
            async with asyncio.timeout_at(until_s - min(CLOSE_S, limit_s / 2)):
                await self._close()
        except TimeoutError:
            logger.warning("the engine has not removed all containers in time: some are left")
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until_s):
                await self._engines.close()

    async def _close(self) -> None:
        await self.views.close()
        await self._upkeep.close()
        await self._warm_images.close()
        await self._wanted.close()
        await self._tasks.cancel()
        await self._siblings.close()
        await self._images.close()
        await self._traffic_light.close()
        await self._cells.close()
        await self._pools.close()
        await self._network_holders.close()
        if self._has_begun:  # otherwise nothing of ours is there, and the engine is left alone
            with suppress(EngineError):  # reported where it failed
                await remove_mine(self._engines.containers, self._owner)
        await self.views.closed()  # last: traces that are lost matter less than containers left

    async def run(self, kata: Kata, patience: Patience) -> RunResult:
        """See KataRunner.run. Raises ImageNotAllowedError, too."""
        self._allowed.check(kata.image_name)
        return await self._runner.run(kata, patience)

    def end_runs_by(self, until_s: float) -> None:
        """See KataRunner.end_by."""
        self._runner.end_by(until_s)

    def check_queue(self) -> None:
        """Raises BusyError when a run that came now would be refused."""
        self._admission.check()

    async def pull_image(self, name: str) -> str:
        """See WantedImages.pull."""
        return await self._wanted.pull(name)

    async def hear(self, notice: RefillNotice, sender: str) -> Verdict:
        """See Listener.hear. Raises PoolClosedError."""
        if self.is_draining:
            raise PoolClosedError("the service is stopping")
        return await self._listener.hear(notice, sender)

    def refused_notice(self, why: str) -> None:
        """Count a notice that could not be read, or was not a sibling's."""
        self._listener.refused(why)

    def health(self) -> Health:
        """See Inspector.health."""
        return self._inspector.health()

    def try_again(self) -> None:
        """Try again at once what the host or the engine has refused: cells, colours, images."""
        logger.info("trying again what has failed")
        self._upkeep.try_again()

    def readiness(self) -> tuple[Check, ...]:
        """See Inspector.readiness."""
        return self._inspector.readiness()

    @property
    def is_ready(self) -> bool:
        """Whether a run would be taken on. It is cheap to ask, and true even if no pool is warm."""
        return is_passed(self.readiness())

    # `Images` is made before the parts that it has to call. So it calls these methods instead.
    def _images_changed(self) -> None:
        self._engines.log.images_changed()
        self._upkeep.images_changed()

    def _engine_came_or_went(self, is_there: bool) -> None:
        self._upkeep.engine_came_or_went(is_there)

    def _pulled(self, name: str) -> None:
        self._wanted.pulled(name)

    def _kind_is_decided(self) -> None:
        """Warm the images of the settings, now that the kind of their containers is known."""
        self._warm_images.begin()
        self._may_be_ready()

    def _may_be_ready(self) -> None:
        if self.is_ready:
            self._tasks.start(self.views.ready(self._cells.status), "say what has started")
