"""The loops that need the engine: each fails by an error that nobody foresaw, and works again."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pool import Delivery, Networks, Pools, PoolSettings, Supervisor
from runner.cells.cells import Cells
from runner.colour.traffic_light import TrafficLight
from runner.container.images import Images
from runner.engine.network_holders import NetworkHolders
from runner.settings import Reuse
from runner.upkeep import Upkeep
from runner.warming.warm_images import WarmImages
from tests.fakes import FakeEngine
from tests.reports import Reports
from tests.runner.container.support import spec_of
from tests.serving import new_owner
from tests.waiting import eventually

from .support import BUG, LAUNCHER, RUBY, Operators, now


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
async def pools(engine: FakeEngine, supervisor: Supervisor) -> AsyncIterator[Pools]:
    """Pools of no image yet; closed at the end."""
    pools = Pools(engine.containers, PoolSettings(), supervisor=supervisor)
    yield pools
    await pools.close()


@pytest.fixture
async def upkeep(
    engine: FakeEngine,
    supervisor: Supervisor,
    *,
    images: Images,
    pools: Pools,
    cells: Cells,
    network_holders: NetworkHolders,
) -> AsyncIterator[Upkeep]:
    """Upkeep that has not begun to sweep; closed at the end, with what it keeps right."""
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


async def is_warm(name: str) -> bool:
    """Every image is warm at once."""
    return True


async def test_image_changes(
    engine: FakeEngine, images: Images, reports: Reports, operators: Operators
) -> None:
    """The loop that hears of changes of images listens again."""
    engine.images.bugs["image_changes"] = BUG

    images.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["image changes"], [BUG])
    await operators.see("image changes")
    await eventually(lambda: now(images.is_listening))


async def test_cells(
    engine: FakeEngine, cells: Cells, reports: Reports, operators: Operators
) -> None:
    """The loop that tries whether cells can be had tries again, and finds that they can."""
    engine.images.bugs["image"] = BUG

    cells.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["cells"], [BUG])
    await operators.see("cells")
    await eventually(lambda: now(cells.status.kind == "cells"))


async def test_network_holders(
    engine: FakeEngine,
    network_holders: NetworkHolders,
    reports: Reports,
    operators: Operators,
) -> None:
    """The loop that makes holders of networks looks again when one is missed again."""
    engine.images.bugs["image"] = BUG

    network_holders.start()
    network_holders.missed()
    await reports.came.wait()
    network_holders.missed()

    assert (reports.names, reports.errors) == (["network holders"], [BUG])
    await operators.see("network holders")
    await eventually(lambda: now(engine.containers.asked))


async def test_engine_watch(
    engine: FakeEngine, upkeep: Upkeep, reports: Reports, operators: Operators
) -> None:
    """The loop that looks at the engine looks again, so the service knows that it answers."""
    engine.containers.bug = BUG

    upkeep.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["engine watch"], [BUG])
    await operators.see("engine watch")
    await eventually(lambda: now(upkeep.engine_answers))


async def test_sweep(
    engine: FakeEngine, upkeep: Upkeep, reports: Reports, operators: Operators
) -> None:
    """The loop that removes what serves nobody does so again."""
    upkeep.start()
    await eventually(lambda: now(upkeep.engine_answers))
    engine.containers.bug = BUG
    upkeep.engine_came_or_went(True)  # which makes it sweep at once
    await reports.came.wait()
    engine.containers.add("left behind", "exited", new_owner().labels())

    assert (reports.names, reports.errors) == (["sweep"], [BUG])
    await operators.see("sweep")
    await eventually(lambda: now(engine.containers.present), lambda present: not present)


async def test_retire_replaced_images(
    engine: FakeEngine, upkeep: Upkeep, pools: Pools, reports: Reports, operators: Operators
) -> None:
    """The loop that retires replaced images does not forget the change at which it failed."""
    engine.images.add("kata:1")
    engine.images.bugs["image kata:1"] = BUG
    pools.warm_up(replace(spec_of("kata:1"), image_id="sha256:replaced"))

    upkeep.start()
    upkeep.images_changed()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["retire replaced images"], [BUG])
    await operators.see("retire replaced images")
    await eventually(lambda: now(pools.by_image), lambda pools: not pools)


async def test_pools_upkeep(
    engine: FakeEngine, supervisor: Supervisor, reports: Reports, operators: Operators
) -> None:
    """The loop that sizes the pools does so again, and forgets the image that nobody wants."""
    settings = PoolSettings(resize_s=0.001)
    bugs, moments_s = [BUG], [1000.0]

    def now_s() -> float:
        if bugs:
            raise bugs.pop()
        return moments_s[-1]

    pools = Pools(engine.containers, settings, supervisor=supervisor, now_s=now_s)
    await reports.came.wait()
    pools.warm_up(replace(spec_of(RUBY), image_id=engine.images.on_node[RUBY].image_id))
    moments_s.append(1000.0 + 2 * settings.forget_s)

    assert (reports.names, reports.errors) == (["pools' upkeep"], [BUG])
    await operators.see("pools' upkeep")
    await eventually(lambda: now(pools.by_image), lambda pools: not pools)
    await pools.close()
