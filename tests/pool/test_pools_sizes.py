"""All images' pools: how many containers each keeps, by demand and by hearsay."""

import asyncio
import math
from dataclasses import replace

import pytest

from pool import ContainerSpec, Pools, PoolSettings, Sizes, Supervisor
from pool.demand import Demand
from pool.settings import WARM_BYTES
from pool.sharing import Claim
from tests.fakes import FakeContainers

from .conftest import SPEC, Clock, MakePools, settle
from .support import OTHER, SIZES


async def test_an_image_that_is_wanted_more_gets_more(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """Targets follow the rate of takes and the time that a start takes, at once."""
    engine.on_ready = lambda stream: clock.advance(0.5)
    pools = make_pools(sizes=SIZES)
    async with pools.lease(SPEC):
        pass
    first = pools.by_image[SPEC.image].target

    for _ in range(60):
        clock.advance(0.1)
        async with pools.lease(SPEC):
            await settle()

    assert pools.by_image[SPEC.image].target > first


async def test_an_image_that_nobody_wants_any_more_lets_go(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """An unwanted image keeps nothing warm; its next run is a miss that warms it again."""
    pools = make_pools(sizes=SIZES)
    pools.warm_up(SPEC)
    await settle()
    assert pools.by_image[SPEC.image].warm > 0

    clock.advance(601)
    pools.resize()
    await settle()

    assert not engine.present
    async with pools.lease(SPEC) as lease:
        assert not lease.hit
    await settle()
    assert pools.by_image[SPEC.image].warm > 0


async def test_all_images_together_stay_within_the_hosts_limit(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """An image gets what is free, and takes nothing from another one; what is in use counts."""
    pools = make_pools(target=3, host=5)
    pools.warm_up(OTHER)
    await settle()
    clock.advance(1)

    async with pools.lease(SPEC):
        await settle()

        warm = {image: pool.warm for image, pool in pools.by_image.items()}
        assert warm == {SPEC.image: 1, OTHER.image: 3}
    await settle()
    pools.resize()
    await settle()
    warm = {image: pool.warm for image, pool in pools.by_image.items()}
    assert warm == {SPEC.image: 2, OTHER.image: 3}
    assert len(engine.living) == 5
    assert engine.starts == 6


async def test_what_a_learner_waits_for_displaces_what_is_warm(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """At the host's limit a miss evicts a container of the image that was wanted least
    recently.
    """
    pools = make_pools(target=2, host=2)
    pools.warm_up(OTHER)
    await settle()
    clock.advance(1)

    async with pools.lease(SPEC) as lease:
        assert not lease.hit
        assert pools.by_image[OTHER.image].counts.discards["evicted"] == 1


def test_memory_bounds_the_host_as_well() -> None:
    """The host's limit is the tighter one of the number of containers and their memory."""
    few = PoolSettings(host_containers=40, host_memory_bytes=10 * WARM_BYTES + 1)

    assert few.host_limit == 10
    assert PoolSettings(host_containers=4).host_limit == 4


def test_each_place_of_the_host_is_an_equal_part_of_its_memory() -> None:
    """Containers that keep within the host's places keep within its memory, whatever each takes."""
    few = PoolSettings(host_containers=4, host_memory_bytes=400 * WARM_BYTES)
    many = PoolSettings(host_containers=40, host_memory_bytes=10 * WARM_BYTES)

    assert few.place_bytes == 100 * WARM_BYTES
    assert many.place_bytes == WARM_BYTES
    assert PoolSettings(host_memory_bytes=0).place_bytes == math.inf


async def test_what_happens_to_one_image_asks_no_other(
    engine: FakeContainers, clock: Clock, supervisor: Supervisor
) -> None:
    """A take, a notice and an announcement cost the same with three images as with thirty."""
    asked: list[str] = []

    class Asked(Demand):
        def __init__(self, spec: ContainerSpec) -> None:
            super().__init__(SIZES)
            self._image = spec.image

        def claim(self, now_s: float) -> Claim:
            asked.append(self._image)
            return super().claim(now_s)

    pools = Pools(
        engine,
        PoolSettings(host_containers=6),
        supervisor=supervisor,
        demand_of=Asked,
        now_s=clock,
    )
    for number in range(30):
        pools.warm_up(replace(SPEC, image=f"image-{number}"))
    pools.warm_up(SPEC)
    await settle()
    asked.clear()

    async with pools.lease(SPEC):
        await settle()
    pools.hear(SPEC, takes=1)
    pools.warm_up(SPEC)
    await settle()

    assert asked == [SPEC.image] * 3
    await pools.close()


# By many takes an image that never started claims more than once it has shown how quick that is.
@pytest.mark.parametrize(("takes", "most_starts"), [(1, 12 + 1), (100, 3 * 12)])
async def test_hearsay_takes_nothing_from_an_image_with_takes(
    make_pools: MakePools, engine: FakeContainers, clock: Clock, takes: int, most_starts: int
) -> None:
    """Notices of other images, however many, take no warm container from an image with takes."""
    pools = make_pools(sizes=Sizes(), host=12)
    async with pools.lease(SPEC):
        await settle()
    await settle()
    pool = pools.by_image[SPEC.image]
    warm = pool.warm
    assert warm == pool.target > 0

    for number in range(60):
        pools.hear(replace(SPEC, image=f"heard-{number % 9}"), takes=takes)
        await settle()
        clock.advance(0.4)  # not so long that the image is wanted less by itself
        pools.resize()
        assert pool.warm == warm

    assert not pool.counts.discards.keys() & {"evicted", "surplus"}
    assert 12 < engine.starts <= most_starts


async def test_own_demand_gets_places_that_are_held_by_hearsay(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """Three images have all the places by hearsay; one of them gives way to an image in use."""
    pools = make_pools(sizes=Sizes(), host=3)
    heard = [replace(OTHER, image=f"heard-{number}") for number in range(3)]

    for _ in range(600):
        for spec in heard:
            pools.hear(spec, takes=1)
        async with pools.lease(SPEC):
            pass
        await settle()
        clock.advance(1)
        pools.resize()

    assert pools.by_image[SPEC.image].warm > 0
    assert sum(pools.by_image[spec.image].warm for spec in heard) < 3


async def test_a_notice_warms(make_pools: MakePools, engine: FakeContainers) -> None:
    """A notice warms an image, and counts neither as a hit nor as a miss."""
    pools = make_pools(sizes=SIZES)

    pools.hear(SPEC, takes=0.5)
    await settle()

    pool = pools.by_image[SPEC.image]
    assert pool.warm == pool.target > 0
    assert pool.counts.hits + pool.counts.misses == 0


@pytest.mark.parametrize(("own", "at_once"), [(0, 1), (6, 2)])
async def test_refills_by_hearsay_begin_one_at_a_time(
    make_pools: MakePools, engine: FakeContainers, clock: Clock, own: int, at_once: int
) -> None:
    """Refills that only siblings' notices ask for begin one at a time.

    All others may begin together.
    """
    pools = make_pools(sizes=replace(SIZES, minimum=own), refills_at_once=2)
    engine.hold()
    pools.hear(SPEC, takes=100)
    await settle()
    clock.advance(1)  # or there would be no need of many, as a start took no time
    engine.finish()
    await settle()

    for _ in range(3):
        assert engine.held == at_once
        engine.finish()
        await settle()

    pool = pools.by_image[SPEC.image]
    assert pool.warm == 4 < pool.target


async def test_every_take_is_told_at_once(make_pools: MakePools, engine: FakeContainers) -> None:
    """A take is told before its miss has been started, so that siblings hear of it early."""
    told: list[str] = []
    pools = make_pools(target=1, taken=told.append)
    engine.hold()

    async def miss() -> None:
        async with pools.lease(SPEC):
            pass

    missing = asyncio.create_task(miss())
    await settle()
    assert told == [SPEC.image]
    assert not missing.done()
    engine.release()
    await missing
