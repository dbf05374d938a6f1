"""What a run is when its container did not do its part."""

from collections.abc import Callable

import pytest

from pool import EngineError
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeContainers, FakeEngine, Kata, archive, framed
from tests.runner.http.support import MIB, Events, faulty, text, until
from tests.serving import Served


async def test_a_container_that_dies_is_faulty(serve_fake: ServeFake, logs: Events) -> None:
    """The status is 143, and the log holds how the engine says that the container ended."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: None
    async with serve_fake(engine) as http:
        result = await http.run()

    reason = "no answer; the container is exited (137)"
    assert result == faulty("143", reason)
    (event,) = [event for event in logs if event["level"] == "WARNING"]
    assert (event["kata_id"], event["image"], event["reason"]) == ("aBc123", FAKE_IMAGE, reason)


async def test_a_container_that_cannot_start_is_faulty(serve_fake: ServeFake) -> None:
    """The status is 143, the log holds the engine's words, and starts are not tried for ever."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await until(lambda: bool(engine.containers.starts))  # the traffic light's
        engine.containers.start_error = EngineError("start", "no space left")
        before = engine.containers.starts
        results = [await http.run() for _ in range(5)]

        assert results == [faulty("143", "no space left")] * 5
        assert engine.containers.starts - before < 10


@pytest.mark.docker
async def test_an_image_without_bash_is_faulty(docker_http: Served) -> None:
    """The log of a run on an image without bash holds the init's own words."""
    result = await docker_http.run(image_name="dojo-runner/no-bash")

    assert (result["outcome"], result["status"]) == ("faulty", "143")
    assert "exec bash failed: No such file or directory" in result["log"]["reason"]
    assert "exec bash failed: No such file or directory" in result["log"]["stderr"]


GARBAGE = {
    "not our frame": lambda kata: b"hello\n" + kata.nonce.encode(),
    "no archive": lambda kata: f"{kata.nonce}\n{'x' * 2000}{kata.nonce} done\n".encode(),
    "a torn archive": lambda kata: framed(kata, archive({".dojo/stdout": b"x" * 5000})[:2000]),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_an_unreadable_answer_is_faulty(
    serve_fake: ServeFake, answer: Callable[[Kata], bytes]
) -> None:
    """The status is 144, and a learner who forges the answer gains nothing by it."""
    engine = FakeEngine()
    engine.kata.answer = answer
    async with serve_fake(engine) as http:
        result = await http.run()

    assert result == faulty("144", result["log"]["reason"])
    assert result["log"]["reason"]


async def test_an_answer_without_a_status_gets_a_colour(serve_fake: ServeFake) -> None:
    """The status is 145, and the lambda is asked about it."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: framed(kata, archive({".dojo/stdout": b"out"}))
    async with serve_fake(engine) as http:
        result = await http.run()

    assert (result["status"], result["outcome"]) == ("145", "amber")
    assert result["stdout"] == text("out")


async def test_a_flood_of_an_answer_is_cut(serve_fake: ServeFake) -> None:
    """The log says that an answer was too large, and what came before its end counts."""
    engine = FakeEngine()
    flood = archive({".dojo/status": b"0   ", "sandbox/a": b"x" * 60 * MIB})
    engine.kata.answer = lambda kata: kata.nonce.encode() + b"\n" + flood
    async with serve_fake(engine) as http:
        result = await http.run()

    assert (result["status"], result["outcome"]) == ("0", "green")
    assert "too large" in result["log"]["harvest"]


async def test_no_client_reads_where_the_engine_is(serve_fake: ServeFake) -> None:
    """A learner's log holds no path of the host, though the engine's words do."""
    folder = "/var/lib/docker/overlay2/abc"
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await until(lambda: bool(engine.containers.starts))  # the traffic light's
        engine.containers.start_error = EngineError("start", f"mkdir {folder}: no space left")
        run = await http.run()

    assert run == faulty("143", "the container engine could not start a container")


async def test_no_client_reads_how_the_engine_lost_a_container(
    serve_fake: ServeFake, logs: Events
) -> None:
    """The engine's word on a container that ended may hold a path: it is for the log only."""
    folder = "/run/containerd/io.containerd"

    class Containers(FakeContainers):
        async def last_words(self, container_id: str) -> str:
            return f"exited (128): {folder} is gone"

    engine = FakeEngine()
    engine.kata.answer = lambda kata: None
    engine.containers = Containers(engine.images, engine.containers.programs)
    async with serve_fake(engine) as http:
        result = await http.run()

    assert result == faulty("143", "no answer; the container is gone")
    assert any(folder in str(event.get("reason")) for event in logs)
