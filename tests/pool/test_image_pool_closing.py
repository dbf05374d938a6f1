"""One image's pool, on an engine in memory: its end."""

import asyncio

import pytest

from pool import PoolRetiredError
from tests.fakes import FakeContainers

from .conftest import MakePool, settle
from .support import begin_lease, one_run, warm_pool


async def test_close_removes_everything(make_pool: MakePool, engine: FakeContainers) -> None:
    """When close returns, nothing of the pool is left on the engine."""
    pool = await warm_pool(make_pool, 3)

    await pool.close("draining")

    assert pool.warm == 0
    assert not engine.present
    assert pool.counts.discards == {"draining": 3}


async def test_closing_twice_is_harmless(make_pool: MakePool, engine: FakeContainers) -> None:
    """The second close finds nothing to do."""
    pool = await warm_pool(make_pool)

    await pool.close("draining")
    await pool.close("draining")

    assert engine.removals == 2


async def test_a_closed_pool_hands_out_nothing(make_pool: MakePool) -> None:
    """A lease of a closed pool fails with an error that names the image."""
    pool = await warm_pool(make_pool)
    await pool.close("draining")

    with pytest.raises(PoolRetiredError, match="some/image"):
        await one_run(pool)


async def test_close_fails_those_who_wait(make_pool: MakePool, engine: FakeContainers) -> None:
    """Close answers waiting callers with an error, as they will never get a container."""
    engine.hold()
    pool = make_pool(target=0)
    caller = begin_lease(pool)
    await settle()

    closing = asyncio.create_task(pool.close("draining"))
    with pytest.raises(PoolRetiredError):
        await caller
    engine.release()
    await closing

    assert not engine.present


async def test_what_gets_warm_after_closing_is_removed(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A refill that was under way leaves no container behind."""
    engine.hold()
    pool = make_pool(target=1)
    pool.refill_soon()
    await settle()

    closing = asyncio.create_task(pool.close("draining"))
    await settle()
    engine.release()
    await closing
    await settle()

    assert not engine.present
    assert pool.counts.discards == {"closed meanwhile": 1}


async def test_a_lease_outlives_closing(make_pool: MakePool, engine: FakeContainers) -> None:
    """A run is never killed by the end of its pool; its container goes when it ends."""
    pool = await warm_pool(make_pool, 1)

    async with pool.lease() as lease:
        await pool.close("draining")
        assert engine.living == {lease.container_id}
    await settle()

    assert not engine.present
