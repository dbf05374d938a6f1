"""An answer is at most a second later than the budget, whatever stalls before the program runs."""

import asyncio

import pytest

from tests.adversary.stalling import BUDGET_S, ask, warm, why
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine

pytestmark = pytest.mark.parametrize("reuse", ["never", "cells"])


async def test_a_look_into_an_image_that_stalls(serve_fake: ServeFake, reuse: str) -> None:
    """If the engine never says what a new image is like, the machinery has failed, in time."""
    engine = FakeEngine()
    engine.images.may_read.clear()
    async with serve_fake(engine, reuse=reuse, budget_s=BUDGET_S) as http:
        result = await ask(http)
        engine.images.may_read.set()

    expected = "the engine did not say in time what the image is like"
    assert why(result) == ("faulty", "143", expected)


async def test_a_start_that_stalls(serve_fake: ServeFake, reuse: str) -> None:
    """If a container never gets ready, the machinery has failed, and nothing has timed out."""
    engine = FakeEngine()
    async with serve_fake(engine, reuse=reuse, budget_s=BUDGET_S) as http:
        await http.until_ready()
        engine.containers.hold()
        result = await ask(http)
        engine.containers.release()

    assert why(result) == ("faulty", "143", "no container was ready in time")


async def test_a_hand_over_that_stalls(serve_fake: ServeFake, reuse: str) -> None:
    """If a container does not take its files, the answer says that they could not be
    handed over.
    """
    engine = FakeEngine()
    async with warm(serve_fake, engine, reuse) as http:
        for container in engine.containers.of_image(FAKE_IMAGE):
            container.stream.may_write.clear()
        result = await ask(http)

    assert why(result) == ("faulty", "143", "the files could not be handed over in time")


async def test_a_kata_that_started_late_keeps_its_partial_output(
    serve_fake: ServeFake, reuse: str
) -> None:
    """A kata that starts late has its limit cut to the rest of the budget.

    Its output is returned.
    """
    engine = FakeEngine()
    async with serve_fake(engine, reuse=reuse, budget_s=BUDGET_S, warm=0) as http:
        await http.until_ready()
        engine.containers.hold()
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, engine.containers.release)
        result = await ask(http, "echo begun; sleep 9", max_seconds=20)

    assert (result["outcome"], result["status"]) == ("timed_out", "142")
    assert result["stdout"]["content"] == "begun\n"
    assert result["log"]["reason"].startswith("stopped after 1 s of 20 s")
