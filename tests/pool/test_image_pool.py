"""One image's pool, on an engine in memory."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from pool import EngineError, ImageMissingError, ImagePool, Lease, PoolClosedError
from tests.fakes import FakeContainers, FakeStream
from tests.reports import Reports

from .conftest import SPEC, Clock, MakePool, settle

ERROR = EngineError("start", "no bash")


async def warm_pool(make_pool: MakePool, target: int = 2) -> ImagePool:
    """A pool that has all its containers."""
    pool = make_pool(target=target)
    pool.refill_soon()
    await settle()
    assert pool.warm == target
    return pool


def begin_lease(pool: ImagePool, until: asyncio.Event | None = None) -> asyncio.Task[Lease]:
    """A caller who wants a container, and keeps it until told."""

    async def caller() -> Lease:
        async with pool.lease() as lease:
            if until is not None:
                await until.wait()
            return lease

    return asyncio.create_task(caller())


async def until_answered(pool: ImagePool) -> None:
    """To the very tick in which somebody was given a container and is not awake yet."""
    while not pool.leased:  # noqa: ASYNC110 - an event would wake us a tick too late
        await asyncio.sleep(0)


# Taking


async def test_taking_a_warm_one_is_one_synchronous_step(make_pool: MakePool) -> None:
    """A hit never gives the loop a turn: nothing can come between."""
    pool = await warm_pool(make_pool)
    context = pool.lease()

    entering = context.__aenter__()
    with pytest.raises(StopIteration) as ended:
        entering.send(None)

    assert ended.value.value.hit
    assert pool.leased == 1
    await context.__aexit__(None, None, None)


async def test_takes_the_oldest_first(make_pool: MakePool) -> None:
    """What has waited longest is used first."""
    pool = await warm_pool(make_pool, 3)

    async with pool.lease() as first, pool.lease() as second:
        assert (first.container_id, second.container_id) == ("id-1", "id-2")


async def test_a_hit_is_counted(make_pool: MakePool) -> None:
    """A take from what is warm is a hit."""
    pool = await warm_pool(make_pool)

    async with pool.lease() as lease:
        assert lease.hit

    assert (pool.counts.hits, pool.counts.misses) == (1, 0)


async def test_a_miss_starts_one_by_the_same_path(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """With nothing warm, one is started as every other is, and is for this caller."""
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
    """One who waits is served by a refill that was under way already."""
    engine.hold()
    pool = make_pool(target=1)
    pool.refill_soon()
    await settle()

    caller = begin_lease(pool)
    await settle()
    assert engine.starts == 1
    engine.let_go()

    assert (await caller).container_id == "id-1"


async def test_a_start_whose_caller_went_away_serves_the_next(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """One who gave up is waited for no more, and what was begun for it is not begun again."""
    engine.hold()
    pool = make_pool(target=1)
    gone = begin_lease(pool)
    await settle()
    gone.cancel()
    await settle()

    here = begin_lease(pool)
    await settle()

    assert engine.starts == 1
    engine.let_go()
    assert (await here).container_id == "id-1"


async def test_waiters_are_served_in_order(make_pool: MakePool, engine: FakeContainers) -> None:
    """First come, first served."""
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


# Giving back and discarding


async def test_a_container_serves_one_run(make_pool: MakePool, engine: FakeContainers) -> None:
    """After its lease it is gone from the books and from the engine."""
    pool = await warm_pool(make_pool)

    async with pool.lease() as lease:
        pass
    await settle()

    assert not pool.holds(lease.container_id)
    assert lease.container_id not in engine.present
    assert pool.counts.discards == {"used": 1}


@pytest.mark.parametrize("error", [ZeroDivisionError(), asyncio.CancelledError(), SystemExit()])
async def test_a_container_is_discarded_whatever_happens(
    make_pool: MakePool, engine: FakeContainers, error: BaseException
) -> None:
    """A run that fails, is cancelled or ends the process gives no container back."""
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
    """The pool goes on; what the engine would not remove is left to the sweep."""
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
    """Even when closing its stream fails, the container is removed, and the error is reported."""
    pool = await warm_pool(make_pool)

    async with pool.lease() as lease:
        assert isinstance(lease.stream, FakeStream)
        lease.stream.close_error = EngineError("attach", "broken")
    await settle()

    assert reports.names == [f"remove {SPEC.image}"]
    reports.errors.clear()
    assert lease.container_id not in engine.present


async def test_what_was_cancelled_is_reclaimed(make_pool: MakePool, engine: FakeContainers) -> None:
    """A waiter cancelled in the very tick in which it is answered gives its container back."""
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
    engine.let_go()
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
    engine.let_go()
    await until_answered(pool)
    engine.kill("id-1")

    caller.cancel()
    await settle()

    assert (pool.warm, pool.leased) == (0, 0)
    assert not engine.present


# Refilling


async def test_fills_up_to_its_target(make_pool: MakePool, engine: FakeContainers) -> None:
    """As many are started as are missing, and no more."""
    pool = make_pool(target=5)

    pool.refill_soon()
    pool.refill_soon()
    await settle()

    assert (pool.warm, engine.starts) == (5, 5)


async def test_few_refills_run_at_once(make_pool: MakePool, engine: FakeContainers) -> None:
    """A large target costs the engine no more at a time than a small one."""
    pool = make_pool(target=9, refills_at_once=2)

    pool.refill_soon()
    await settle()

    assert pool.warm == 9
    assert engine.most_starts_at_once == 2


async def test_a_refill_waits_for_the_run_while_others_are_warm(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A start is felt by the run that begins, and nobody needs it yet."""
    pool = await warm_pool(make_pool, 3)

    async with pool.lease():
        await settle()
        assert engine.starts == 3
    await settle()

    assert pool.warm == 3


async def test_taking_the_last_warm_one_refills_at_once(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """With nothing left on the shelf the next caller would have to wait."""
    pool = await warm_pool(make_pool, 1)

    async with pool.lease():
        await settle()
        assert pool.warm == 1


async def test_the_first_miss_makes_the_image_warm(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """After the first run of an image its next one is a hit."""
    pool = make_pool(target=2)

    async with pool.lease():
        await settle()

    assert pool.warm == 2


async def test_a_burst_whose_callers_go_away_leaves_no_surplus(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """Starts that nobody waits for any more do not stay warm beyond the target."""
    engine.hold()
    pool = make_pool(target=2)
    callers = [begin_lease(pool) for _ in range(9)]
    await settle()
    for caller in callers:
        caller.cancel()

    engine.release()
    await settle()

    assert pool.warm == 2
    assert len(engine.present) == 2


async def test_remembers_how_long_starts_took(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """The time to get warm is measured on the given clock, for the last starts."""
    engine.hold()
    pool = make_pool(target=1)
    pool.refill_soon()
    await settle()

    clock.advance(0.3)
    engine.release()
    await settle()

    assert pool.demand.start_times_s == [pytest.approx(0.3)]


# Deaths


async def test_a_warm_one_that_dies_is_replaced(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """Its death is noticed, it is removed, and another takes its place."""
    pool = await warm_pool(make_pool)
    clock.advance(60)

    engine.kill("id-1")
    await settle()

    assert pool.warm == 2
    assert set(engine.present) == {"id-2", "id-3"}
    assert pool.counts.discards == {"died while warm": 1}
    assert pool.breaker.last_error is None


async def test_all_warm_ones_may_die_at_once(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """An engine that restarts takes every container with it; the pool fills again."""
    pool = await warm_pool(make_pool, 4)
    clock.advance(60)

    for one in list(engine.present):
        engine.kill(one)
    await settle()

    assert pool.warm == 4
    assert engine.living == set(engine.present) == {"id-5", "id-6", "id-7", "id-8"}


async def test_one_that_dies_young_counts_as_a_failed_start(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """What ends right after its ready mark is not started again and again; its words are kept."""
    pool = await warm_pool(make_pool, 1)
    clock.advance(1)

    engine.kill("id-1", "cannot stay")
    await settle()

    assert engine.starts == 1
    assert pool.breaker.last_error is not None
    assert pool.breaker.last_error.message == "cannot stay"


async def test_one_that_dies_young_without_a_word_is_described(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """An operator learns how long it lived when it said nothing itself."""
    pool = await warm_pool(make_pool, 1)
    clock.advance(1)

    engine.kill("id-1")

    assert pool.breaker.last_error is not None
    assert pool.breaker.last_error.message == "it ended by itself after 1.0 s"


async def test_those_that_always_die_young_are_tried_later_and_later(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """A ready mark alone does not make up for the deaths before it."""
    pool = make_pool(target=1)
    pauses = []
    for _ in range(4):
        pool.refill_soon()
        await settle()
        engine.kill(f"id-{engine.starts}")
        pauses.append(pool.breaker.pause_s(clock()))
        clock.advance(pauses[-1])

    assert pauses == [1, 2, 4, 8]


async def test_one_that_ends_with_its_ready_mark_is_never_warm(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A container that is dead by the time it is noticed serves nobody and is removed."""
    engine.on_ready = FakeStream.end
    pool = make_pool(target=1)

    pool.refill_soon()
    await settle()

    assert pool.warm == 0
    assert not engine.present
    assert pool.breaker.last_error is not None


async def test_the_death_of_a_leased_one_is_its_runs_affair(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A program that kills its container spoils its own run and no count of ours."""
    pool = await warm_pool(make_pool, 1)

    async with pool.lease() as lease:
        engine.kill(lease.container_id)
        assert pool.breaker.last_error is None
    await settle()

    assert pool.counts.discards == {"used": 1}
    assert lease.container_id not in engine.present


# Failures


async def test_a_failed_start_reaches_its_caller(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """The engine's own error, as it is."""
    engine.start_error = ERROR
    pool = make_pool()

    with pytest.raises(EngineError, match="no bash"):
        async with pool.lease():
            pass

    assert (pool.starting, pool.leased, pool.counts.failures) == (0, 0, 1)


async def test_a_missing_image_reaches_its_caller(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """The service must be able to tell it from all other failures."""
    engine.start_error = ImageMissingError("create", "no such image")
    pool = make_pool()

    with pytest.raises(ImageMissingError):
        async with pool.lease():
            pass


async def test_while_open_callers_get_the_last_error_at_once(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """An image that has just failed is not started again for the next caller."""
    engine.start_error = ERROR
    pool = make_pool()
    for _ in range(5):
        with pytest.raises(EngineError, match="no bash"):
            async with pool.lease():
                pass
    await settle()

    assert engine.starts == 1


async def test_an_error_that_is_raised_again_and_again_does_not_grow(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """The kept error does not keep every caller whom it refused."""
    engine.start_error = ERROR
    pool = make_pool()
    depths = []
    for _ in range(5):
        with pytest.raises(EngineError) as caught:
            async with pool.lease():
                pass
        depths.append(len(caught.traceback))

    assert depths[1:] == depths[1:2] * 4


async def test_while_open_what_is_warm_is_still_handed_out(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A failing engine takes nothing away from those whom the shelf can serve."""
    pool = await warm_pool(make_pool, 2)
    pool.breaker.failed(ERROR, 1000.0)

    async with pool.lease() as lease:
        assert lease.hit


async def test_after_the_pause_one_start_is_tried(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """However many are missing, a single one finds out whether the image works again."""
    engine.start_error = ERROR
    pool = make_pool(target=3, refills_at_once=3)
    with pytest.raises(EngineError):
        async with pool.lease():
            pass
    before = engine.starts

    clock.advance(1)
    pool.refill_soon()
    await settle()

    assert engine.starts == before + 1


async def test_after_the_pause_all_callers_wait_for_one_start(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """A crowd behind a failing image costs the engine one start, and all learn of its failure."""
    engine.start_error = ERROR
    pool = make_pool()
    with pytest.raises(EngineError):
        async with pool.lease():
            pass
    clock.advance(1)
    engine.hold()

    callers = [begin_lease(pool) for _ in range(9)]
    await settle()
    assert engine.held == 1
    engine.release()

    ends = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(end, EngineError) for end in ends)


async def test_an_image_that_works_again_serves_all_who_wait(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """When the one that was tried succeeds, the others are started at once."""
    engine.start_error = ERROR
    pool = make_pool()
    with pytest.raises(EngineError):
        async with pool.lease():
            pass
    clock.advance(1)
    engine.start_error = None

    go_on = asyncio.Event()
    callers = [begin_lease(pool, go_on) for _ in range(9)]
    await settle()
    go_on.set()
    leases = await asyncio.gather(*callers)
    await settle()

    assert len({lease.container_id for lease in leases}) == 9
    assert pool.warm == 2
    assert pool.breaker.last_error is None


async def test_once_it_works_nobody_waits_for_a_turn(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """Those who wait are no refills: all that they lack is started together."""
    engine.start_error = ERROR
    pool = make_pool(refills_at_once=2)
    with pytest.raises(EngineError):
        async with pool.lease():
            pass
    clock.advance(1)
    engine.start_error = None
    engine.hold()
    callers = [begin_lease(pool) for _ in range(9)]
    await settle()

    engine.let_go()
    await settle()

    assert engine.held >= 8
    engine.release()
    await asyncio.gather(*callers)


async def test_the_shelf_fills_by_itself_after_the_pause(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """No caller is needed for the pool to recover: a timer of the loop tries again."""
    engine.start_error = ERROR
    pool = make_pool(target=1)
    pool.refill_soon()
    await settle()
    clock.advance(1)
    engine.start_error = None
    ready = asyncio.Event()
    engine.on_ready = lambda stream: ready.set()

    async with asyncio.timeout(10):
        await ready.wait()
    await settle()

    assert pool.warm == 1


async def test_forgiven_it_tries_at_once(make_pool: MakePool, engine: FakeContainers) -> None:
    """What failed while the engine was away keeps nobody waiting when it is back."""
    engine.start_error = ERROR
    pool = make_pool(target=1)
    with pytest.raises(EngineError):
        await begin_lease(pool)
    engine.start_error = None

    pool.forgive()
    await settle()

    assert pool.warm == 1
    assert pool.breaker.last_error is None


async def test_a_bug_below_leaves_nobody_waiting(
    make_pool: MakePool, engine: FakeContainers, reports: Reports
) -> None:
    """An engine that breaks in a way nobody foresaw fails its callers; they never hang."""
    engine.start_error = KeyError("Id")
    pool = make_pool(target=0)

    with pytest.raises(EngineError, match="KeyError"):
        async with asyncio.timeout(5), pool.lease():
            pass
    await settle()

    assert reports.names == [f"start {SPEC.image}"]
    assert reports.errors == [engine.start_error]
    reports.errors.clear()
    assert (pool.starting, pool.leased) == (0, 0)


# Closing


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
    """Whoever comes too late learns why."""
    pool = await warm_pool(make_pool)
    await pool.close("draining")

    with pytest.raises(PoolClosedError, match="some/image"):
        async with pool.lease():
            pass


async def test_close_fails_those_who_wait(make_pool: MakePool, engine: FakeContainers) -> None:
    """Nobody waits for a container that will never come."""
    engine.hold()
    pool = make_pool(target=0)
    caller = begin_lease(pool)
    await settle()

    closing = asyncio.create_task(pool.close("draining"))
    with pytest.raises(PoolClosedError):
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


async def test_says_what_it_is(make_pool: MakePool) -> None:
    """Its repr names the image and the counts."""
    pool = await warm_pool(make_pool)

    assert repr(pool).startswith("<ImagePool some/image <Ledger warm=2")
