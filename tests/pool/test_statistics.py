"""What a pool tells operators."""

import dataclasses

import pytest

from pool import EngineError
from tests.fakes import FakeContainers

from .conftest import SPEC, Clock, MakePool, MakePools, settle
from .support import one_run


async def test_a_new_pool_has_counted_nothing(make_pool: MakePool, clock: Clock) -> None:
    """Every count of a pool that nobody has used is zero, and there is no error."""
    statistics = make_pool(target=2).statistics(clock())

    assert (statistics.warm, statistics.starting, statistics.leased) == (0, 0, 0)
    assert (statistics.takes, statistics.starts, dict(statistics.discards)) == (0, 0, {})
    assert (statistics.target, statistics.last_error) == (2, "")


async def test_statistics_tell_of_a_run(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """A run shows as a take, as a container in use, and later as a discard after one run."""
    engine.on_ready = lambda stream: clock.advance(0.5)
    pools = make_pools(target=1)
    pools.warm_up(SPEC)
    await settle()

    async with pools.lease(SPEC):
        assert pools.statistics()[SPEC.image].leased == 1
    await settle()

    statistics = pools.statistics()[SPEC.image]
    assert (statistics.takes, statistics.hits, statistics.misses) == (1, 1, 0)
    assert (statistics.starts, statistics.failures, statistics.warm) == (2, 0, 1)
    assert (statistics.discarded_after_runs, statistics.runs_of_discarded) == (1, 1)
    assert statistics.discards == {"single use": 1}
    assert statistics.start_times_s == pytest.approx((0.5, 0.5))
    assert statistics.take_rate > 0
    assert statistics.start_rate > statistics.take_rate
    assert statistics.spec == SPEC


async def test_statistics_tell_of_the_last_failure(
    make_pool: MakePool, engine: FakeContainers, clock: Clock
) -> None:
    """The engine's error is shown until a start succeeds."""
    engine.start_error = EngineError("start", "no bash")
    pool = make_pool(target=0)
    with pytest.raises(EngineError):
        await one_run(pool)

    statistics = pool.statistics(clock())

    assert (statistics.starts, statistics.failures) == (1, 1)
    assert "no bash" in statistics.last_error


async def test_statistics_stand_still(make_pool: MakePool, clock: Clock) -> None:
    """Statistics do not change when the pool does, and their reader cannot change them."""
    pool = make_pool(target=1)
    before = pool.statistics(clock())
    await one_run(pool)
    await settle()

    assert (before.takes, dict(before.discards)) == (0, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.warm = 9  # type: ignore[misc]
