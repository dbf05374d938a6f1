"""One image's pool, on an engine in memory: who gets a container, and what becomes of it."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from pool import EngineError
from tests.fakes import FakeContainers, FakeStream
from tests.reports import Reports

from .conftest import SPEC, MakePool, settle
from .support import begin_lease, until_answered, warm_pool

# Taking


async def test_taking_a_warm_one_is_one_synchronous_step(make_pool: MakePool) -> None:
    """A hit never gives the loop a turn, so nothing can come between."""
    pool = await warm_pool(make_pool)
    context = pool.lease()

    entering = context.__aenter__()
    with pytest.raises(StopIteration) as ended:
        entering.send(None)

    assert ended.value.value.hit
    assert pool.leased == 1
    await context.__aexit__(None, None, None)


async def test_takes_the_oldest_first(make_pool: MakePool) -> None:
    """A take gets the container that has been warm for longest."""
    pool = await warm_pool(make_pool, 3)

    async with pool.lease() as first, pool.lease() as second:
        assert (first.container_id, second.container_id) == ("id-1", "id-2")


async def test_a_hit_is_counted(make_pool: MakePool) -> None:
    """A take of a warm container is a hit."""
    pool = await warm_pool(make_pool)

    async with pool.lease() as lease:
        assert lease.hit

    assert (pool.counts.hits, pool.counts.misses) == (1, 0)


async def test_a_miss_starts_one_by_the_same_path(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """With nothing warm, a container is started as every other is, and is for this caller."""
    pool = make_pool(target=0)

    async with pool.lease() as lease:
        assert not lease.hit
        assert engine.living == {lease.container_id}

    assert (pool.counts.hits, pool.counts.misses, pool.counts.starts) == (0, 1, 1)


async def test_a_miss_starts_no_more_than_its_own_while_it_waits(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """No refill takes the engine's time from a start that somebody waits for."""
    engine.hold()
    pool = make_pool(target=2)

    caller = begin_lease(pool)
    await settle()

    assert engine.held == 1
    engine.release()
    await caller


async def test_a_waiter_takes_whichever_gets_warm_first(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A refill that was under way already serves a caller that waits."""
    engine.hold()
    pool = make_pool(target=1)
    pool.refill_soon()
    await settle()

    caller = begin_lease(pool)
    await settle()
    assert engine.starts == 1
    engine.finish()

    assert (await caller).container_id == "id-1"


async def test_a_start_whose_caller_went_away_serves_the_next(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """The start of a caller that went away serves the next caller, and no other is begun."""
    engine.hold()
    pool = make_pool(target=1)
    gone = begin_lease(pool)
    await settle()
    gone.cancel()
    await settle()

    here = begin_lease(pool)
    await settle()

    assert engine.starts == 1
    engine.finish()
    assert (await here).container_id == "id-1"


async def test_waiters_are_served_in_order(make_pool: MakePool, engine: FakeContainers) -> None:
    """Waiting callers get their containers in the order in which they came."""
    engine.hold()
    pool = make_pool(target=0)
    go_on = asyncio.Event()
    callers = [begin_lease(pool, go_on) for _ in range(3)]
    await settle()

    engine.release()
    go_on.set()

    leases = await asyncio.gather(*callers)
    assert [lease.container_id for lease in leases] == ["id-1", "id-2", "id-3"]


async def test_each_caller_has_a_container_of_its_own(make_pool: MakePool) -> None:
    """No container is handed out twice."""
    pool = await warm_pool(make_pool)

    async with AsyncExitStack() as stack:
        leases = [await stack.enter_async_context(pool.lease()) for _ in range(5)]
        assert len({lease.container_id for lease in leases}) == 5


# The end of a lease


async def test_a_container_serves_one_run(make_pool: MakePool, engine: FakeContainers) -> None:
    """After its lease a container is gone from the books and from the engine."""
    pool = await warm_pool(make_pool)

    async with pool.lease() as lease:
        pass
    await settle()

    assert not pool.holds(lease.container_id)
    assert lease.container_id not in engine.present
    assert pool.counts.discards == {"single use": 1}


@pytest.mark.parametrize("error", [ZeroDivisionError(), asyncio.CancelledError(), SystemExit()])
async def test_a_container_is_discarded_whatever_happens(
    make_pool: MakePool, engine: FakeContainers, error: BaseException
) -> None:
    """A container is discarded also after a run that fails, is cancelled or ends the process."""
    pool = await warm_pool(make_pool)

    with pytest.raises(type(error)):
        async with pool.lease() as lease:
            raise error
    await settle()

    assert lease.container_id not in engine.present
    assert (pool.warm, pool.leased) == (2, 0)


async def test_leaving_a_lease_does_not_wait_for_the_engine(make_pool: MakePool) -> None:
    """The removal happens in the background: leaving never gives the loop a turn."""
    pool = await warm_pool(make_pool)
    context = pool.lease()
    await context.__aenter__()

    leaving = context.__aexit__(None, None, None)
    with pytest.raises(StopIteration):
        leaving.send(None)

    assert pool.leased == 0


async def test_a_failing_removal_loses_nothing_but_its_container(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """After a removal that fails the pool goes on; the sweep has to remove that container."""
    pool = await warm_pool(make_pool)
    engine.remove_error = EngineError("remove", "device or resource busy")

    async with pool.lease() as lease:
        pass
    await settle()

    assert not pool.holds(lease.container_id)
    assert (pool.warm, pool.starting, pool.leased) == (2, 0, 0)
    assert engine.living == {"id-2", "id-3", lease.container_id}


async def test_a_connection_that_will_not_close_keeps_no_container(
    make_pool: MakePool, engine: FakeContainers, reports: Reports
) -> None:
    """A container is removed although closing its stream fails, and the error is reported."""
    pool = await warm_pool(make_pool)

    async with pool.lease() as lease:
        assert isinstance(lease.stream, FakeStream)
        lease.stream.close_error = EngineError("attach", "broken")
    await settle()

    assert reports.names == [f"remove {SPEC.image}"]
    reports.errors.clear()
    assert lease.container_id not in engine.present


async def test_what_was_cancelled_is_reclaimed(make_pool: MakePool, engine: FakeContainers) -> None:
    """The container of a waiter that is cancelled in the very tick of its answer is warm again."""
    engine.hold()
    pool = make_pool(target=1)
    caller = begin_lease(pool)
    await settle()
    engine.release()
    await until_answered(pool)
    assert not caller.done()

    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await settle()

    assert (pool.warm, pool.leased) == (1, 0)
    assert engine.living == {"id-1"}


async def test_what_was_reclaimed_serves_the_next_waiter(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A container that was not taken goes to a caller that waits, not to the shelf."""
    engine.hold()
    pool = make_pool(target=0)
    cancelled = begin_lease(pool)
    await settle()
    waiting = begin_lease(pool)
    await settle()
    engine.finish()
    await until_answered(pool)

    cancelled.cancel()

    assert (await waiting).container_id == "id-1"


async def test_what_died_before_it_was_reclaimed_is_discarded(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A container that was not taken and is dead is not put on the shelf."""
    engine.hold()
    pool = make_pool(target=0)
    caller = begin_lease(pool)
    await settle()
    engine.finish()
    await until_answered(pool)
    engine.kill("id-1")

    caller.cancel()
    await settle()

    assert (pool.warm, pool.leased) == (0, 0)
    assert not engine.present


async def test_says_what_it_is(make_pool: MakePool) -> None:
    """The repr of a pool names its image and its counts."""
    pool = await warm_pool(make_pool)

    assert repr(pool).startswith("<ImagePool some/image <Ledger warm=2")
