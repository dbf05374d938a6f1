"""One image's pool, on an engine in memory: starts that fail."""

import asyncio

import pytest

from pool import EngineError, ImageMissingError
from tests.fakes import FakeContainers
from tests.reports import Reports

from .conftest import SPEC, Clock, MakePool, settle
from .support import begin_lease, one_run, warm_pool

ERROR = EngineError("start", "no bash")
STUMBLED = EngineError("create", "internal error", status=500)


async def test_a_failed_start_reaches_its_caller(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """The caller of a failed start gets the engine's own error."""
    engine.start_error = ERROR
    pool = make_pool()

    with pytest.raises(EngineError, match="no bash"):
        await one_run(pool)

    assert (pool.starting, pool.leased, pool.counts.failures) == (0, 0, 1)


async def test_a_missing_image_reaches_its_caller(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """The caller of a start of a missing image gets an error of its own kind."""
    engine.start_error = ImageMissingError("create", "no such image")
    pool = make_pool()

    with pytest.raises(ImageMissingError):
        await one_run(pool)


async def test_while_open_callers_get_the_last_error_at_once(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """An image that has just failed is not started again for the next caller."""
    engine.start_error = ERROR
    pool = make_pool()
    for _ in range(5):
        with pytest.raises(EngineError, match="no bash"):
            await one_run(pool)
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
            await one_run(pool)
        depths.append(len(caught.traceback))

    assert depths[1:] == depths[1:2] * 4


async def test_while_open_what_is_warm_is_still_handed_out(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """While starts fail, callers still get the containers that are warm."""
    pool = await warm_pool(make_pool, 2)
    pool.breaker.failed(ERROR, 1000.0)

    async with pool.lease() as lease:
        assert lease.hit


async def test_after_the_pause_one_start_is_tried(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """After the pause a single start finds out whether the engine is well again."""
    engine.start_error = STUMBLED
    pool = make_pool(target=3, refills_at_once=3)
    with pytest.raises(EngineError):
        await one_run(pool)
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
        await one_run(pool)
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
        await one_run(pool)
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
    """Once a start succeeds, the containers of all waiting callers are started
    together, unlike refills.
    """
    engine.start_error = ERROR
    pool = make_pool(refills_at_once=2)
    with pytest.raises(EngineError):
        await one_run(pool)
    clock.advance(1)
    engine.start_error = None
    engine.hold()
    callers = [begin_lease(pool) for _ in range(9)]
    await settle()

    engine.finish()
    await settle()

    assert engine.held >= 8
    engine.release()
    await asyncio.gather(*callers)


async def test_the_shelf_fills_by_itself_after_the_pause(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """An engine that stumbled needs no caller: a timer of the loop tries again."""
    engine.start_error = STUMBLED
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


async def test_an_image_that_cannot_start_is_left_alone(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """However much time passes, it is not started again in advance of callers."""
    engine.start_error = ERROR
    pool = make_pool(target=3)
    pool.refill_soon()
    for _ in range(20):
        await settle()
        clock.advance(60)
        pool.tidy()

    assert engine.starts == 1


@pytest.mark.parametrize("ask", ["lease", "pull_image"])
async def test_one_who_asks_has_an_image_that_cannot_start_tried_again(
    make_pool: MakePool, engine: FakeContainers, clock: Clock, ask: str
) -> None:
    """Each caller that asks after the pause causes one start.

    Once one succeeds, the shelf fills.
    """
    engine.start_error = ERROR
    pool = make_pool(target=2)

    async def wanted() -> None:
        clock.advance(60)
        if ask == "lease":
            await asyncio.gather(begin_lease(pool), return_exceptions=True)
        else:
            pool.expect()
        await settle()

    for number in range(3):
        await wanted()
        pool.tidy()
        await settle()
        assert engine.starts == number + 1
    engine.start_error = None
    await wanted()

    assert pool.warm == 2


async def test_an_engine_that_refuses_an_image_is_not_tried_for_ever(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """An image that the engine refuses is tried for some minutes, and then only for
    callers that ask.
    """
    engine.start_error = STUMBLED
    pool = make_pool(target=1)
    pool.refill_soon()
    for _ in range(60):
        await settle()
        clock.advance(60)
        pool.tidy()
    tried = engine.starts

    assert 2 < tried <= 10
    pool.expect()
    await settle()
    assert engine.starts == tried + 1


async def test_forgiven_it_tries_at_once(make_pool: MakePool, engine: FakeContainers) -> None:
    """Failures while the engine was away keep no caller waiting when it is back."""
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
