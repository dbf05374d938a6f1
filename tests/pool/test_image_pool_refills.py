"""One image's pool, on an engine in memory: refills, and containers that die while warm."""

import pytest

from tests.fakes import FakeContainers, FakeStream

from .conftest import Clock, MakePool, settle
from .support import begin_lease, warm_pool

# Refilling


async def test_fills_up_to_its_target(make_pool: MakePool, engine: FakeContainers) -> None:
    """A pool starts as many containers as are missing, and no more."""
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
    """A refill waits for the run that begins, which would feel it, while others are warm."""
    pool = await warm_pool(make_pool, 3)

    async with pool.lease():
        await settle()
        assert engine.starts == 3
    await settle()

    assert pool.warm == 3


async def test_taking_the_last_warm_one_refills_at_once(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A refill begins at once when nothing is warm any more, as the next caller would wait."""
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
    """The death of a warm container is noticed; it is removed, and another takes its place."""
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
    """A container that dies young counts as a failed start, and its last words are kept."""
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
    """The error of a container that died young without a word tells how long it lived."""
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
    clock.advance(60)
    pool.tidy()
    await settle()
    assert engine.starts == 4, "and then only for those who ask"


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

    assert pool.counts.discards == {"single use": 1}
    assert lease.container_id not in engine.present
