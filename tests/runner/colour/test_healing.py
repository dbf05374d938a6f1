"""A service can tell colours again by itself, on an engine that restarts and images that come."""

import asyncio

import pytest

from pool import EngineError
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served
from tests.waiting import eventually

DOWN = EngineError("create", "cannot connect to the engine")
WELL_AGAIN_S = 3.0  # after the engine is; tests/waiting.py would wait longer


async def outcome(http: Served) -> str:
    """The outcome of a run that nobody has made before, as a colour that is known is
    not asked for.
    """
    result = await http.run(f"echo {asyncio.get_running_loop().time()}")
    return str(result["outcome"])


def lights(engine: FakeEngine, http: Served) -> list[str]:
    """The containers of the traffic light that run."""
    return [
        one.container_id
        for one in engine.containers.of_image(http.settings.ruby_image)
        if one.state == "running"
    ]


async def test_colours_come_back_after_each_of_two_restarts(serve_fake: ServeFake) -> None:
    """Colours are there within three seconds, unasked, though starts failed meanwhile."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=0) as http:
        await http.until_ready()
        assert await outcome(http) == "green"

        for _ in range(2):
            # The engine goes: so do its containers, and whatever is asked of it fails.
            engine.containers.start_error = DOWN
            engine.images.stop_listening()
            for container_id in lights(engine, http):
                engine.containers.kill(container_id)
            before = engine.containers.starts

            async def starts(before: int = before) -> int:
                return engine.containers.starts - before

            # The first pause is over, and the one that has begun is longer than anybody may wait.
            await eventually(starts, lambda starts: starts >= 3)
            engine.containers.start_error = None
            engine.images.stop_listening()

            async def running() -> list[str]:
                return lights(engine, http)

            await eventually(running, within_s=WELL_AGAIN_S)
            assert await outcome(http) == "green"


async def test_colours_come_when_their_image_does(serve_fake: ServeFake) -> None:
    """A run is faulty while the image with Ruby is missing.

    The next run after the image has come is not.
    """
    engine = FakeEngine()
    async with serve_fake(engine, warm=0) as http:
        engine.images.remove(http.settings.ruby_image)
        await http.until_ready()
        for container_id in lights(engine, http):
            engine.containers.kill(container_id)

        async def colour() -> str:
            return await outcome(http)

        await eventually(colour, lambda colour: colour == "faulty")
        engine.images.add(http.settings.ruby_image)

        await eventually(colour, lambda colour: colour == "green", within_s=WELL_AGAIN_S)


@pytest.mark.parametrize(("runs", "places"), [(1, 2), (3, 6), (14, 28)])
async def test_there_is_a_place_for_each_question_that_runs_can_ask(
    serve_fake: ServeFake, runs: int, places: int
) -> None:
    """Two for each run: for its colour, and for which files are hidden."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=0, runs_at_once=runs) as http:

        async def running() -> list[str]:
            return lights(engine, http)

        await eventually(running)
        [container] = engine.containers.of_image(http.settings.ruby_image)

        assert container.spec.command[-1] == str(places)
