"""Reusable containers, and their resets between two runs, on an engine in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from pool import ImagePool, PoolSettings, Sizes, resets
from tests.fakes import FakeContainers
from tests.reports import Reports

from .conftest import SPEC, Clock, MakePool, MakePools, settle

MANY = 1000  # so many that no container serves its last run by chance
Reset = Callable[[], Awaitable[str]]


async def at_once() -> str:
    """A reset after which the container is warm again."""
    return ""


def saying(unfit: str) -> Reset:
    """A reset that finds the container unfit."""

    async def reset() -> str:
        return unfit

    return reset


class Gate:
    """A reset that ends when the test says so."""

    def __init__(self) -> None:
        self.unfit: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        """Wait for the test; "" if the container is fit."""
        return await self.unfit


async def pool_of(make_pool: MakePool, target: int = 1, most_runs: int = MANY) -> ImagePool:
    """A pool that has all its containers."""
    pool = make_pool(target=target, most_runs=most_runs)
    pool.refill_soon()
    await settle()
    assert pool.warm == target
    return pool


async def use(pool: ImagePool, reset: Reset | None) -> str:
    """Make one run; returns its container's id."""
    async with pool.lease() as lease:
        lease.reset = reset
        return lease.container_id


async def test_what_is_reset_is_used_again(make_pool: MakePool, engine: FakeContainers) -> None:
    """A container that is reset serves run after run, with no start and no removal."""
    pool = await pool_of(make_pool)
    served = set()
    for _ in range(5):
        served.add(await use(pool, at_once))
        await settle()

    assert (served, engine.starts, engine.removals) == ({"id-1"}, 1, 0)
    assert (pool.counts.hits, pool.counts.resets, pool.counts.discards) == (5, 5, {})


@pytest.mark.parametrize("reason", ["the run timed out", "out of memory"])
async def test_what_is_unfit_is_replaced(make_pool: MakePool, reason: str) -> None:
    """An unfit container is replaced, and the reason is counted."""
    pool = await pool_of(make_pool)
    await use(pool, saying(reason))
    await settle()

    assert pool.counts.discards == {reason: 1}
    assert (pool.warm, await use(pool, None)) == (1, "id-2")


async def test_a_reset_has_a_deadline(make_pool: MakePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container whose reset is not over by the deadline is replaced."""
    monkeypatch.setattr(resets, "RESET_S", 0.05)
    pool = await pool_of(make_pool)
    gate = Gate()
    await use(pool, gate)
    await asyncio.wait([gate.unfit], timeout=5)
    if not gate.unfit.done():  # or the pool could not be closed
        gate.unfit.set_result("nobody has ended it")
    await settle()

    assert pool.counts.discards == {"reset took too long": 1}
    assert (pool.warm, await use(pool, None)) == (1, "id-2")


async def test_a_run_that_was_broken_off(make_pool: MakePool) -> None:
    """A run that does not say how to reset its container leaves one that is discarded."""
    pool = await pool_of(make_pool)
    await use(pool, None)

    assert pool.counts.discards == {"not finished": 1}


async def test_a_bug_in_a_reset(make_pool: MakePool, reports: Reports) -> None:
    """The supervisor hears of it, and no container is lost."""
    pool = await pool_of(make_pool)

    async def reset() -> str:
        raise ValueError

    await use(pool, reset)
    await settle()

    assert reports.names == [f"reset {SPEC.image}"]
    reports.errors.clear()
    assert (pool.counts.discards, pool.warm) == ({"reset failed": 1}, 1)


async def test_who_comes_meanwhile_waits_for_it(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """A caller that comes during a reset waits for that container, and nothing is started."""
    pool = await pool_of(make_pool)
    gate = Gate()
    await use(pool, gate)
    await settle()
    next_run = asyncio.create_task(use(pool, at_once))
    await settle()
    assert (pool.leased, engine.starts) == (1, 1)

    gate.unfit.set_result("")

    assert (await next_run, engine.starts) == ("id-1", 1)
    assert (pool.counts.hits, pool.counts.misses) == (2, 0)


async def test_who_waited_for_one_that_is_unfit(make_pool: MakePool) -> None:
    """A caller that waited for a container which turns out unfit gets one that is
    started for it.
    """
    pool = await pool_of(make_pool)
    gate = Gate()
    await use(pool, gate)
    next_run = asyncio.create_task(use(pool, at_once))
    await settle()

    gate.unfit.set_result("out of memory")

    assert await next_run == "id-2"


async def test_a_death_during_a_reset(make_pool: MakePool, engine: FakeContainers) -> None:
    """A container that dies during its reset is not warm, even if it has said so before."""
    pool = await pool_of(make_pool)
    gate = Gate()
    container_id = await use(pool, gate)
    await settle()
    engine.kill(container_id)
    gate.unfit.set_result("")
    await settle()

    assert (pool.counts.discards, pool.warm) == ({"ended": 1}, 1)


async def test_runs_are_bounded(make_pool: MakePool, engine: FakeContainers) -> None:
    """A container is discarded after its last run, whatever its reset says.

    The runs that it served are counted.
    """
    pool = await pool_of(make_pool, most_runs=4)
    for _ in range(8):
        await use(pool, at_once)
        await settle()

    assert pool.counts.discards == {"most runs served": pool.counts.discarded_after_runs}
    # A quarter of them is given away at random, so that a pool does not end all at once.
    assert 2 <= pool.counts.discarded_after_runs <= 3
    assert 3 <= pool.counts.runs_of_discarded / pool.counts.discarded_after_runs <= 4
    assert engine.starts == pool.counts.discarded_after_runs + 1


async def test_age_is_bounded(make_pool: MakePool, clock: Clock) -> None:
    """A reusable container that is never idle goes stale all the same."""
    pool = await pool_of(make_pool)
    clock.advance(3601)
    await use(pool, at_once)
    await settle()

    assert pool.counts.discards == {"stale": 1}


async def test_what_is_in_use_is_within_the_target(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """No container is started in the place of one in use that will be warm again."""
    pool = await pool_of(make_pool, target=2)
    async with pool.lease() as first:
        await settle()
        assert (pool.warm, pool.leased, engine.starts) == (1, 1, 2)
        first.reset = at_once
    await settle()

    assert (pool.warm, pool.leased, engine.starts) == (2, 0, 2)


async def test_close_does_not_wait_for_resets(make_pool: MakePool, engine: FakeContainers) -> None:
    """A pool that closes removes a resetting container at once, and a leased one
    when its run ends.
    """
    pool = await pool_of(make_pool, target=2)
    gate = Gate()
    async with pool.lease() as late:
        late.reset = gate
        await use(pool, gate)
        await settle()
        closing = asyncio.create_task(pool.close("draining"))
        await settle()
        gate.unfit.set_result("")
        await closing
        assert set(engine.present) == {late.container_id}
    await settle()

    assert not engine.present


def test_none_is_kept_that_cannot_be_in_use() -> None:
    """However often an image is wanted, as many containers are kept as run at once,
    and one more.
    """
    reusable = replace(SPEC, most_runs=MANY)
    settings = PoolSettings(sizes=Sizes(maximum=12, spare=2), leases_at_once=3)

    assert settings.sizes_of(SPEC).maximum == 12
    assert settings.sizes_of(reusable).maximum == 4
    assert replace(settings, leases_at_once=40).sizes_of(reusable).maximum == 12
    assert replace(settings, sizes=Sizes(minimum=9)).sizes_of(reusable).maximum == 9


async def test_an_image_that_becomes_reusable_starts_anew(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """An image's containers are all of one kind."""
    pools = make_pools(target=1)
    async with pools.lease(SPEC):
        pass
    async with pools.lease(replace(SPEC, most_runs=MANY)):
        pass
    await settle()

    assert pools.by_image[SPEC.image].reusable
    assert len(engine.present) == 1


async def test_targets_follow_how_long_runs_take(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """The target of reusable containers follows how long runs take, and not how long
    a start takes.
    """
    pools = make_pools(sizes=Sizes(spare=1))
    targets = {}
    for most_runs in (1, MANY):
        spec = replace(SPEC, image=f"image-{most_runs}", most_runs=most_runs)
        pools.warm_up(spec)
        await settle()
        for _ in range(60):
            async with pools.lease(spec) as lease:
                clock.advance(0.02)
                lease.reset = at_once if spec.reusable else None
            await settle()
            clock.advance(0.3)
        pools.by_image[spec.image].demand.start_times_s[:] = [0.4]
        pools.resize()
        targets[most_runs] = pools.by_image[spec.image].target

    assert targets[MANY] < targets[1]


async def test_a_hosts_limit_and_reusable_containers(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """A reusable container in use is not counted twice: with room for one, it serves
    run after run.
    """
    pools = make_pools(target=2, host=1)
    spec = replace(SPEC, most_runs=MANY)
    for _ in range(3):
        async with pools.lease(spec) as lease:
            pools.resize()
            lease.reset = at_once
        await settle()

    assert (engine.starts, engine.removals) == (1, 0)
