"""What serves nobody is removed while the service runs, and what serves somebody is not."""

import asyncio
from collections.abc import Mapping

import pytest

from pool import EngineError
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served
from tests.waiting import eventually

DOWN = EngineError("remove", "device or resource busy", status=500)


def labels_of(engine: FakeEngine, http: Served) -> Mapping[str, str]:
    """What all containers of this service carry."""
    [light, *_] = engine.containers.of_image(http.settings.ruby_image)
    return light.spec.labels


@pytest.mark.parametrize("reuse", ["never", "cells"])
async def test_what_a_restart_of_the_engine_cut_off_is_removed(
    serve_fake: ServeFake, reuse: str
) -> None:
    """When the engine is back, a container of ours that runs and that nobody here knows is removed;
    warm ones, the traffic light, and the one that shows that cells can be had stay.
    """
    engine = FakeEngine()
    async with serve_fake(engine, reuse=reuse) as http:
        await http.until_ready()
        await http.run()
        present = engine.containers.present

        async def settled() -> set[str]:
            return set(present)

        known = await eventually(settled, lambda ids: len(ids) == (2 if reuse == "never" else 3))
        engine.containers.add("cut off", "running", labels_of(engine, http))
        engine.images.stop_listening()

        assert await eventually(settled, lambda ids: "cut off" not in ids) == known


async def test_what_a_failed_removal_left_is_removed(serve_fake: ServeFake) -> None:
    """The container of a run, whose removal failed, is removed by a later sweep."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.until_ready()
        engine.containers.remove_error = DOWN
        await http.run()

        async def left() -> int:
            return len(engine.containers.of_image(http.image))

        await eventually(left, lambda count: count == 2)
        await eventually(lambda: _now(engine.containers.removals))
        engine.containers.remove_error = None
        engine.images.stop_listening()

        await eventually(left, lambda count: count == 1)


async def test_a_storm_of_changes_is_one_look_at_the_pools_at_a_time(
    serve_fake: ServeFake,
) -> None:
    """A build tells of many changes of images: the engine is not asked about all pools for each."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.until_ready()
        await http.run()
        engine.images.most_asked_at_once = 0
        engine.images.may_tell.clear()
        for number in range(100):
            engine.images.add(f"other:{number}")
            await asyncio.sleep(0)
        await eventually(lambda: _now(engine.images.asking))
        await asyncio.sleep(0.05)
        engine.images.may_tell.set()

    assert engine.images.most_asked_at_once < 10


async def test_a_change_during_a_look_is_looked_at_again(serve_fake: ServeFake) -> None:
    """An image that is replaced while the pools are looked at is retired all the same."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.until_ready()
        await http.run()
        old = http.service.health().pools[http.image].spec.image_id
        engine.images.may_tell.clear()
        engine.images.add("other:1")
        await eventually(lambda: _now(engine.images.asking))
        engine.images.add(http.image, {"/new": b""})
        await asyncio.sleep(0.05)
        engine.images.may_tell.set()

        async def is_retired() -> bool:
            pool = http.service.health().pools.get(http.image)
            return pool is None or pool.spec.image_id != old

        assert await eventually(is_retired)


async def _now(value: int) -> int:
    return value
