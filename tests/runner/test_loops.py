"""The loops in the background: each fails by an error that nobody foresaw, and works again."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from pool import Delivery, Networks, Pools, PoolSettings, Supervisor
from runner.cells.cells import Cells
from runner.colour.traffic_light import TrafficLight
from runner.container.images import Images
from runner.engine.network_holders import NetworkHolders
from runner.settings import Reuse, Settings
from runner.siblings.sibling import Address
from runner.siblings.siblings import Siblings
from runner.upkeep import Upkeep
from runner.warming.warm_images import WarmImages
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.reports import Reports
from tests.runner.operators.scrape import scrape
from tests.serving import new_owner
from tests.waiting import eventually

RUBY, LAUNCHER = Settings(_env_file=None).ruby_image, Settings(_env_file=None).launcher_image
T = TypeVar("T")
BUG = RuntimeError("a bug")


@pytest.fixture
async def reports() -> Reports:
    """The reports that the supervisor makes."""
    return Reports()


@pytest.fixture
async def supervisor(reports: Reports) -> Supervisor:
    """A supervisor that lets loops run again soon."""
    return Supervisor(reports, first_pause_s=0.001, longest_pause_s=0.004)


@pytest.fixture
async def engine() -> FakeEngine:
    """An engine with the images that a service needs for itself."""
    engine = FakeEngine()
    for name in (RUBY, LAUNCHER):
        engine.images.add(name)
    return engine


@pytest.fixture
async def images(engine: FakeEngine, supervisor: Supervisor) -> AsyncIterator[Images]:
    """Images that have not begun to listen; closed at the end."""
    images = Images(
        engine.images,
        changed=lambda: None,
        pulled=lambda name: None,
        listening=lambda is_there: None,
        supervisor=supervisor,
    )
    yield images
    await images.close()


@pytest.fixture
async def cells(engine: FakeEngine, supervisor: Supervisor) -> AsyncIterator[Cells]:
    """Cells that nobody has tried yet; closed at the end."""
    cells = Cells(
        engine.containers,
        engine.images,
        wanted=Reuse.CELLS,
        delivery=Delivery.ATTACH,
        runtime="",
        launcher_image=LAUNCHER,
        most_runs=10,
        apparmor="",
        labels={},
        decided=lambda: None,
        supervisor=supervisor,
    )
    yield cells
    await cells.close()


@pytest.fixture
async def network_holders(
    engine: FakeEngine, supervisor: Supervisor
) -> AsyncIterator[NetworkHolders]:
    """Holders of networks that nobody has missed yet; closed at the end."""
    holders = NetworkHolders(
        engine.containers,
        engine.images,
        Networks(),
        most=1,
        image=LAUNCHER,
        runtime="",
        labels={},
        supervisor=supervisor,
        grow_s=0,
    )
    yield holders
    await holders.close()


@pytest.fixture
async def upkeep(
    engine: FakeEngine,
    supervisor: Supervisor,
    images: Images,
    cells: Cells,
    network_holders: NetworkHolders,
) -> AsyncIterator[Upkeep]:
    """Upkeep that has not begun to sweep; closed at the end, with what it keeps right."""
    pools = Pools(engine.containers, PoolSettings(), supervisor=supervisor)
    traffic_light = TrafficLight(engine.containers, engine.images, RUBY, {}, supervisor)
    warm_images = WarmImages((), is_warm, supervisor)
    upkeep = Upkeep(
        engine.containers,
        new_owner(),
        engine.log,
        supervisor,
        images=images,
        pools=pools,
        cells=cells,
        traffic_light=traffic_light,
        network_holders=network_holders,
        warm_images=warm_images,
    )
    yield upkeep
    await upkeep.close()
    await traffic_light.close()
    await pools.close()


async def is_warm(name: str) -> bool:
    """Every image is warm at once."""
    return True


async def test_image_changes(engine: FakeEngine, images: Images, reports: Reports) -> None:
    """The loop that hears of changes of images listens again."""
    engine.images.bugs["image_changes"] = BUG

    images.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["image changes"], [BUG])
    await eventually(lambda: _now(images.is_listening))


async def test_cells(engine: FakeEngine, cells: Cells, reports: Reports) -> None:
    """The loop that tries whether cells can be had tries again, and finds that they can."""
    engine.images.bugs["image"] = BUG

    cells.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["cells"], [BUG])
    await eventually(lambda: _now(cells.status.kind == "cells"))


async def test_network_holders(
    engine: FakeEngine, network_holders: NetworkHolders, reports: Reports
) -> None:
    """The loop that makes holders of networks looks again when one is missed again."""
    engine.images.bugs["image"] = BUG

    network_holders.start()
    network_holders.missed()
    await reports.came.wait()
    network_holders.missed()

    assert (reports.names, reports.errors) == (["network holders"], [BUG])
    await eventually(lambda: _now(engine.containers.asked))


async def test_engine_watch(engine: FakeEngine, upkeep: Upkeep, reports: Reports) -> None:
    """The loop that looks at the engine looks again, so the service knows that it answers."""
    engine.containers.bug = BUG

    upkeep.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["engine watch"], [BUG])
    await eventually(lambda: _now(upkeep.engine_answers))


async def test_sweep(engine: FakeEngine, upkeep: Upkeep, reports: Reports) -> None:
    """The loop that removes what serves nobody does so again."""
    upkeep.start()
    await eventually(lambda: _now(upkeep.engine_answers))
    engine.containers.bug = BUG
    upkeep.engine_came_or_went(True)  # which makes it sweep at once
    await reports.came.wait()
    engine.containers.add("left behind", "exited", new_owner().labels())

    assert (reports.names, reports.errors) == (["sweep"], [BUG])
    await eventually(lambda: _now(engine.containers.present), lambda present: not present)


async def test_look_up_siblings(supervisor: Supervisor, reports: Reports) -> None:
    """The loop that looks siblings up does so again, and finds them."""
    bugs = [BUG]

    async def look_up(name: str) -> set[Address]:
        if bugs:
            raise bugs.pop()
        return {("127.0.0.1", 4597)}

    siblings = Siblings(
        ("runner:4597",),
        told=3,
        replica="me",
        secret="",
        standing=lambda image: None,
        supervisor=supervisor,
        look_up=look_up,
    )
    siblings.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["look up siblings"], [BUG])
    [found] = await eventually(lambda: _now(siblings.statuses()))
    assert found.address == "127.0.0.1:4597"
    await siblings.close()


async def test_operators_see_a_loop_that_has_failed(serve_fake: ServeFake) -> None:
    """`/health` and `/metrics` tell that it failed and why, and then that it runs again."""
    engine = FakeEngine()
    engine.containers.bug = BUG
    async with serve_fake(engine) as http:

        async def watch() -> dict[str, object]:
            loops = (await http.ask("/health", verb="GET")).body["loops"]
            assert loops["image changes"] == {"is_running": True, "failures": 0, "last_error": ""}
            status: dict[str, object] = loops["engine watch"]
            return status

        await eventually(watch, lambda status: status["failures"] == 1)
        told = await eventually(watch, lambda status: bool(status["is_running"]))
        seen = await scrape(http)

    assert told == {"is_running": True, "failures": 1, "last_error": "a bug"}
    watch_label, other = (("loop", "engine watch"),), (("loop", "image changes"),)
    assert seen["runner_loop_failures_total", watch_label] == 1
    assert seen["runner_loop_failures_total", other] == 0
    assert seen["runner_loop_running", watch_label] == 1


async def _now(value: T) -> T:
    return value
