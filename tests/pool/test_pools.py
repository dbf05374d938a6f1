"""All images' pools: opened at first demand, retired, closed together."""

import asyncio
from dataclasses import replace

import pytest

from pool import EngineError, PoolClosedError, PoolRetiredError
from pool.breaker import SOON_S
from tests.fakes import FakeContainers

from .conftest import SPEC, Clock, MakePools, settle
from .support import OTHER


async def test_an_image_is_pooled_from_its_first_lease(make_pools: MakePools) -> None:
    """The first lease of an image opens its pool, which is warm for the next lease."""
    pools = make_pools(target=2)

    async with pools.lease(SPEC) as lease:
        assert not lease.hit
    await settle()

    assert pools.by_image[SPEC.image].warm == 2


async def test_an_image_may_be_warmed_before_its_first_lease(make_pools: MakePools) -> None:
    """The first lease of an image that was warmed up is a hit."""
    pools = make_pools()

    pools.warm_up(SPEC)
    await settle()

    async with pools.lease(SPEC) as lease:
        assert lease.hit


async def test_images_do_not_share_containers(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """Each image has its own shelf."""
    pools = make_pools(target=1)
    pools.warm_up(SPEC)
    await settle()

    async with pools.lease(OTHER) as lease:
        assert not lease.hit

    assert set(pools.by_image) == {SPEC.image, OTHER.image}


async def test_images_share_the_workers(make_pools: MakePools, engine: FakeContainers) -> None:
    """However many images there are, few refills run at once."""
    engine.hold()
    pools = make_pools(target=3, refills_at_once=2)

    pools.warm_up(SPEC)
    pools.warm_up(OTHER)
    await settle()

    assert engine.held == 2


async def test_one_images_failure_is_not_the_others(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """An image that cannot start leaves the other images alone."""
    pools = make_pools(target=1)
    engine.start_error = EngineError("start", "no bash")
    with pytest.raises(EngineError):
        async with pools.lease(SPEC):
            pass
    engine.start_error = None

    async with pools.lease(OTHER) as lease:
        assert lease.container_id in engine.living


async def test_the_success_of_one_image_lets_another_try_again(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """When the engine stumbled, a start of any image ends the pauses of all after two seconds."""
    pools = make_pools(target=1)
    engine.start_error = EngineError("create", "internal error", status=500)
    pools.warm_up(SPEC)
    for _ in range(5):
        await settle()
        clock.advance(60)
        pools.resize()
    await settle()
    engine.start_error = None
    clock.advance(SOON_S)
    assert pools.by_image[SPEC.image].breaker.pause_s(clock()) > 0

    async with pools.lease(OTHER):
        await settle()

    assert pools.by_image[SPEC.image].warm == 1


async def test_an_image_replaced_by_another_id_starts_anew(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """When the name means another image, no container of the old one is handed out."""
    pools = make_pools(target=1)
    pools.warm_up(SPEC)
    await settle()

    async with pools.lease(replace(SPEC, image_id="sha256:new")) as lease:
        assert not lease.hit
    await settle()

    assert "id-1" not in engine.present
    assert pools.by_image[SPEC.image].spec.image_id == "sha256:new"


async def test_the_run_on_a_replaced_image_goes_on(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """A container in use is not taken away when its image is replaced."""
    pools = make_pools(target=1)

    async with pools.lease(SPEC) as lease, pools.lease(replace(SPEC, image_id="sha256:new")):
        await settle()
        assert lease.container_id in engine.living
    await settle()

    assert lease.container_id not in engine.present


async def test_retiring_removes_what_is_warm(make_pools: MakePools, engine: FakeContainers) -> None:
    """A retired image has no container on the engine and no pool any more."""
    pools = make_pools()
    pools.warm_up(SPEC)
    await settle()

    pools.retire(SPEC.image, "image is gone")
    await settle()

    assert not engine.present
    assert not pools.by_image


async def test_retiring_an_unknown_image_is_harmless(make_pools: MakePools) -> None:
    """Retiring an image that has no pool changes nothing."""
    pools = make_pools()

    pools.retire("never/seen", "image is gone")

    assert not pools.by_image


async def test_a_retired_image_may_come_back(make_pools: MakePools) -> None:
    """The next lease of a retired image opens its pool again, and is a miss."""
    pools = make_pools()
    pools.warm_up(SPEC)
    await settle()
    pools.retire(SPEC.image, "image is gone")

    async with pools.lease(SPEC) as lease:
        assert not lease.hit


async def test_knows_what_it_holds(make_pools: MakePools) -> None:
    """The pools hold the containers that are warm or leased, and no others."""
    pools = make_pools(target=1)

    async with pools.lease(SPEC) as lease:
        assert pools.holds(lease.container_id)

    assert not pools.holds(lease.container_id)
    assert not pools.holds("somebody else's")


async def test_one_who_waits_in_a_retired_pool_is_told(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """The caller can ask for a container of the image's new pool, and gets one."""
    engine.hold()
    pools, new = make_pools(target=0), replace(SPEC, image_id="sha256:new")

    async def caller() -> str:
        try:
            async with pools.lease(SPEC):
                return "an old container"
        except PoolRetiredError:
            async with pools.lease(new) as lease:
                return lease.container_id

    waiting = asyncio.create_task(caller())
    await settle()
    pools.retire(SPEC.image, "image was replaced")
    engine.release()

    assert await waiting == "id-2"
    assert [spec.image_id for spec in engine.asked] == [SPEC.image_id, new.image_id]


async def test_only_the_pool_that_was_seen_is_retired(make_pools: MakePools) -> None:
    """A caller that looked at a pool, and then waited, does not retire that pool's successor."""
    pools = make_pools(target=1)
    pools.warm_up(SPEC)
    seen = pools.by_image[SPEC.image]
    pools.warm_up(replace(SPEC, image_id="sha256:new"))
    successor = pools.by_image[SPEC.image]
    await settle()

    pools.retire(SPEC.image, "image was replaced", only=seen)
    assert pools.by_image[SPEC.image] is successor

    pools.retire(SPEC.image, "image was replaced", only=successor)
    assert not pools.by_image


async def test_knows_what_a_retired_pool_holds(make_pools: MakePools) -> None:
    """A run goes on when its image is replaced, and its container is in the books until it ends."""
    pools = make_pools()
    async with pools.lease(SPEC) as lease:
        pools.retire(SPEC.image, "image was replaced")
        pools.resize()
        await settle()

        assert pools.holds(lease.container_id)

    assert not pools.holds(lease.container_id)


async def test_close_removes_everything(make_pools: MakePools, engine: FakeContainers) -> None:
    """When close returns, nothing of ours is left on the engine."""
    pools = make_pools(target=3)
    pools.warm_up(SPEC)
    pools.warm_up(OTHER)
    await settle()

    await pools.close()

    assert not engine.present


@pytest.mark.parametrize("retired_before", [False, True])
async def test_close_waits_for_what_gets_warm_meanwhile(
    make_pools: MakePools, engine: FakeContainers, retired_before: bool
) -> None:
    """A refill that was under way is over, and its container removed, when close returns."""
    engine.hold()
    pools = make_pools(target=1)
    pools.warm_up(SPEC)
    await settle()
    if retired_before:
        pools.retire(SPEC.image, "image is gone")
        await settle()

    closing = asyncio.create_task(pools.close())
    await settle()
    assert not closing.done()
    engine.release()
    await closing

    assert not engine.present


async def test_close_fails_those_who_wait(make_pools: MakePools, engine: FakeContainers) -> None:
    """Close answers waiting callers with an error, as they will never get a container."""
    engine.hold()
    pools = make_pools()

    async def caller() -> None:
        async with pools.lease(SPEC):
            pass

    waiting = asyncio.create_task(caller())
    await settle()
    closing = asyncio.create_task(pools.close())

    with pytest.raises(PoolClosedError):
        await waiting
    engine.release()
    await closing


async def test_after_close_nothing_is_handed_out(make_pools: MakePools) -> None:
    """A lease after close fails with an error that says why."""
    pools = make_pools()
    await pools.close()

    with pytest.raises(PoolClosedError, match="stopping"):
        async with pools.lease(SPEC):
            pass
    with pytest.raises(PoolClosedError, match="stopping"):
        pools.warm_up(SPEC)


async def test_closing_twice_is_harmless(make_pools: MakePools, engine: FakeContainers) -> None:
    """The second close finds nothing to do."""
    pools = make_pools(target=2)
    pools.warm_up(SPEC)
    await settle()

    await pools.close()
    await pools.close()

    assert engine.removals == 2


async def test_no_task_outlives_close(make_pools: MakePools, engine: FakeContainers) -> None:
    """After close nothing of the pools runs in the loop."""
    before = asyncio.all_tasks()
    pools = make_pools(target=2)
    async with pools.lease(SPEC):
        pass
    pools.warm_up(OTHER)

    await pools.close()
    await settle()

    assert asyncio.all_tasks() <= before
