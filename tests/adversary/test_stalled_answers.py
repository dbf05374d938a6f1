"""An answer is at most a second later than the budget, whatever stalls after the program ran."""

import pytest

from runner.run import judge
from tests.adversary.stalling import ask, warm, warm_with_answer, why
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, archive, framed

pytestmark = pytest.mark.parametrize("reuse", ["never", "cells"])


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
