"""An attached stream, on an engine that tears it at will."""

import asyncio
import tracemalloc
from typing import cast

import pytest
from aiodocker.stream import Message, Stream

from pool import DockerClient, EngineError
from pool.docker_stream import DockerStream
from tests.reports import Reports
from tests.waiting import eventually

from .fake_dockerd import (
    STDERR,
    STDOUT,
    Answer,
    FakeDockerd,
    answer,
    frame,
    reset,
    silence,
    the_end,
    upgraded,
)


async def attach(dockerd: FakeDockerd, client: DockerClient, reply: Answer) -> DockerStream:
    """A stream over which the engine does that."""
    dockerd.on("GET /containers/c1/json", answer({"Config": {"Tty": False}}))
    dockerd.on("POST /containers/c1/attach", reply)
    source = client.docker.containers.container("c1").attach(stdin=True, stdout=True, stderr=True)
    return await DockerStream.open(client, source, "c1")


async def read_all(stream: DockerStream) -> bytes:
    """Read to the end of the stream."""
    said = bytearray()
    async with asyncio.timeout(60):
        while more := await stream.read():
            said += more
    return bytes(said)


async def test_reads_stdout(dockerd: FakeDockerd, client: DockerClient) -> None:
    """A reader gets all output in order, and nothing at the end."""
    stream = await attach(
        dockerd, client, upgraded(frame(STDOUT, b"one "), frame(STDOUT, b"two"), then=the_end)
    )

    assert await read_all(stream) == b"one two"
    assert stream.ended
    assert await stream.read() == b""
    await stream.close()


async def test_a_reader_that_was_cancelled_misses_nothing(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """Output that comes after a reader was cancelled is the next reader's."""
    go_on = asyncio.Event()

    async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        writer.write(frame(STDOUT, b"late"))

    stream = await attach(dockerd, client, upgraded(then=later))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await stream.read()
    go_on.set()

    assert await read_all(stream) == b"late"
    await stream.close()


async def test_keeps_the_first_4_kib_of_stderr(dockerd: FakeDockerd, client: DockerClient) -> None:
    """The first 4 KiB of stderr are kept, apart from stdout, and trimmed."""
    frames = [frame(STDERR, b" \xff" + b"x" * 1000)] * 9 + [frame(STDOUT, b"said")]
    stream = await attach(dockerd, client, upgraded(*frames, then=the_end))

    assert await read_all(stream) == b"said"
    assert stream.complaints.startswith("\N{REPLACEMENT CHARACTER}xxx")
    assert 4000 < len(stream.complaints) <= 4096
    await stream.close()


@pytest.mark.parametrize("torn", [b"\x01\x00\x00", frame(STDOUT, b"half a frame")[:-4]])
@pytest.mark.parametrize("end", [the_end, reset])
async def test_a_stream_cut_in_mid_frame_looks_like_an_end(
    dockerd: FakeDockerd, client: DockerClient, torn: bytes, end: Answer
) -> None:
    """If a stream is cut in a frame, whole frames are handed over, the torn one is
    not, and nothing hangs.
    """

    async def whole_then_torn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await taken.wait()
        writer.write(torn)
        await writer.drain()
        await end(reader, writer)

    taken = asyncio.Event()
    stream = await attach(dockerd, client, upgraded(frame(STDOUT, b"whole"), then=whole_then_torn))

    assert await stream.read() == b"whole"
    taken.set()
    assert await read_all(stream) == b""
    await stream.close()


@pytest.mark.parametrize("end", [the_end, reset])
async def test_tells_its_listener_of_the_end_once(
    dockerd: FakeDockerd, client: DockerClient, end: Answer
) -> None:
    """A listener hears of a container's death once, although nobody reads."""
    ended = asyncio.Event()
    calls: list[str] = []
    stream = await attach(dockerd, client, upgraded(then=end))

    def on_end() -> None:
        calls.append("ended")
        ended.set()

    stream.on_end(on_end)
    async with asyncio.timeout(10):
        await ended.wait()
    await stream.close()

    assert calls == ["ended"]


async def test_a_listener_that_comes_late_is_told_at_once(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """A stream that has ended says so to whoever asks."""
    stream = await attach(dockerd, client, upgraded(then=the_end))
    await read_all(stream)
    calls: list[str] = []

    stream.on_end(lambda: calls.append("ended"))

    assert calls == ["ended"]
    await stream.close()


async def test_our_own_end_is_no_death(dockerd: FakeDockerd, client: DockerClient) -> None:
    """Closing a stream tells its listener nothing."""
    calls: list[str] = []
    stream = await attach(dockerd, client, upgraded())
    stream.on_end(lambda: calls.append("ended"))

    await stream.close()
    await stream.close()

    assert not calls
    assert stream.ended


async def test_closing_passes_on_cancellation(dockerd: FakeDockerd, client: DockerClient) -> None:
    """A caller that is cancelled while it closes a stream stays cancelled, and the
    connection is closed.
    """
    gone = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    stream = await attach(dockerd, client, upgraded(then=watch))
    went_on: list[str] = []

    async def close_and_go_on() -> None:
        await stream.close()
        went_on.append("closed")
        await asyncio.Event().wait()

    task = asyncio.create_task(close_and_go_on())
    await asyncio.sleep(0)  # into close()
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()

    assert not went_on


async def test_a_closed_stream_ends_its_reader(dockerd: FakeDockerd, client: DockerClient) -> None:
    """A caller that still reads when the stream is closed is not left waiting."""
    stream = await attach(dockerd, client, upgraded())
    reading = asyncio.create_task(read_all(stream))
    await asyncio.sleep(0)

    await stream.close()

    assert await reading == b""


async def test_writes_to_stdin(dockerd: FakeDockerd, client: DockerClient) -> None:
    """All bytes that are written arrive."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = await reader.readexactly(300_000)
        writer.write(frame(STDOUT, received[-5:]))

    stream = await attach(dockerd, client, upgraded(then=echo))

    await stream.write(b"x" * 299_995 + b"12345")

    assert await read_all(stream) == b"12345"
    await stream.close()


async def test_writing_after_the_end_is_an_error(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError]
) -> None:
    """A write to a container that has ended is an error."""
    stream = await attach(dockerd, client, upgraded(then=the_end))
    await read_all(stream)

    with pytest.raises(EngineError, match="has ended") as caught:
        await stream.write(b"x")

    assert reported == [caught.value]
    await stream.close()


async def test_writing_to_a_closed_stream_is_an_error(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """A write to a stream that we have closed is an error."""
    stream = await attach(dockerd, client, upgraded())
    await stream.close()

    with pytest.raises(EngineError):
        await stream.write(b"x")


async def test_what_nobody_reads_waits_at_the_writer(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """A flood of 100 MB that nobody reads costs us a few MB.

    A later reader gets every byte of it.
    """
    size, sent = 100_000_000, 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        tiny, large = frame(STDOUT, b"12") * 10_000, frame(STDOUT, b"x" * 32_768) * 10
        while sent < size:
            data, count = (large, 327_680) if sent else (tiny, 20_000)
            writer.write(data)
            await writer.drain()
            sent += count
            progress.set()

    async def blocked() -> bool:
        progress.clear()
        try:
            async with asyncio.timeout(0.5):
                await progress.wait()
        except TimeoutError:
            return True
        return False

    progress = asyncio.Event()
    stream = await attach(dockerd, client, upgraded(then=flood))
    tracemalloc.start()
    while not await blocked():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sent < 10_000_000
    assert peak < 20_000_000
    assert len(await read_all(stream)) == sent >= size
    await stream.close()


async def test_a_flood_of_complaints_is_read_and_dropped(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """A flood on stderr is read and dropped, and never holds up stdout."""
    frames = [frame(STDERR, b"x" * 32_768)] * 1000 + [frame(STDOUT, b"said")]
    stream = await attach(dockerd, client, upgraded(*frames, then=silence))

    async with asyncio.timeout(30):
        assert await stream.read() == b"said"
    await stream.close()


async def test_a_reader_that_fails_is_reported_and_ends_the_stream(
    client: DockerClient, reports: Reports
) -> None:
    """An error that nobody foresaw is heard at once, and no reader waits for what cannot come."""
    bug = KeyError("a bug")

    class Broken:
        async def read_out(self) -> Message | None:
            raise bug

        async def close(self) -> None:
            """There is nothing to close."""

    stream = DockerStream(client, cast(Stream, Broken()), "c1")

    assert await read_all(stream) == b""
    await reports.came.wait()
    assert (reports.names, reports.errors) == (["read c1"], [bug])
    await stream.close()


async def test_a_stream_that_waits_for_its_reader_ends_with_the_client(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """The task that reads a stream ends with the client, even if the stream is full and nobody
    has closed it.
    """
    full = [frame(STDOUT, bytes(1024 * 1024))] * 5
    stream = await attach(dockerd, client, upgraded(*full, then=silence))

    async def held_bytes() -> int:
        return len(stream._unread)

    await eventually(held_bytes, lambda count: count > 4 * 1024 * 1024)
    await client.close()

    assert stream.ended
    assert not client.tasks
    await stream.close()
