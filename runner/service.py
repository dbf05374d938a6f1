"""The service's parts, made and connected in one place, and their life from start to drain."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from loguru import logger

from pool import (
    ContainerEngine,
    ContainerSpec,
    DockerClient,
    DockerContainers,
    DockerImages,
    EngineError,
    ImageEngine,
    Owner,
    PoolClosedError,
    Pools,
    PoolSettings,
    remove_mine,
    sweep,
)
from runner.admission import Admission
from runner.cells import Cells
from runner.images import Images
from runner.kata import Kata, RunResult
from runner.logs import report_bug, report_engine_error
from runner.metrics import Metrics
from runner.notice_book import NoticeBook, Verdict
from runner.refill_notice import RefillNotice
from runner.run import KataRunner
from runner.settings import MIB, Settings
from runner.siblings import Siblings, Standing
from runner.traffic_light import TrafficLight

SWEEP_S = 30.0  # what died elsewhere is no hurry
# Of images that siblings tell of and that are not pooled yet: the engine is asked for each.
LOOK_UPS_AT_ONCE = 4
SWEEP_AGAIN_S = 2.0  # after a failure: the engine may be back


@dataclass(frozen=True)
class Engines:
    """The container engine, from both of its sides, and how to let go of it."""

    containers: ContainerEngine
    images: ImageEngine
    close: Callable[[], Awaitable[None]]


def docker_engines(docker_host: str, owner: Owner) -> Engines:
    """A real Docker engine."""
    client = DockerClient(docker_host, report_engine_error)
    containers = DockerContainers(client)

    async def close() -> None:
        await containers.close()
        await client.close()

    return Engines(containers, DockerImages(client, owner.labels()), close)


class Service:
    """Runs kata, pulls images. Must be made in a running loop.

    `owner` marks the containers that this process starts, and only those.
    """

    def __init__(self, settings: Settings, owner: Owner, engines: Engines) -> None:
        places = settings.runs_at_once or (os.cpu_count() or 1) + 1
        self._settings = settings
        self._born_s = time.monotonic()
        self._owner = owner
        self._engines = engines
        self._engine = engines.containers
        self._siblings = Siblings(
            settings.siblings,
            told=settings.siblings_told,
            replica=owner.replica,
            secret=settings.secret.get_secret_value(),
            standing=self._standing,
        )
        self._pools = Pools(
            self._engine,
            PoolSettings(
                sizes=settings.sizes,
                host_containers=settings.host_containers,
                host_memory_bytes=settings.host_memory_mib * MIB,
                leases_at_once=places,
                refills_at_once=settings.refills_at_once,
            ),
            failed=report_bug,
            taken=self._siblings.took,
        )
        self._book = NoticeBook(owner.replica)
        self._looking_up: set[str] = set()
        self._images = Images(
            engines.images,
            changed=self._images_changed,
            pulled=self._warm_up,
            listening=self._engine_came_or_went,
        )
        self._traffic_light = TrafficLight(
            engines.containers, engines.images, settings.ruby_image, owner.labels()
        )
        self.metrics = Metrics(self.health, settings.commit_sha)
        self._admission = Admission(places=places, queue=settings.queue)
        self._cells = Cells(
            engines.containers,
            engines.images,
            wanted=settings.reuse,
            delivery=settings.delivery,
            runtime=settings.runtime,
            launcher_image=settings.launcher_image,
            uses=settings.reuse_most_runs,
            overlays=settings.reuse_overlays,
            labels=owner.labels(),
            decided=self._warm_first,
        )
        self._runner = KataRunner(
            engine=self._engine,
            images=self._images,
            pools=self._pools,
            admission=self._admission,
            traffic_light=self._traffic_light,
            delivery=settings.delivery,
            runtime=settings.runtime,
            kind_of_use=self._cells.spec_of,
            labels=owner.labels(),
            budget_s=settings.budget_s,
            ended=self.metrics.run_ended,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._engine_answers = False
        self._look_again = asyncio.Event()
        self.is_draining = False

    @property
    def is_ready(self) -> bool:
        """Whether a run would be taken on: cheap, and true when every pool is cold."""
        return self._engine_answers and self._cells.is_decided and not self.is_draining

    async def start(self) -> None:
        """Begin the background work; does not wait for the engine."""
        self._images.start()
        self._traffic_light.start()
        self._siblings.start()
        self._own(self._sweep_for_ever(), "sweep")
        self._cells.start()

    async def drain(self) -> None:
        """Take on nothing new in the background, and remove every container of ours."""
        self.is_draining = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._siblings.close()
        await self._images.close()
        await self._traffic_light.close()
        await self._cells.close()
        await self._pools.close()
        with suppress(EngineError):  # reported where it failed
            await remove_mine(self._engine, self._owner)
        await self._engines.close()

    async def run(self, kata: Kata) -> RunResult:
        """See KataRunner.run."""
        return await self._runner.run(kata)

    async def pull_image(self, name: str) -> str:
        """`pulled` when it is on this node, else `pulling`. Raises EngineError."""
        if await self._images.image_id(name) is not None:
            # Who asks for it is about to begin with it, on whichever replica.
            self._own(self._expect(name), f"expect {name}")
            return "pulled"
        self._images.pull(name)
        return "pulling"

    async def hear(self, notice: RefillNotice, sender: str) -> Verdict:
        """A sibling had takes: expect some here, too. Raises PoolClosedError."""
        if self.is_draining:
            raise PoolClosedError("the service is stopping")
        verdict = self._book.judge(notice, sender, time.monotonic(), time.time())
        if verdict is Verdict.COUNTED:
            verdict = await self._heed(notice)
        self._book.verdicts[verdict] += 1
        return verdict

    def refused_notice(self, why: str) -> None:
        """One that could not even be read, or was not a sibling's."""
        self._book.verdicts[why] += 1

    async def _heed(self, notice: RefillNotice) -> Verdict:
        name, takes = notice.image, notice.takes / notice.told
        pool = self._pools.by_image.get(name)
        if pool is not None:
            self._pools.hear(pool.spec, takes)
            return Verdict.COUNTED
        if len(self._looking_up) >= LOOK_UPS_AT_ONCE or name in self._looking_up:
            return Verdict.LIMITED
        self._looking_up.add(name)
        try:
            spec = await self._runner.spec_of(name)
        except EngineError:  # reported where it failed
            spec = None
        finally:
            self._looking_up.discard(name)
        if spec is None:
            return Verdict.UNKNOWN_IMAGE
        self._pools.hear(spec, takes)
        return Verdict.COUNTED

    def health(self) -> dict[str, Any]:
        """What operators want to know; asks nobody, so it is quick whatever the engine does."""
        now_s = time.monotonic()
        return {
            "status": "draining" if self.is_draining else "ok" if self.is_ready else "engine down",
            "engine": {"answers": self._engine_answers, "listening": self._images.is_listening},
            "replica": self._owner.replica,
            "uptime_s": round(time.monotonic() - self._born_s, 3),
            "running": self._admission.running,
            "queued": self._admission.waiting,
            "refused": self._admission.refused,
            "pulling": self._images.pulling,
            "tasks": len(asyncio.all_tasks()),
            "reuse": self._cells.health(),
            "siblings": self._siblings.health(),
            "heard_ago_s": self._book.heard_ago_s(now_s),
            "notices_in": dict(self._book.verdicts),
            "notices_out": dict(self._siblings.outcomes),
            "images": {
                name: {
                    "warm": pool.warm,
                    "starting": pool.starting,
                    "leased": pool.leased,
                    "target": pool.target,
                    "takes": pool.counts.hits + pool.counts.misses,
                    "hits": pool.counts.hits,
                    "misses": pool.counts.misses,
                    "take_rate": round(pool.demand.taken.at(now_s), 4),
                    "fill_rate": round(pool.demand.filled.at(now_s), 4),
                    "rate": round(pool.demand.rate(now_s), 4),
                    "starts": pool.counts.starts,
                    "failures": pool.counts.failures,
                    "fill_seconds": [round(fill_s, 3) for fill_s in pool.demand.fill_times_s],
                    "returns": pool.counts.returns,
                    "served": pool.counts.served,
                    "uses": pool.counts.uses,
                    "discards": pool.counts.discards,
                    "mode": _mode(pool.spec),
                    "last_error": str(pool.breaker.last_error or ""),
                }
                for name, pool in self._pools.by_image.items()
            },
        }

    def _warm_first(self) -> None:
        """What kind of containers there will be is known."""
        for name in self._settings.warm_images:
            self._warm_up(name)

    def _standing(self, image: str) -> Standing | None:
        pool, now_s = self._pools.by_image.get(image), time.monotonic()
        if pool is None:
            return None
        demand = pool.demand
        return Standing(demand.taken.at(now_s), demand.filled.at(now_s), pool.warm, pool.target)

    def _warm_up(self, name: str) -> None:
        self._own(self._warm_up_if_here(name), f"warm up {name}")

    async def _expect(self, name: str) -> None:
        await self._warm_up_if_here(name)
        self._siblings.took(name)

    async def _warm_up_if_here(self, name: str) -> None:
        with suppress(EngineError):  # reported where it failed
            spec = await self._runner.spec_of(name)
            if spec is not None:
                self._pools.warm_up(spec)

    def _images_changed(self) -> None:
        self._cells.look_again()
        self._own(self._retire_replaced(), "retire replaced images")

    async def _retire_replaced(self) -> None:
        for name, pool in self._pools.by_image.items():
            with suppress(EngineError):  # reported where it failed
                if await self._images.image_id(name) != pool.spec.image_id:
                    self._pools.retire(name, "image was removed or replaced")

    def _engine_came_or_went(self, is_there: bool) -> None:
        if is_there:
            self._pools.forgive()
            self._cells.look_again(whatever_was_tried=True)
            self._traffic_light.forgive()
        else:
            self._engine_answers = False
        self._look_again.set()

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                orphans = await sweep(self._engine)
                self._engine_answers = True
                if orphans:
                    logger.bind(orphans=orphans).info("removed orphans of an earlier process")
            except EngineError:
                self._engine_answers = False
            self._look_again.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_S if self._engine_answers else SWEEP_AGAIN_S):
                    await self._look_again.wait()

    def _own(self, coroutine: Any, what: str) -> None:
        task = asyncio.create_task(coroutine, name=what)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            report_bug(error)


def _mode(spec: ContainerSpec) -> str:
    if spec.uses > 1:
        return "cells"
    return "copied home" if spec.volumes else "read-only"
