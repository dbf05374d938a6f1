"""Bodies claim memory step by step: one that does not come keeps nobody out, and none is stuck."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.http import bodies as module
from runner.http.bodies import COST, GRACE_S, SLOWEST_BYTES_PER_S, Bodies, Pace
from runner.http.errors import RequestError
from tests.conftest import ServeFake
from tests.runner.http.support import KIB, MIB
from tests.serving import answer_from

HEAD = b"POST /alive HTTP/1.1\r\nHost: x\r\n"
FIRST = b" " * 66_000
SILENT = {
    "it announces the limit": HEAD + b"Content-Length: %d\r\n\r\n" % (16 * MIB) + FIRST,
    "it announces nothing": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(FIRST)
    + FIRST
    + b"\r\n",
}


def known(body: bytes) -> io.BytesIO:
    """A body whose length is announced."""
    return io.BytesIO(body)


async def unknown(body: bytes) -> AsyncIterator[bytes]:
    """A body that comes in chunks."""
    for at in range(0, len(body), 100_000):
        yield body[at : at + 100_000]


@pytest.mark.parametrize("sent_as", [known, unknown])
@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT)
async def test_one_that_falls_silent_keeps_no_kata_out(
    serve_fake: ServeFake,
    monkeypatch: pytest.MonkeyPatch,
    silent: bytes,
    sent_as: Callable[[bytes], Any],
) -> None:
    """Katas of 500 kB do not even wait for it, although it may become as large as the limit."""
    monkeypatch.setattr(module, "MOST_WAITING", 0)
    async with serve_fake() as http, http.connection() as (_, writer):
        await http.until_ready()
        writer.write(silent)
        await writer.drain()
        await http.ask("/alive")
        body = json.dumps(http.kata("wc -c < x", {"x": "x" * 500_000})).encode()
        answers = await asyncio.gather(
            *(http.ask("/run_cyber_dojo_sh", sent_as(body)) for _ in range(3))
        )

    for answer in answers:
        assert answer.body["run_cyber_dojo_sh"]["stdout"]["content"] == "500000\n"


@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT)
async def test_one_that_falls_silent_is_refused_soon(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch, silent: bytes
) -> None:
    """However much it announced, it has only the time of its next step."""
    monkeypatch.setattr(module, "GRACE_S", 0.05)
    async with serve_fake(body_read_s=1000) as http, http.connection() as (reader, writer):
        writer.write(silent)
        answer = await answer_from(reader)

    assert answer.refusal == (408, "body: did not arrive in time")


@pytest.mark.parametrize("sent_as", [known, unknown])
async def test_large_bodies_are_read_one_after_the_other(
    serve_fake: ServeFake, sent_as: Callable[[bytes], Any]
) -> None:
    """Four that have no room beside each other all get their answers."""
    body = b"{}".ljust(7 * MIB)
    async with serve_fake(bodies_memory_mib=56, request_max_bytes=8 * MIB) as http:
        answers = await asyncio.gather(*(http.ask("/alive", sent_as(body)) for _ in range(4)))

    assert [answer.body for answer in answers] == [{"alive?": True}] * 4


async def test_a_body_that_waits_keeps_what_it_has() -> None:
    """A body that waits for more memory goes on when there is room, before bodies
    that came later.
    """
    bodies = Bodies(10 * COST)
    with bodies.share() as first, bodies.share() as second, bodies.share() as third:
        await first.take_for(5, 5)
        await second.take_for(3, 8)
        grows = asyncio.create_task(second.take_for(8, 8))
        comes = asyncio.create_task(third.take_for(4, 4))
        await asyncio.sleep(0)
        assert (second.taken_bytes, third.taken_bytes) == (3 * COST, 0)
        first.keep_for(1)
        await grows

        assert (second.taken_bytes, third.taken_bytes) == (8 * COST, 0)
        second.keep_for(1)
        await comes
    assert bodies.taken_bytes == 0


async def test_a_body_larger_than_was_thought_leaves_room_while_it_waits() -> None:
    """A body that turns out larger than was thought holds one byte for each of its own while it
    waits. It does not hold what its work will take.
    """
    bodies = Bodies(10 * COST)
    with bodies.share() as first, bodies.share() as second:
        await first.take_for(3, 10)
        await second.take_for(2, 2)
        grows = asyncio.create_task(second.take_for(3, 10))
        await asyncio.sleep(0)

        assert second.taken_bytes == 2
        await first.take_for(9, 10)
        first.keep_for(6)
        await grows
        assert second.taken_bytes == 3 * COST
    assert bodies.taken_bytes == 0


async def test_the_waits_of_one_body_have_an_end_together() -> None:
    """A body cannot wait anew at each of its steps."""
    bodies = Bodies(10 * COST)
    with bodies.share() as other, bodies.share() as share:
        await other.take_for(9, 9)
        waiting = asyncio.create_task(share.take_for(2, 3))
        await asyncio.sleep(0)
        other.keep_for(8)
        await waiting
        assert 0 < share.may_wait_s < module.LONGEST_WAIT_S

        share.may_wait_s = 0
        with pytest.raises(RequestError) as caught:
            await share.take_for(3, 3)

    assert (caught.value.status, bodies.taken_bytes) == (503, 0)


# A body by its size, and whether its length is announced.
SIZES = st.lists(st.integers(1, 15), min_size=2, max_size=12)


@given(SIZES, st.randoms(use_true_random=False))
@example([8, 8, 8, 8, 8, 8, 8, 8, 8, 8], None)
def test_bodies_that_grow_never_wait_for_each_other_for_ever(sizes: list[int], order: Any) -> None:
    """However many come at once and in whatever pieces: each is whole at last, none is refused,
    and together they never hold more than there is.
    """
    asyncio.run(_grow(sizes, order))


async def _grow(sizes: list[int], order: Any) -> None:
    bodies = Bodies(10 * COST)

    async def body(size: int) -> None:
        with bodies.share() as share:
            come = 1
            while True:
                await share.take_for(come, size)
                assert bodies.taken_bytes <= 10 * COST
                await asyncio.sleep(0)
                if come == size:
                    return
                come = min(size, come + (order.randint(1, 4) if order else 1))

    async with asyncio.timeout(module.LONGEST_WAIT_S / 2):  # so nobody was freed by a refusal
        await asyncio.gather(*(body(size) for size in sizes))
    assert bodies.taken_bytes == 0


def test_a_body_must_keep_its_pace() -> None:
    """Each step has its time at the slowest rate; what was lost at one step is missing later."""
    pace = Pace(100.0)
    assert pace.until_s(100.0, SLOWEST_BYTES_PER_S, 0.0) == 100 + GRACE_S + 1
    assert pace.until_s(102.0, SLOWEST_BYTES_PER_S, 0.0) == 100 + GRACE_S + 2


def test_a_wait_for_memory_is_not_the_clients() -> None:
    """The time that a body waits for memory does not count."""
    pace = Pace(100.0)
    assert pace.until_s(104.0, SLOWEST_BYTES_PER_S, 4.0) == 104 + GRACE_S + 1


def test_nobody_saves_time_by_haste() -> None:
    """A body that came fast and then falls silent is refused as soon as any other."""
    pace = Pace(100.0)
    for _ in range(10):
        until_s = pace.until_s(100.0, SLOWEST_BYTES_PER_S, 0.0)

    assert until_s == 100 + GRACE_S + 1
    assert pace.until_s(100.5, 128 * KIB, 0.0) == 100.5 + GRACE_S + 1 / 8
