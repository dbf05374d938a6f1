"""Bodies of requests: how large, how slow and how encoded they may be."""

import asyncio
import gzip
from contextlib import suppress

import pytest

from tests.conftest import ServeFake
from tests.runner.http.support import KIB, MIB, Events, text
from tests.serving import Served, answer_from


async def test_a_body_at_the_limit_is_taken(serve_fake: ServeFake) -> None:
    """A body of exactly the limit is not over the limit."""
    async with serve_fake(request_max_bytes=MIB) as http:
        answer = await http.ask("/alive", b"{}".ljust(MIB))

    assert answer.body == {"alive?": True}


async def test_a_body_over_the_limit_is_refused_before_it_comes(serve_fake: ServeFake) -> None:
    """A Content-Length over the limit is 413, and the connection is closed."""
    async with serve_fake(request_max_bytes=MIB) as http:
        answer = await http.raw(
            b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n"
        )

    assert answer.refusal == (413, "body: over the limit of 1048576 bytes")
    assert answer.headers["Connection"] == "close"


async def test_a_chunked_body_over_the_limit_is_not_read_on(serve_fake: ServeFake) -> None:
    """A body of unknown length is 413 soon after the limit, however much would follow."""
    sent_bytes = 0
    async with serve_fake(request_max_bytes=MIB) as http, http.connection() as (reader, writer):
        writer.write(b"POST /alive HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        answering = asyncio.create_task(answer_from(reader))
        with suppress(ConnectionError):
            while not answering.done() and sent_bytes < 200 * MIB:
                writer.write(b"10000\r\n" + b" " * 64 * KIB + b"\r\n")
                await writer.drain()
                sent_bytes += 64 * KIB
        answer = await answering

    assert answer.refusal == (413, "body: over the limit of 1048576 bytes")
    assert sent_bytes < 32 * MIB  # what the kernel's buffers hold comes on top


async def test_a_client_that_sends_all_before_it_reads_gets_to_the_refusal(
    serve_fake: ServeFake,
) -> None:
    """What comes of a refused body is read and dropped for a while, so no client is cut off while
    it still writes.
    """
    body = b" " * (16 * MIB)
    head = b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with serve_fake(request_max_bytes=MIB) as http, http.connection() as (reader, writer):
        writer.write(head + body)
        await writer.drain()
        answer = await answer_from(reader)
        writer.write(b"POST /alive HTTP/1.1\r\nHost: x\r\n\r\n")
        rest = await reader.read()

    assert answer.refusal == (413, "body: over the limit of 1048576 bytes")
    assert rest == b""


async def test_a_connection_ends_if_nobody_reads_its_body(fake_http: Served) -> None:
    """A body that no handler wants does not make the connection one that is never dropped."""
    async with fake_http.connection() as (reader, writer):
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        answer = await answer_from(reader)
        writer.write(b"}GET /alive HTTP/1.1\r\nHost: x\r\n\r\n")
        rest = await reader.read()

    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert rest == b""


async def test_a_client_that_leaves_after_the_refusal_is_no_error(
    serve_fake: ServeFake, logs: Events
) -> None:
    """The log has the refusal, and nothing of the connection's end."""
    head = b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (16 * MIB)
    async with serve_fake(request_max_bytes=MIB) as http:
        async with http.connection() as (reader, writer):
            writer.write(head + b" " * (2 * MIB))
            answer = await answer_from(reader)
            writer.transport.abort()
        await http.ask("/alive", b"{}")

    assert answer.status == 413
    assert not [event for event in logs if event["level"] == "ERROR"]


async def test_a_body_of_500_kb_passes(http: Served) -> None:
    """A large kata is run with the default limit."""
    result = await http.run("wc -c < large.txt", {"large.txt": "x" * 500_000})

    assert result["stdout"] == text("500000\n")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x"])
async def test_an_encoded_body_is_refused(fake_http: Served, encoding: str) -> None:
    """Any Content-Encoding is 415: nothing is inflated."""
    body = gzip.compress(b"{}")
    answer = await fake_http.ask("/alive", body, headers={"Content-Encoding": encoding})

    assert answer.refusal == (415, "Content-Encoding: send the body as it is")


async def test_a_body_that_does_not_come_is_refused(serve_fake: ServeFake) -> None:
    """A body that is not whole within its time is 408, and the connection is closed."""
    async with serve_fake(body_read_s=0.05) as http, http.connection() as (reader, writer):
        writer.write(b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        answer = await answer_from(reader)
        rest = await reader.read()

    assert answer.refusal == (408, "body: did not arrive in time")
    assert rest == b""


async def test_a_client_that_leaves_in_its_body_is_no_error_of_ours(
    serve_fake: ServeFake, logs: Events
) -> None:
    """Nothing above WARNING is logged for a client that leaves in the middle of its body."""
    async with serve_fake() as http:
        async with http.connection() as (_, writer):
            writer.write(b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            await writer.drain()
        await http.ask("/alive")

    assert [event for event in logs if event["level"] == "ERROR"] == []


async def test_a_connection_serves_again_after_a_refusal(fake_http: Served) -> None:
    """A request that is refused leaves the connection fit for the next one."""
    request = b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n%s"
    async with fake_http.connection() as (reader, writer):
        writer.write(request % b"[]")
        first = await answer_from(reader)
        writer.write(request % b"{}")
        second = await answer_from(reader)

    assert (first.status, second.status) == (400, 200)
