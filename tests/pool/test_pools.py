"""All images' pools: opened at first demand, retired, closed together."""

import asyncio
from dataclasses import replace

import pytest

from pool import (
    ContainerSpec,
    EngineError,
    ImagePool,
    PoolClosedError,
    Pools,
    PoolSettings,
    Sizes,
    Supervisor,
)
from pool.demand import Demand
from pool.settings import WARM_BYTES
from pool.sharing import Claim
from pool.sizing import LONGEST_YIELD_S
from tests.fakes import FakeContainers
from tests.reports import Reports

from .conftest import SPEC, Clock, MakePools, settle

OTHER = replace(SPEC, image="other/image", image_id="sha256:2")


async def test_an_image_is_pooled_from_its_first_lease(make_pools: MakePools) -> None:
    """Nobody has to announce an image: the first run warms it for the next."""
    pools = make_pools(target=2)

    async with pools.lease(SPEC) as lease:
        assert not lease.hit
    await settle()

    assert pools.by_image[SPEC.image].warm == 2


async def test_an_image_may_be_warmed_before_its_first_lease(make_pools: MakePools) -> None:
    """What was warmed up gives a hit at once."""
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
    """An image that went keeps nothing on the engine and is pooled no more."""
    pools = make_pools()
    pools.warm_up(SPEC)
    await settle()

    pools.retire(SPEC.image, "image is gone")
    await settle()

    assert not engine.present
    assert not pools.by_image


async def test_retiring_an_unknown_image_is_harmless(make_pools: MakePools) -> None:
    """There is nothing to do."""
    pools = make_pools()

    pools.retire("never/seen", "image is gone")

    assert not pools.by_image


async def test_a_retired_image_may_come_back(make_pools: MakePools) -> None:
    """Its next lease pools it again."""
    pools = make_pools()
    pools.warm_up(SPEC)
    await settle()
    pools.retire(SPEC.image, "image is gone")

    async with pools.lease(SPEC) as lease:
        assert not lease.hit


async def test_knows_what_it_holds(make_pools: MakePools) -> None:
    """What is warm or leased is in the books, and nothing else."""
    pools = make_pools(target=1)

    async with pools.lease(SPEC) as lease:
        assert pools.holds(lease.container_id)

    assert not pools.holds(lease.container_id)
    assert not pools.holds("somebody else's")


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
    """Nobody waits for a container that will never come."""
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
    """Whoever comes too late learns why."""
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


# Sizes by demand

SIZES = Sizes(minimum=0, maximum=10, spare=1, keep_s=600, cool_down_s=30)


async def test_an_image_that_is_wanted_more_gets_more(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """Targets follow the rate of takes and the time that a start takes, at once."""
    engine.on_ready = lambda stream: clock.advance(0.5)
    pools = make_pools(sizes=SIZES)
    async with pools.lease(SPEC):
        pass
    first = pools.by_image[SPEC.image].target

    for _ in range(60):
        clock.advance(0.1)
        async with pools.lease(SPEC):
            await settle()

    assert pools.by_image[SPEC.image].target > first


async def test_an_image_that_nobody_wants_any_more_lets_go(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """Its warm containers go, and the next run is a miss that warms it again."""
    pools = make_pools(sizes=SIZES)
    pools.warm_up(SPEC)
    await settle()
    assert pools.by_image[SPEC.image].warm > 0

    clock.advance(601)
    pools.resize()
    await settle()

    assert not engine.present
    async with pools.lease(SPEC) as lease:
        assert not lease.hit
    await settle()
    assert pools.by_image[SPEC.image].warm > 0


async def test_all_images_together_stay_within_the_hosts_limit(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """An image gets what is free, and takes nothing from another one; what is in use counts."""
    pools = make_pools(target=3, host=5)
    pools.warm_up(OTHER)
    await settle()
    clock.advance(1)

    async with pools.lease(SPEC):
        await settle()

        warm = {image: pool.warm for image, pool in pools.by_image.items()}
        assert warm == {SPEC.image: 1, OTHER.image: 3}
    await settle()
    pools.resize()
    await settle()
    warm = {image: pool.warm for image, pool in pools.by_image.items()}
    assert warm == {SPEC.image: 2, OTHER.image: 3}
    assert len(engine.living) == 5
    assert engine.starts == 6


async def test_what_a_learner_waits_for_displaces_what_is_warm(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """A miss at the host's limit: the image wanted least recently gives one up."""
    pools = make_pools(target=2, host=2)
    pools.warm_up(OTHER)
    await settle()
    clock.advance(1)

    async with pools.lease(SPEC) as lease:
        assert not lease.hit
        assert pools.by_image[OTHER.image].counts.discards["evicted"] == 1


def test_memory_bounds_the_host_as_well() -> None:
    """Whichever bound is tighter."""
    few = PoolSettings(host_containers=40, host_memory_bytes=10 * WARM_BYTES + 1)

    assert few.host_limit == 10
    assert PoolSettings(host_containers=4).host_limit == 4


async def test_what_happens_to_one_image_asks_no_other(
    engine: FakeContainers, clock: Clock, supervisor: Supervisor
) -> None:
    """A take, a notice and an announcement cost the same with three images as with thirty."""
    asked: list[str] = []

    class Asked(Demand):
        def __init__(self, spec: ContainerSpec) -> None:
            super().__init__(SIZES)
            self._image = spec.image

        def claim(self, now_s: float) -> Claim:
            asked.append(self._image)
            return super().claim(now_s)

    pools = Pools(
        engine,
        PoolSettings(host_containers=6),
        supervisor=supervisor,
        demand_of=Asked,
        now_s=clock,
    )
    for number in range(30):
        pools.warm_up(replace(SPEC, image=f"image-{number}"))
    pools.warm_up(SPEC)
    await settle()
    asked.clear()

    async with pools.lease(SPEC):
        await settle()
    pools.hear(SPEC, takes=1)
    pools.warm_up(SPEC)
    await settle()

    assert asked == [SPEC.image] * 3
    await pools.close()


# By many takes an image that never started claims more than once it has shown how quick that is.
@pytest.mark.parametrize(("takes", "most_starts"), [(1, 12 + 1), (100, 3 * 12)])
async def test_hearsay_takes_nothing_from_an_image_with_takes(
    make_pools: MakePools, engine: FakeContainers, clock: Clock, takes: int, most_starts: int
) -> None:
    """Whatever siblings say, and however often, about however many other images."""
    pools = make_pools(sizes=Sizes(), host=12)
    async with pools.lease(SPEC):
        await settle()
    await settle()
    pool = pools.by_image[SPEC.image]
    warm = pool.warm
    assert warm == pool.target > 0

    for number in range(60):
        pools.hear(replace(SPEC, image=f"heard-{number % 9}"), takes=takes)
        await settle()
        clock.advance(0.4)  # not so long that the image is wanted less by itself
        pools.resize()
        assert pool.warm == warm

    assert not pool.counts.discards.keys() & {"evicted", "surplus"}
    assert 12 < engine.starts <= most_starts


async def test_own_demand_gets_places_that_are_held_by_hearsay(
    make_pools: MakePools, engine: FakeContainers, clock: Clock
) -> None:
    """Three images have all the places by hearsay; one of them gives way to an image in use."""
    pools = make_pools(sizes=Sizes(), host=3)
    heard = [replace(OTHER, image=f"heard-{number}") for number in range(3)]

    for _ in range(600):
        for spec in heard:
            pools.hear(spec, takes=1)
        async with pools.lease(SPEC):
            pass
        await settle()
        clock.advance(1)
        pools.resize()

    assert pools.by_image[SPEC.image].warm > 0
    assert sum(pools.by_image[spec.image].warm for spec in heard) < 3


async def test_a_notice_warms(make_pools: MakePools, engine: FakeContainers) -> None:
    """As if somebody were about to press [test] here."""
    pools = make_pools(sizes=SIZES)

    pools.hear(SPEC, takes=0.5)
    await settle()

    pool = pools.by_image[SPEC.image]
    assert pool.warm == pool.target > 0
    assert pool.counts.hits + pool.counts.misses == 0


async def test_every_take_is_told_at_once(make_pools: MakePools, engine: FakeContainers) -> None:
    """Before a miss has been started, or siblings would hear of it late."""
    told: list[str] = []
    pools = make_pools(target=1, taken=told.append)
    engine.hold()

    async def miss() -> None:
        async with pools.lease(SPEC):
            pass

    missing = asyncio.create_task(miss())
    await settle()
    assert told == [SPEC.image]
    assert not missing.done()
    engine.release()
    await missing


def lose_one(pool: ImagePool, engine: FakeContainers, clock: Clock) -> None:
    """A warm container dies, too old to count as one that could not start."""
    clock.advance(10)
    engine.kill(pool._ledger.warm[0].container_id)


class TestRefillsYield:
    """To runs of any image, while enough are warm."""

    async def test_to_a_run_of_another_image(
        self, make_pools: MakePools, engine: FakeContainers, clock: Clock
    ) -> None:
        """The refill begins when the run is over."""
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
        """One at a time goes on after two seconds, and the next one waits anew."""
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
    """Not all at once: ages are spread."""
    pools = make_pools(target=12)
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

    assert 0 < len(after_some) < 12
    assert not after_some & set(engine.living)
    assert pools.by_image[SPEC.image].warm == 12
    assert pools.by_image[SPEC.image].counts.discards["stale"] >= 12


async def test_an_upkeep_that_fails_is_reported_and_works_again(
    engine: FakeContainers, supervisor: Supervisor, reports: Reports
) -> None:
    """The upkeep is a loop of the supervisor's: an error ends one round of it, not all of them."""
    moment_s, asked_again = 1000.0, asyncio.Event()

    def broken_clock() -> float:
        if not reports.errors:
            raise RuntimeError("no time")
        asked_again.set()
        return moment_s

    pools = Pools(engine, PoolSettings(resize_s=0.001), supervisor=supervisor, now_s=broken_clock)
    await asyncio.wait_for(asked_again.wait(), timeout=10)

    assert reports.names == ["pools' upkeep"]
    assert str(reports.errors[0]) == "no time"
    status = supervisor.loops["pools' upkeep"]
    assert (status.is_running, status.failures, status.last_error) == (True, 1, "no time")
    await pools.close()
    assert not supervisor.loops


class TestForgetting:
    """Images that nobody wants any more leave the books."""

    async def test_an_image_that_nobody_has_wanted_for_long_is_forgotten(
        self, make_pools: MakePools, clock: Clock
    ) -> None:
        """Its pool is gone from the statistics once it holds nothing."""
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
        """One that is kept warm for ever, by its minimum, stays, and so does one in use."""
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
        """However long its start takes."""
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
        """Its counts begin at zero, as after a restart."""
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
