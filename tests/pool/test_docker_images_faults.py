"""Images on an engine that has a bad day."""

import asyncio

import pytest

from pool import (
    DockerClient,
    DockerHost,
    DockerImages,
    EngineError,
)

from .fake_dockerd import FakeDockerd, answer, chunks, raw, reset, silence


@pytest.fixture
def images(client: DockerClient) -> DockerImages:
    """Images of the scripted engine."""
    return DockerImages(client, {})


async def test_a_pull_that_fails_on_its_way_says_why(
    dockerd: FakeDockerd, images: DockerImages, reported: list[EngineError]
) -> None:
    """An error in the middle of the progress is an error, with the registry's words."""
    dockerd.on(
        "POST /images/create",
        chunks(b'{"status":"Pulling"}\r\n', b'{"error":"denied: requested access"}\r\n'),
    )

    with pytest.raises(EngineError, match="denied: requested access") as caught:
        await images.pull("private/image:latest")

    assert reported == [caught.value]


@pytest.mark.parametrize(
    "progress", ["<html>", "5", "[1]", "null", '{"status": "x", "progressDetail": [1]}']
)
async def test_a_pull_whose_progress_is_garbage_is_an_error(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError], progress: str
) -> None:
    """Progress of a pull that is no JSON object is an error, for the daemon and for a command."""
    dockerd.on("POST /images/create", chunks(progress.encode() + b"\r\n"))

    with pytest.raises(EngineError) as caught:
        async for _ in DockerHost(client).pull("some/image:latest"):
            pass

    assert reported == [caught.value]


@pytest.mark.parametrize(
    "found",
    [
        [],
        {"Id": 5, "Config": {}},
        {"Id": None, "Config": None},
        {"Id": "i", "Config": {"Volumes": 5}},
    ],
)
async def test_an_image_of_another_shape_is_an_error(
    dockerd: FakeDockerd, images: DockerImages, reported: list[EngineError], found: object
) -> None:
    """An answer that tells of no image is an error of the engine, and is reported."""
    dockerd.on("GET /images/some/json", answer(found))

    with pytest.raises(EngineError) as caught:
        await images.image("some")

    assert reported == [caught.value]


@pytest.mark.parametrize("labels", [None, {}, {"a": None}])
async def test_a_container_without_the_label_tells_of_no_image(
    dockerd: FakeDockerd, images: DockerImages, labels: object
) -> None:
    """An engine may say `null` where a container has no labels."""
    found = {"Image": "sha256:1", "Config": {"Labels": labels}}
    dockerd.on("GET /containers/c1/json", answer(found))

    assert await images.image_of_container("c1", ("a", "b")) is None


@pytest.mark.parametrize(
    "found",
    [
        [],
        {"Image": 5, "Config": {"Labels": {"a": "b"}}},
        {"Image": "i", "Config": {"Labels": ["a"]}},
    ],
)
async def test_a_container_of_another_shape_is_an_error(
    dockerd: FakeDockerd, images: DockerImages, reported: list[EngineError], found: object
) -> None:
    """An answer that tells of no container is an error of the engine, and is reported."""
    dockerd.on("GET /containers/c1/json", answer(found))

    with pytest.raises(EngineError) as caught:
        await images.image_of_container("c1", ("a", "b"))

    assert reported == [caught.value]


async def test_a_change_may_be_told_in_a_very_long_line(
    dockerd: FakeDockerd, images: DockerImages
) -> None:
    """An image may have many labels, which the engine repeats in each event."""
    event = b'{"Action":"tag","Actor":{"Attributes":{"a":"' + b"x" * 4_000_000 + b'"}}}\n'
    dockerd.on("GET /events", chunks(event, event))

    async with asyncio.timeout(5):
        heard = [change async for change in images.image_changes()]

    assert len(heard) >= 3


@pytest.mark.parametrize("cut", [False, True])
async def test_the_end_of_the_engine_ends_the_changes(
    dockerd: FakeDockerd, images: DockerImages, cut: bool
) -> None:
    """Whether the engine closes its event stream or is torn away, listening is over."""
    dockerd.on("GET /events", chunks(b'{"Action":"tag"}\n', cut=cut))
    heard = 0

    async with asyncio.timeout(5):
        async for _change in images.image_changes():
            heard += 1

    assert heard == 2


async def test_changes_that_cannot_be_heard_of_are_an_error(
    dockerd: FakeDockerd, images: DockerImages, reported: list[EngineError]
) -> None:
    """An engine that refuses to be listened to is reported."""
    dockerd.on("GET /events", reset)

    with pytest.raises(EngineError) as caught:
        await anext(images.image_changes())

    assert reported == [caught.value]


async def test_a_broken_archive_is_an_error(
    dockerd: FakeDockerd, images: DockerImages, reported: list[EngineError]
) -> None:
    """An archive that is no tar is an error, and the container is removed all the same."""
    dockerd.on("POST /containers/create", answer({"Id": "c1"}))
    dockerd.on("GET /containers/c1/archive", raw(b"no tar" * 1000, 200, "application/x-tar"))
    dockerd.on("DELETE /containers/c1", answer({}))

    with pytest.raises(EngineError) as caught:
        await images.read_files("sha256:1", ("/x",), 1000)

    assert caught.value.operation == "read"
    assert reported == [caught.value]
    assert dockerd.asked[-1] == "DELETE /containers/c1"


async def test_a_removal_that_fails_spoils_no_reading(
    dockerd: FakeDockerd, images: DockerImages, reported: list[EngineError]
) -> None:
    """A reading counts although the container that it needed cannot be removed."""
    dockerd.on("POST /containers/create", answer({"Id": "c1"}))
    dockerd.on("GET /containers/c1/archive", answer({"message": "no such path"}, 404))
    dockerd.on("DELETE /containers/c1", answer({"message": "busy"}, 500))

    assert await images.read_files("sha256:1", ("/x",), 1000) == {"/x": None}

    assert [error.operation for error in reported] == ["remove"]


async def test_a_pull_may_be_cancelled(dockerd: FakeDockerd, images: DockerImages) -> None:
    """The connection is closed when its caller goes away."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await chunks(b'{"status":"Pulling"}\r\n', cut=True)(reader, writer)
        asked.set()
        await silence(reader, writer)
        gone.set()

    dockerd.on("POST /images/create", stall)
    task = asyncio.create_task(images.pull("some/image:latest"))
    await asked.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(5):
        await gone.wait()
