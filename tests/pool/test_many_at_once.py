"""Many callers at once: no container is handed out twice, and none is lost."""

import asyncio

import pytest

from pool import EngineError, ImagePool, Lease
from tests.fakes import FakeContainers

from .conftest import Clock, MakePool, settle

RUNS = 200


class Crowd:
    """Callers who come as soon as those before them are done, so many at a time."""

    def __init__(self, pool: ImagePool, engine: FakeContainers) -> None:
        self._pool = pool
        self._engine = engine
        self._in_use: set[str] = set()
        self.used: list[str] = []
        self.refused = 0

    async def come(self, at_once: int) -> None:
        """All of them come, and have gone when this returns."""
        turns = asyncio.Semaphore(at_once)
        await asyncio.gather(*(self._one(turns, number) for number in range(RUNS)))

    async def _one(self, turns: asyncio.Semaphore, number: int) -> None:
        async with turns:
            try:
                async with self._pool.lease() as lease:
                    await self._run(lease, number)
            except EngineError:
                self.refused += 1

    async def _run(self, lease: Lease, number: int) -> None:
        assert lease.container_id in self._engine.living
        assert lease.container_id not in self._in_use
        self._in_use.add(lease.container_id)
        for _turn in range(number % 7):
            await asyncio.sleep(0)
        self._in_use.remove(lease.container_id)
        self.used.append(lease.container_id)


@pytest.mark.parametrize("at_once", [4, 30])
async def test_each_run_has_a_container_of_its_own(
    make_pool: MakePool, engine: FakeContainers, at_once: int
) -> None:
    """Two hundred runs take two hundred containers, and the shelf is full afterwards."""
    pool = make_pool(target=3)
    crowd = Crowd(pool, engine)

    await crowd.come(at_once)
    await settle()

    assert len(set(crowd.used)) == RUNS
    assert (pool.warm, pool.starting, pool.leased) == (3, 0, 0)
    assert len(engine.present) == 3


@pytest.mark.parametrize("at_once", [4, 30])
async def test_no_container_is_started_in_vain(
    make_pool: MakePool, engine: FakeContainers, at_once: int
) -> None:
    """With nobody cancelled and nothing failing, every start is used or is on the shelf."""
    pool = make_pool(target=3)

    await Crowd(pool, engine).come(at_once)
    await settle()

    assert engine.starts == RUNS + 3
    assert pool.counts.discards == {"single use": RUNS}
    assert pool.counts.hits + pool.counts.misses == RUNS


async def test_a_crowd_is_not_let_down_by_deaths(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """Warm containers that die all the time cost nobody a run, and none is left behind."""
    pool = make_pool(target=3)
    crowd = Crowd(pool, engine)

    async def die() -> None:
        while len(crowd.used) + crowd.refused < RUNS:
            clock.advance(10)
            for one in engine.living:
                if any(one == warm.container_id for warm in pool._ledger.warm):
                    engine.kill(one)
                    break
            for _turn in range(5):
                await asyncio.sleep(0)

    await asyncio.gather(crowd.come(4), die())
    await settle()

    assert len(set(crowd.used)) == RUNS
    assert not crowd.refused
    assert (pool.warm, pool.starting, pool.leased) == (3, 0, 0)
    assert len(engine.present) == 3


async def test_a_crowd_before_a_broken_image_costs_one_start(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """Two hundred callers, 4 at a time: as many starts as came together, and then no more."""
    engine.start_error = EngineError("start", "no bash")
    pool = make_pool(target=3)
    crowd = Crowd(pool, engine)

    await crowd.come(4)
    await settle()

    assert crowd.refused == RUNS
    assert engine.starts <= 4
    assert not engine.present
