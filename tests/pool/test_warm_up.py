"""A pool of containers that warm up, on an engine in memory: what comes of one that cannot."""

from dataclasses import replace

import pytest

from pool import ContainerSpec, EngineError
from pool.settings import MIB
from tests.fakes import FakeContainers, FakeStream

from .conftest import SPEC, MakePools, settle

WARM = replace(SPEC, warm_up=("hook",))


async def ends_if_it_warms_up(spec: ContainerSpec, stream: FakeStream) -> None:
    """Print the mark and wait, or else end before it."""
    if not spec.warm_up:
        stream.say(spec.ready_mark)
        await stream.stdin.read()


async def test_containers_whose_warm_up_takes_much_memory_are_fewer(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """The host's memory bounds how many containers are kept, as soon as the first
    one has been weighed.
    """
    engine.memory_bytes[WARM.image] = 31 * MIB
    pools = make_pools(target=8, host=10, memory_bytes=100 * MIB)

    pools.warm_up(WARM)
    await settle()

    pool = pools.get(WARM.image)
    assert pool is not None
    assert (pool.warm, pool.target) == (2, 2)
    assert pool.statistics(0.0).places == 4


async def test_a_warm_up_that_ends_its_container_is_left_out_for_good(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """A caller gets a container without the warm-up, and no later start tries it again."""
    engine.programs["wait"] = ends_if_it_warms_up
    pools = make_pools()

    for _ in range(2):
        async with pools.lease(WARM):
            pass
        await settle()

    asked = [spec.warm_up for spec in engine.asked]
    # With the warm-up only those that began before it was known.
    assert () in asked
    assert ("hook",) not in asked[asked.index(()) + 1 :]
    pool = pools.get(WARM.image)
    assert pool is not None
    assert "exited (137)" in pool.no_warm_up
    assert pool.counts.failures == 0


@pytest.mark.parametrize(
    ("error", "starts"),
    [
        (EngineError("start", "no bash"), 2),
        (EngineError("create", "internal error", status=500), 1),
    ],
    ids=["of the image", "of the engine"],
)
async def test_what_fails_without_its_warm_up_is_not_the_warm_ups_fault(
    make_pools: MakePools, engine: FakeContainers, error: EngineError, starts: int
) -> None:
    """A start is tried without the warm-up only if that may help; the caller gets the error."""
    engine.start_error = error
    pools = make_pools()

    with pytest.raises(EngineError, match=error.message):
        async with pools.lease(WARM):
            pass

    pool = pools.get(WARM.image)
    assert pool is not None
    assert (pool.no_warm_up, engine.starts) == ("", starts)


async def test_a_container_that_can_warm_up_does(
    make_pools: MakePools, engine: FakeContainers
) -> None:
    """The words of the warm-up come after those of the command."""
    pools = make_pools()

    async with pools.lease(WARM):
        pass

    assert WARM.create_body()["Cmd"] == [*SPEC.command, "hook"]
    assert {spec.warm_up for spec in engine.asked} == {("hook",)}
