"""Pools on a fake engine, with a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pool import (
    ContainerSpec,
    DockerClient,
    EngineError,
    ImagePool,
    Pools,
    PoolSettings,
    Sizes,
    Supervisor,
)
from pool.demand import Demand
from pool.host import Host
from pool.refills import Refills
from pool.settings import MIB
from pool.workers import Workers
from tests.fakes import FakeContainers
from tests.reports import Reports

from .fake_dockerd import FakeDockerd

SPEC = ContainerSpec(
    image="some/image", image_id="sha256:1", command=("wait",), ready_mark=b"READY\n", user="u"
)


class Clock:
    """A monotonic clock that only the test moves."""

    def __init__(self) -> None:
        self._now_s = 1000.0

    def __call__(self) -> float:
        """The time of the test."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        self._now_s += seconds


async def settle() -> None:
    """Let the loop go round until whatever can happen without the test has happened.

    Nothing in the fake engine waits for more than a turn, and nothing here takes more than a few.
    """
    for _turn in range(100):
        await asyncio.sleep(0)


@contextmanager
def unheard_errors() -> Iterator[list[str]]:
    """What the loop hears of tasks that ended with an error and that nobody asked."""
    loop, heard = asyncio.get_running_loop(), list[str]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: heard.append(repr(context["exception"])))
    yield heard
    loop.set_exception_handler(before)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def engine() -> FakeContainers:
    """An engine in memory."""
    return FakeContainers()


@pytest.fixture
def reports() -> Reports:
    """What the pools' supervisor heard; must be empty when the test is over."""
    return Reports()


@pytest.fixture
def supervisor(reports: Reports) -> Supervisor:
    """Lets a loop that failed run again almost at once."""
    return Supervisor(reports, first_pause_s=0.001, longest_pause_s=0.004)


def lone_pool(
    engine: FakeContainers,
    workers: Workers,
    settings: PoolSettings,
    supervisor: Supervisor,
    *,
    now_s: Callable[[], float],
    most_runs: int = 1,
) -> ImagePool:
    """A pool that has the host for itself."""
    host = Host(settings.host_limit)
    refills = Refills(host, workers, supervisor, at_once=settings.refills_at_once)
    spec = replace(SPEC, most_runs=most_runs)
    return ImagePool(
        spec,
        engine,
        host=host,
        refills=refills,
        settings=settings,
        supervisor=supervisor,
        demand=Demand(settings.sizes_of(spec)),
        now_s=now_s,
    )


MakePool = Callable[..., ImagePool]
MakePools = Callable[..., Pools]


@pytest.fixture
async def make_pool(
    engine: FakeContainers, clock: Clock, reports: Reports, supervisor: Supervisor
) -> AsyncIterator[MakePool]:
    """Makes pools of one image on the fake engine, and closes them; no job of theirs had a bug."""
    made: list[tuple[ImagePool, Workers]] = []

    def make(target: int = 2, refills_at_once: int = 2, most_runs: int = 1) -> ImagePool:
        settings = PoolSettings(
            sizes=Sizes(minimum=target, maximum=target, spare=0), refills_at_once=refills_at_once
        )
        workers = Workers(refills_at_once, supervisor)
        pool = lone_pool(engine, workers, settings, supervisor, now_s=clock, most_runs=most_runs)
        made.append((pool, workers))
        return pool

    yield make

    engine.release()
    for pool, workers in made:
        await pool.close("test is over")
        await workers.close(1)
    assert not reports.errors


@pytest.fixture
async def make_pools(
    engine: FakeContainers, clock: Clock, reports: Reports, supervisor: Supervisor
) -> AsyncIterator[MakePools]:
    """Makes pools of all images on the fake engine, and closes them; no job of theirs had a bug."""
    made: list[Pools] = []

    def make(
        target: int = 2,
        refills_at_once: int = 2,
        sizes: Sizes | None = None,
        host: int = 40,
        memory_bytes: int = 1024 * MIB,
        **more: Any,
    ) -> Pools:
        settings = PoolSettings(
            sizes=sizes or Sizes(minimum=target, maximum=target, spare=0),
            host_containers=host,
            host_memory_bytes=memory_bytes,
            refills_at_once=refills_at_once,
        )
        made.append(Pools(engine, settings, supervisor=supervisor, now_s=clock, **more))
        return made[-1]

    yield make

    engine.release()
    for pools in made:
        await pools.close()
    assert not reports.errors


@pytest.fixture
async def dockerd(tmp_path: Path) -> AsyncIterator[FakeDockerd]:
    """An engine on a unix socket, whose answers the test scripts."""
    server = FakeDockerd(tmp_path / "docker.sock")
    async with server.listening():
        yield server


@pytest.fixture
def reported() -> list[EngineError]:
    """What `client` reported."""
    return []


@pytest.fixture
async def client(
    dockerd: FakeDockerd, reported: list[EngineError], supervisor: Supervisor
) -> AsyncIterator[DockerClient]:
    """A client of that engine."""
    client = DockerClient(dockerd.host, reported.append, supervisor=supervisor)
    yield client
    await client.close()
