"""All images' pools: refills that yield, containers that are stale, images that are forgotten."""

import asyncio

from pool import ImagePool, PoolSettings
from pool.sizing import LONGEST_YIELD_S
from tests.fakes import FakeContainers

from .conftest import SPEC, Clock, MakePools, settle
from .support import OTHER, SIZES


def lose_one(pool: ImagePool, engine: FakeContainers, clock: Clock) -> None:
    """Kill a warm container that is too old to count as one that could not start."""
    clock.advance(10)
    engine.kill(pool._ledger.warm[0].container_id)


class TestRefillsYield:
    """Refills wait for runs of any image, while enough containers are warm."""

    async def test_to_a_run_of_another_image(
        self, make_pools: MakePools, engine: FakeContainers, clock: Clock
    ) -> None:
        """A refill begins when the run of another image is over."""
        pools = make_pools(target=3)
        for spec in (SPEC, OTHER):
            pools.warm_up(spec)
        await settle()
        other = pools.by_image[OTHER.image]

        async with pools.lease(SPEC):
            lose_one(other, engine, clock)
            await settle()
            assert (other.warm, other.starting) == (2, 0)
        await settle()

        assert other.warm == 3

    async def test_not_when_the_next_take_would_miss(
        self, make_pools: MakePools, engine: FakeContainers
    ) -> None:
        """A cold image is warmed whatever else runs."""
        pools = make_pools(target=1)

        async with pools.lease(SPEC):
            pools.warm_up(OTHER)
            await settle()
            assert pools.by_image[OTHER.image].warm == 1

    async def test_not_for_ever(
        self, make_pools: MakePools, engine: FakeContainers, clock: Clock
    ) -> None:
        """A refill that gives way goes on after two seconds, and the next one waits anew."""
        pools = make_pools(target=4)
        pools.warm_up(SPEC)
        await settle()
        pool = pools.by_image[SPEC.image]

        async with pools.lease(SPEC):
            lose_one(pool, engine, clock)
            await settle()
            assert pool.warm == 2

            clock.advance(LONGEST_YIELD_S)
            pools.resize()
            await settle()
            assert pool.warm == 3

            clock.advance(LONGEST_YIELD_S)
            pools.resize()
            await settle()
            assert pool.warm == 4


async def test_what_has_waited_too_long_is_replaced(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """Containers that were warm for too long are replaced, and not all at once: ages are spread.

    Chance spreads them. Of so many containers some are younger than the others, all but surely.
    """
    count = 36
    pools = make_pools(target=count)
    pools.warm_up(SPEC)
    await settle()
    first = set(engine.living)
    longest_s = PoolSettings().longest_wait_s

    clock.advance(longest_s * 0.85)
    pools.resize()
    await settle()
    after_some = first & set(engine.living)
    clock.advance(longest_s * 0.16)
    pools.resize()
    await settle()

    assert 0 < len(after_some) < count
    assert not after_some & set(engine.living)
    assert pools.by_image[SPEC.image].warm == count
    assert pools.by_image[SPEC.image].counts.discards["stale"] >= count


class TestForgetting:
    """Images that nobody wants any more leave the books."""

    async def test_an_image_that_nobody_has_wanted_for_long_is_forgotten(
        self, make_pools: MakePools, clock: Clock
    ) -> None:
        """A forgotten image's pool is gone from the statistics once it holds nothing."""
        pools = make_pools(sizes=SIZES)
        pools.warm_up(SPEC)
        await settle()

        clock.advance(PoolSettings().forget_s - 1)
        pools.resize()
        await settle()
        assert SPEC.image in pools.statistics()
        clock.advance(1)
        pools.resize()

        assert pools.statistics() == {}

    async def test_an_image_with_a_container_is_not_forgotten(
        self, make_pools: MakePools, clock: Clock
    ) -> None:
        """An image stays that is kept warm by its minimum, and so does one in use."""
        pools = make_pools(target=1)
        pools.warm_up(SPEC)
        async with pools.lease(OTHER):
            await settle()
            clock.advance(2 * PoolSettings().forget_s)
            pools.resize()
            assert set(pools.statistics()) == {SPEC.image, OTHER.image}

    async def test_an_image_that_somebody_waits_for_is_not_forgotten(
        self, make_pools: MakePools, engine: FakeContainers, clock: Clock
    ) -> None:
        """An image stays while a caller waits for its start, however long that takes."""
        engine.hold()
        pools = make_pools(sizes=SIZES)

        async def run() -> None:
            async with pools.lease(SPEC):
                pass

        waiting = asyncio.create_task(run())
        await settle()
        clock.advance(2 * PoolSettings().forget_s)
        pools.resize()

        assert set(pools.statistics()) == {SPEC.image}
        engine.release()
        await waiting

    async def test_a_forgotten_image_begins_anew(self, make_pools: MakePools, clock: Clock) -> None:
        """The counts of an image that was forgotten begin at zero, as after a restart."""
        pools = make_pools(sizes=SIZES)
        async with pools.lease(SPEC):
            pass
        await settle()
        clock.advance(2 * PoolSettings().forget_s)
        pools.resize()  # it lets its containers go
        await settle()
        pools.resize()
        assert not pools.statistics()

        async with pools.lease(SPEC):
            pass

        assert pools.statistics()[SPEC.image].takes == 1
