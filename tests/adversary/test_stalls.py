"""An answer is never later than the budget and a second, whatever stalls: on a fake engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runner.run import judge
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine, archive, framed
from tests.serving import Served
from tests.waiting import eventually

BUDGET_S = 2.0
pytestmark = pytest.mark.parametrize("reuse", ["never", "cells"])


@asynccontextmanager
async def in_time(budget_s: float) -> AsyncIterator[None]:
    """Fails when the block is not over by the budget and a second.

    By the same loop's clock, so that a busy machine delays the alarm as much as the answer.
    """
    loop = asyncio.get_running_loop()
    late = asyncio.Event()
    alarm = loop.call_later(budget_s + 1, late.set)
    yield
    alarm.cancel()
    assert not late.is_set()


async def ask(http: Served, script: str = "echo out", **how: Any) -> dict[str, Any]:
    """The result of a run, in time."""
    async with in_time(http.settings.budget_s):
        return await http.run(script, **{"max_seconds": 1, **how})


def why(result: dict[str, Any]) -> tuple[str, str, str]:
    """A run's outcome, its status, and the reason in its log."""
    return result["outcome"], result["status"], result["log"]["reason"]


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


async def _settled(http: Served) -> None:
    """Wait until a container is warm, and no other on its way."""

    async def pools() -> list[tuple[int, int]]:
        images = http.service.health().as_json()["images"].values()
        return [(one["warm"], one["starting"]) for one in images]

    await eventually(pools, lambda found: found == [(1, 0)])


@asynccontextmanager
async def warm(serve_fake: ServeFake, engine: FakeEngine, reuse: str) -> AsyncIterator[Served]:
    """A service that has served a run, and has a container that waits for the next."""
    async with serve_fake(engine, reuse=reuse, budget_s=BUDGET_S) as http:
        await http.until_ready()
        await http.run("true")
        await _settled(http)
        yield http


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


async def test_last_words_that_stall(serve_fake: ServeFake, reuse: str) -> None:
    """If the engine does not say how a container ended, the run is answered in time
    without that.
    """
    engine = FakeEngine()
    engine.kata.answer = lambda kata: None
    async with warm_with_answer(serve_fake, engine, reuse) as http:
        engine.containers.may_tell.clear()
        result = await ask(http)
        engine.containers.may_tell.set()

    words = {
        "never": "no answer; the container is gone, and the engine does not say how",
        "cells": "no answer: the answer has no end",
    }
    assert why(result) == ("faulty", "143", words[reuse])


@asynccontextmanager
async def warm_with_answer(
    serve_fake: ServeFake, engine: FakeEngine, reuse: str, budget_s: float = BUDGET_S
) -> AsyncIterator[Served]:
    """As `warm`, but without a first run, because its answer would be made up, too."""
    async with serve_fake(
        engine, reuse=reuse, budget_s=budget_s, warm_images=(FAKE_IMAGE,)
    ) as http:
        await http.until_ready()
        await _settled(http)
        yield http


async def test_a_frozen_engine_is_no_time_out(serve_fake: ServeFake, reuse: str) -> None:
    """A silent container has timed out only if the engine answers; a frozen engine
    is no time-out.
    """
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""
    async with warm_with_answer(serve_fake, engine, reuse) as http:
        engine.containers.may_tell.clear()
        result = await ask(http)
        engine.containers.may_tell.set()

    expected = "no answer: the container, or its engine, cannot be reached"
    assert why(result) == ("faulty", "143", expected)


async def test_silence_after_the_programs_time_is_a_time_out(
    serve_fake: ServeFake, reuse: str
) -> None:
    """If a container is silent beyond the program's time, and the engine answers,
    the run has timed out.
    """
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""
    async with warm_with_answer(serve_fake, engine, reuse) as http:
        result = await ask(http)

    assert why(result)[:2] == ("timed_out", "142")
    assert "the container was killed" in result["log"]["reason"]


async def test_an_answer_without_end_counts_as_far_as_it_came(
    serve_fake: ServeFake, reuse: str
) -> None:
    """A run whose answer has no end has not timed out.

    The part that came counts, without all files.
    """
    engine = FakeEngine()
    printed = archive({".dojo/stdout": b"out", ".dojo/status": b"0   "})
    engine.kata.answer = lambda kata: _without_end(framed(kata, printed + bytes(100)))
    async with warm_with_answer(serve_fake, engine, reuse) as http:
        result = await ask(http)

    assert (result["outcome"], result["status"]) == ("green", "0")
    assert result["stdout"]["content"] == "out"
    assert "not complete" in result["log"]["harvest"]


def _without_end(answer: bytes) -> bytes:
    return answer[: answer.rindex(b"\0")]


async def test_a_removal_that_stalls(serve_fake: ServeFake, reuse: str) -> None:
    """No run waits for the removal of a container; only the pool does."""
    engine = FakeEngine()
    async with warm(serve_fake, engine, reuse) as http:
        engine.containers.may_remove.clear()
        result = await ask(http, "sleep 9")
        engine.containers.may_remove.set()

    assert why(result)[:2] == ("timed_out", "142")


async def test_a_colour_that_stalls(serve_fake: ServeFake, reuse: str) -> None:
    """If the colour does not come, all else of the answer is there, with a fault for the colour."""
    engine = FakeEngine()
    async with warm(serve_fake, engine, reuse) as http:
        for container in engine.containers.of_image(http.settings.ruby_image):
            container.stream.may_write.clear()
        engine.containers.hold()  # or another would answer in its place
        result = await ask(http, "echo out; echo x >new; exit 3")
        engine.containers.release()

    assert (result["outcome"], result["status"]) == ("faulty", "3")
    assert (result["stdout"]["content"], list(result["created"])) == ("out\n", ["new"])
    assert result["log"]["exception"]["context"] == "exception when calling lambda source"


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


@pytest.mark.long_with("cells")  # an answer is judged the same, whichever container gave it
async def test_files_that_take_for_ever_to_judge(
    serve_fake: ServeFake, reuse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If judging the files takes for ever, output, status and colour are there; the
    log counts the files.
    """
    # No machine looks at so many files in this time; each takes some 5 us, and there are 18,000.
    monkeypatch.setattr(judge, "_FILES_S", 0.005)
    engine = FakeEngine()
    files = {f"sandbox/f{number:05}": b"PK\3\4\0\1" * 100 for number in range(18_000)}
    packed = archive({".dojo/stdout": b"out", ".dojo/status": b"1   ", **files})
    engine.kata.answer = lambda kata: framed(kata, packed)
    async with warm_with_answer(serve_fake, engine, reuse, budget_s=10) as http:
        result = await ask(http)

    assert (result["outcome"], result["status"]) == ("red", "1")
    assert result["stdout"]["content"] == "out"
    assert "not looked at within the run's time" in result["log"]["left_out"]
