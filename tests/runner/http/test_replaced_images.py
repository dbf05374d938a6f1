"""Images that get another name, go or are pulled again while runs wait for their containers."""

import asyncio

import pytest

from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine
from tests.runner.http.support import until
from tests.serving import Served


@pytest.fixture(params=["never", "cells"])
def reuse(request: pytest.FixtureRequest) -> str:
    """Each kind of container."""
    return str(request.param)


async def waiting_run(http: Served, engine: FakeEngine) -> asyncio.Task[dict[str, object]]:
    """A run that waits for a container, which the engine is about to start."""
    await http.until_ready()
    engine.containers.hold()
    running = asyncio.create_task(http.run())
    await until(lambda: bool(http.service.health().pools.get(FAKE_IMAGE)))
    await until(lambda: http.service.health().pools[FAKE_IMAGE].waiting > 0)
    return running


async def test_a_run_that_waits_gets_the_image_that_the_name_means_now(
    serve_fake: ServeFake, reuse: str
) -> None:
    """When an image is replaced, those who wait for its container get one of the new image."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=0, reuse=reuse) as http:
        running = await waiting_run(http, engine)
        new = engine.images.add(FAKE_IMAGE, {"/new": b""})
        await until(lambda: engine.containers.asked[-1].image_id == new.image_id)
        engine.containers.release()

        assert (await running)["outcome"] == "green"
        assert http.service.health().pools[FAKE_IMAGE].spec.image_id == new.image_id


async def test_requests_around_a_replacement_are_all_served(
    serve_fake: ServeFake, reuse: str
) -> None:
    """However often the name moves, nobody is told that a pool is closing."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=1, reuse=reuse) as http:
        await http.until_ready()
        running = []
        for number in range(10):
            running.append(asyncio.create_task(http.run()))
            await asyncio.sleep(0)
            engine.images.add(FAKE_IMAGE, {"/new": str(number).encode()})
            running.append(asyncio.create_task(http.run()))
        results = await asyncio.gather(*running)

        assert {result["outcome"] for result in results} == {"green"}


async def test_a_run_that_waits_for_an_image_that_goes_pulls_it(
    serve_fake: ServeFake, reuse: str
) -> None:
    """An image that was removed is being pulled again, and runs once it has come."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=0, reuse=reuse) as http:
        running = await waiting_run(http, engine)
        engine.images.in_registry[FAKE_IMAGE] = engine.images.on_node[FAKE_IMAGE]
        engine.images.may_pull.clear()
        engine.images.remove(FAKE_IMAGE)

        assert (await running)["outcome"] == "pulling"
        engine.containers.release()
        engine.images.may_pull.set()
        await until(lambda: FAKE_IMAGE in engine.images.on_node)
        assert (await http.run())["outcome"] == "green"


async def test_an_image_that_is_replaced_unheard_is_asked_for_anew(serve_fake: ServeFake) -> None:
    """When a container cannot be made as the remembered image is gone, the engine is asked."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=0) as http:
        await http.run()
        # The news of it is late: the name means another image, and nobody has heard of that yet.
        new = engine.images.add("other:latest", {"/new": b""})
        await until(lambda: http.service.health().is_listening)
        await http.run()
        engine.images.on_node[FAKE_IMAGE] = new
        result = await http.run()

        assert (result["outcome"], engine.images.pulls) == ("green", [])
        assert engine.containers.asked[-1].image_id == new.image_id


async def test_an_image_that_was_warmed_up_late_is_the_one_that_is_there(
    serve_fake: ServeFake,
) -> None:
    """A look into an image that ends after the image was replaced warms the new one up."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=1) as http:
        await http.until_ready()
        engine.images.may_read.clear()
        await http.ask("/pull_image", {"id": "x", "image_name": FAKE_IMAGE})
        await until(lambda: engine.images.reading > 0)
        new = engine.images.add(FAKE_IMAGE, {"/new": b""})
        # Both images are there: the old one has lost its name only.
        engine.images.may_read.set()
        await until(lambda: FAKE_IMAGE in http.service.health().pools)

        assert http.service.health().pools[FAKE_IMAGE].spec.image_id == new.image_id
