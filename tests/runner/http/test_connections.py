"""Connections: how many may be open, how slow they may be, and which go first."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest

from runner import app
from runner.http import connections
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served, answer_from
from tests.waiting import eventually

Events = list[dict[str, Any]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ALIVE = b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n"
OTHER = "127.0.0.2"


@asynccontextmanager
async def opened(
    http: Served, count: int, address: str = "127.0.0.1"
) -> AsyncIterator[list[Streams]]:
    """So many connections from an address, oldest first."""
    host, _, port = http.url.removeprefix("http://").partition(":")
    streams = []
    for _ in range(count):
        streams.append(await asyncio.open_connection(host, int(port), local_addr=(address, 0)))
        for _ in range(20):  # by then the other end has been made, in this same loop
            await asyncio.sleep(0)
    try:
        yield streams
    finally:
        for _, writer in streams:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def is_open(streams: Streams) -> bool:
    """Whether a request is answered."""
    reader, writer = streams
    try:
        writer.write(ALIVE)
        return bool((await answer_from(reader)).body == {"alive?": True})
    except (ConnectionError, asyncio.IncompleteReadError):
        return False


async def test_the_oldest_silent_connection_goes_first(serve_fake: ServeFake) -> None:
    """Clients that have asked something are kept, and newcomers are let in."""
    async with serve_fake(connections_per_address=6) as http, opened(http, 1) as asked:
        assert await is_open(asked[0])
        async with opened(http, 6) as silent:
            assert [await is_open(one) for one in silent] == [False] + [True] * 5
        assert await is_open(asked[0])


async def test_the_oldest_idle_connection_goes_when_none_is_silent(serve_fake: ServeFake) -> None:
    """A client finds out when it next asks, which its library does again."""
    async with serve_fake(connections_per_address=4) as http, opened(http, 0):
        streams = []
        async with AsyncExitStack() as stack:
            for _ in range(4):
                [one] = await stack.enter_async_context(opened(http, 1))
                assert await is_open(one)
                streams.append(one)

            assert [await is_open(one) for one in streams[1:]] == [True] * 3


async def test_a_client_that_waits_for_its_answer_is_kept(serve_fake: ServeFake) -> None:
    """However many others come: when all wait, it is the newcomer that is turned away."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""
    async with serve_fake(engine, connections_per_address=3, runs_at_once=3, budget_s=3) as http:
        await http.until_ready()
        body = json.dumps(http.kata(max_seconds=1)).encode()
        run = b"GET /run_cyber_dojo_sh HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(
            body
        )
        async with opened(http, 2) as waiting:
            for count, (_, writer) in enumerate(waiting, 1):
                writer.write(run + body)
                await eventually(lambda: running(http), count.__eq__)
            # A third takes the place of the idle connection, a fourth that of nobody.
            async with opened(http, 1) as third:
                third[0][1].write(run + body)
                await eventually(lambda: running(http), lambda seen: seen == 3)
                async with opened(http, 1) as late:
                    assert not await is_open(late[0])
            answers = await asyncio.gather(*(answer_from(reader) for reader, _ in waiting))

    assert {answer.status for answer in answers} == {200}


async def running(http: Served) -> int:
    """How many runs are under way."""
    return http.service.health().running


async def test_one_address_leaves_room_for_others(serve_fake: ServeFake) -> None:
    """A flood from one address drops connections of that address only."""
    async with (
        serve_fake(connections=16, connections_per_address=10) as http,
        opened(http, 3, OTHER) as others,
        opened(http, 30),
    ):
        assert [await is_open(one) for one in others] == [True] * 3


async def test_all_addresses_together_have_a_limit(serve_fake: ServeFake) -> None:
    """The oldest silent connection goes, whose ever it is."""
    async with (
        serve_fake(connections=16, connections_per_address=16) as http,
        opened(http, 3, OTHER) as others,
        opened(http, 15) as more,
    ):
        assert [await is_open(one) for one in others] == [False, False, True]
        assert all([await is_open(one) for one in more])


async def test_a_flood_is_said_once(serve_fake: ServeFake, logs: Events) -> None:
    """When it begins, and when it ends, with how many connections were dropped."""
    async with serve_fake(connections_per_address=10) as http:
        async with opened(http, 30):
            pass
        for _ in range(10):
            await http.ask("/alive")

    said = [(event["level"], event["address"]) for event in logs if "connections" in event]
    assert said == [("WARNING", "127.0.0.1"), ("INFO", "127.0.0.1")]
    [dropped] = [event["dropped"] for event in logs if "dropped" in event]
    assert dropped == 20


async def test_a_silent_connection_is_closed_soon(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection on which no byte comes within seconds is closed."""
    monkeypatch.setattr(connections, "FIRST_BYTE_S", 0.05)
    async with serve_fake() as http, http.connection() as (reader, _):
        assert await reader.read() == b""


async def all_while_sending(
    more: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    """All that the service answers to a client that sends a little again and again, to the end."""
    reading = asyncio.create_task(all_from(reader))
    with suppress(ConnectionError):
        while not reading.done():
            writer.write(more)
            await asyncio.sleep(0.01)
    return await reading


@pytest.mark.parametrize("begun", [b"G", ALIVE[:-2], ALIVE + ALIVE[:-2]])
async def test_a_slow_head_is_not_waited_for(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """A head that comes byte by byte may not take longer than in one piece, also a
    connection's second.
    """
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    async with serve_fake() as http, http.connection() as (reader, writer):
        writer.write(begun)
        answers = await all_while_sending(b"x", reader, writer)

    assert answers.count(b'{"alive?":true}') == begun.count(ALIVE)


@pytest.mark.parametrize("more", [b"x", b"\r\n"])
async def test_blank_lines_do_not_stop_the_clock(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    """A client that sends only blank lines has sent no head, and its time runs on."""
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    async with serve_fake() as http, http.connection() as (reader, writer):
        writer.write(ALIVE)
        await answer_from(reader)
        writer.write(b"\r\n\r\n" + (ALIVE[:-2] if more.strip() else b""))

        assert await all_while_sending(more, reader, writer) == b""


async def test_blank_lines_before_a_request_are_skipped(fake_http: Served) -> None:
    """Some old clients send one after a body, and it is no head, however it is cut."""
    async with fake_http.connection() as (reader, writer):
        for piece in (b"\r", b"\n\r\n", b"\r\n" + ALIVE[:-1], ALIVE[-1:], b"\r\n" + ALIVE):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        answers = [await answer_from(reader) for _ in range(2)]

    assert [answer.body for answer in answers] == [{"alive?": True}] * 2


@pytest.mark.parametrize("first", [b"", b"\r\n\r\n", b"\n\n"])
async def test_a_head_has_a_greatest_length(serve_fake: ServeFake, first: bytes) -> None:
    """A head that is too long is refused, however many headers it has."""
    async with serve_fake() as http, http.connection() as (reader, writer):
        writer.write(first + ALIVE[:-2])
        with suppress(ConnectionError):
            for number in range(120):
                writer.write(b"X-%d: %s\r\n" % (number, b"x" * 8000))
                await writer.drain()
            writer.write(b"\r\n")
            await writer.drain()
        answer = await all_from(reader)

    assert b"alive?" not in answer


async def test_an_answer_that_nobody_takes_is_given_up(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks and does not read holds its connection for a time only."""
    monkeypatch.setattr(app, "SEND_S", 0.1)
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.until_ready()
        files = {f"{number}": "x" * 50_000 for number in range(300)}
        kata = http.kata("for f in [0-9]*; do printf y >> $f; done", files)
        body = json.dumps(kata).encode()
        async with http.connection() as (reader, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(
                b"GET /run_cyber_dojo_sh HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                % len(body)
            )
            writer.write(body)
            lost = asyncio.create_task(until_lost(writer))
            await lost
    assert not reader.at_eof()


async def all_from(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends, however it does."""
    received = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            received += piece
    return received


async def until_lost(writer: asyncio.StreamWriter) -> None:
    """Write until the other side does not take it any more."""
    with suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)
