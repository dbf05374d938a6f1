"""A flood of notices over HTTP: refusals wait, and at last connections are turned away."""

import asyncio
import itertools
import json
import math
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.http.gate import Gate
from runner.siblings import tarpit
from runner.siblings.notice import SIGNATURE_HEADER, sign
from tests.conftest import ServeFake
from tests.runner.http.test_refill import SECRET, notice, send
from tests.serving import Served, answer_from
from tests.waiting import eventually

_sequence = itertools.count(1)
FREE = 3


@pytest.fixture
async def http(monkeypatch: pytest.MonkeyPatch, serve_fake: ServeFake) -> AsyncIterator[Served]:
    """A service that gives three refusals at once, then one in half a second, after a
    second at most.
    """
    monkeypatch.setattr(tarpit, "BURST", FREE)
    monkeypatch.setattr(tarpit, "REFUSALS_PER_S", 2.0)
    async with serve_fake(secret=SECRET) as served:
        await served.until_ready()
        yield served


async def forged(http: Served) -> int:
    """The status of a forged notice, over a connection that is kept."""
    return (await send(http, notice(sequence=next(_sequence)), "a guess of ours!!")).status


async def held(http: Served, count: int) -> list[asyncio.Task[int]]:
    """Forged notices that wait for their answers, after those that are free."""
    assert [await forged(http) for _ in range(FREE)] == [401] * FREE
    tasks = [asyncio.create_task(forged(http)) for _ in range(count)]
    await eventually(lambda: heard(http, "unsigned"), lambda heard: heard == FREE + count)
    return tasks


async def heard(http: Served, verdict: str) -> int:
    """How many notices came to that."""
    count: int = http.service.health().as_json()["notices_in"].get(verdict, 0)
    return count


def request(secret: str, **changes: object) -> bytes:
    """A notice as it comes over the wire, in one piece."""
    body = json.dumps(notice(sequence=next(_sequence), **changes)).encode()
    head = (
        f"POST /refill HTTP/1.1\r\nHost: x\r\n{SIGNATURE_HEADER}: {sign(secret, body)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def test_a_refusal_waits_and_others_do_not(http: Served) -> None:
    """Runs, health and good notices are answered while a refusal waits, and at last the refusal."""
    tasks = await held(http, 2)

    assert (await http.run())["outcome"] == "green"
    assert (await send(http, notice(sequence=next(_sequence)), SECRET)).status == 202
    assert not tasks[1].done()
    assert await asyncio.gather(*tasks) == [401, 401]


async def test_a_newcomer_is_turned_away(http: Served) -> None:
    """While its address has no place left a new connection gets 429 and ends."""
    tasks = await held(http, 3)
    async with http.connection() as (reader, writer):
        writer.write(request("a guess of ours!!"))
        answer = await answer_from(reader)
        assert await reader.read() == b""

    assert answer.status == 429
    assert (answer.headers["Connection"], answer.headers["Retry-After"]) == ("close", "2")
    assert await heard(http, "turned_away") == 1
    assert set(await asyncio.gather(*tasks)) == {401}


async def test_an_honest_neighbour_is_let_in(http: Served) -> None:
    """At the same address a client that signs well, or sends no notice, is served."""
    tasks = await held(http, 3)

    assert (await http.raw(request(SECRET))).status == 202
    assert (await http.raw(b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n")).body == {"alive?": True}
    assert await heard(http, "turned_away") == 0
    await asyncio.gather(*tasks)


async def test_only_whole_notices_are_looked_at(http: Served) -> None:
    """A notice that comes in pieces goes past the gate, and is refused by its signature."""
    tasks = await held(http, 3)
    whole = request("a guess of ours!!")
    async with http.connection() as (reader, writer):
        writer.write(whole[:10])
        await http.ask("/alive")  # by its answer the piece has been read
        writer.write(whole[10:])
        answer = await answer_from(reader)

    assert answer.status == 401
    await asyncio.gather(*tasks)


async def test_who_stops_waits_for_none(http: Served) -> None:
    """A service that drains holds answers as before; its end sends them all at once."""
    tasks = await held(http, 2)
    http.service.is_draining = True

    assert (await send(http, notice(sequence=next(_sequence)), SECRET)).status == 503
    assert not tasks[1].done()
    ending = asyncio.create_task(http.server.cleanup())
    assert await asyncio.gather(*tasks) == [401, 401]
    await ending


class Wire(asyncio.Transport):
    """A connection that notes what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note it."""
        self.written += bytes(data)

    def close(self) -> None:
        """There is nothing to close."""


class NoPatience(tarpit.Tarpit):
    """Every address has as many refusals waiting as it may."""

    def wait_s(self, address: str, now_s: float) -> float:
        """For ever."""
        return math.inf


BEGINNINGS = st.sampled_from(
    [b"", b"POST /refill ", b"POST /refill HTTP/1.1\r\nX-Dojo-Runner-Signature: ", b"GET /alive "]
)


@given(BEGINNINGS, st.binary(max_size=200), st.sampled_from(["", SECRET]))
def test_any_first_bytes(begin: bytes, rest: bytes, secret: str) -> None:
    """Any first bytes get to HTTP, or are turned away with the bytes that are always the same."""
    http, wire = asyncio.Protocol(), Wire()
    turned_away: list[bool] = []
    gate = Gate(
        lambda: http,
        tarpit=NoPatience(),
        secret=secret,
        turned_away=lambda: turned_away.append(True),
    )

    protocol = gate.let_in(wire, begin + rest)

    assert protocol in (http, None)
    assert (protocol is None) == bool(turned_away) == wire.written.startswith(b"HTTP/1.1 429 ")
    assert protocol is http or begin.startswith(b"POST /refill ") or rest.startswith(b"POST ")
