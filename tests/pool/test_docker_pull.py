"""The progress of a pull: one that goes on takes its time, and one that stalls fails."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pool import DockerClient, DockerImages, EngineError
from pool.docker_pull import with_progress

from .fake_dockerd import Answer, FakeDockerd, silence

STALLS_S = 0.2


def layer(name: str, done: int) -> dict[str, Any]:
    """An event such as an engine tells of a layer."""
    return {"id": name, "status": "Downloading", "progressDetail": {"current": done}}


async def told(events: list[dict[str, Any]], every_s: float, *, end: bool) -> AsyncIterator[Any]:
    """The events with a pause before each; then the end, or silence for ever."""
    for event in events:
        await asyncio.sleep(every_s)
        yield event
    if not end:
        await asyncio.Event().wait()


async def test_a_slow_pull_that_goes_on_ends_well() -> None:
    """A pull that goes on ends well, although all its pauses together are longer than the limit."""
    events = [layer(name, done) for done in range(8) for name in "ab"]

    heard = [
        one async for one in with_progress(told(events, STALLS_S / 8, end=True), "x", STALLS_S)
    ]

    assert heard == events


@pytest.mark.parametrize(
    "events",
    [[], [layer("a", 1)], [layer("a", 1), layer("b", 5)] * 1000],
    ids=["never begins", "stops", "repeats itself"],
)
async def test_a_pull_that_stalls_fails(events: list[dict[str, Any]]) -> None:
    """An engine may say the same of each layer again and again, and nothing new."""
    pull = with_progress(told(events, 0.01, end=False), "some/image", STALLS_S)
    with pytest.raises(EngineError, match=r"no progress within 0\.2 s") as caught:
        async for _ in pull:
            pass

    assert (caught.value.operation, caught.value.image) == ("pull", "some/image")


async def test_the_deadline_of_a_caller_is_its_own() -> None:
    """The whole pull has a limit, too, which is told in other words."""
    pull = with_progress(told([], 0, end=False), "x", 20)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(pull), 0.05)


async def test_a_pull_that_stalls_is_given_up_at_the_engine(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError]
) -> None:
    """The connection of a pull that stalls is closed, which ends the engine's own work.

    The failure is reported.
    """
    is_given_up = asyncio.Event()
    images = DockerImages(client, {}, pull_stalls_s=0.05)
    dockerd.on("POST /images/create", _stalls(is_given_up))

    with pytest.raises(EngineError, match="no progress") as caught:
        await images.pull("some/image:latest")
    async with asyncio.timeout(20):
        await is_given_up.wait()

    assert reported == [caught.value]


def _stalls(is_given_up: asyncio.Event) -> Answer:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        event = b'{"status":"Pulling"}\r\n'
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%b\r\n" % (len(event), event))
        try:
            await silence(reader, writer)
        finally:
            is_given_up.set()

    return reply
