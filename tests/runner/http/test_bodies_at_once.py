"""Bodies of requests: how much memory all of them may take together."""

import asyncio
import io
import json
import threading
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.http import bodies as module
from runner.http.bodies import COST, FREE_BYTES, MOST_WAITING, Bodies, Share
from runner.http.errors import RequestError
from runner.threads import in_turn
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served, answer_from
from tests.waiting import eventually

RUN = "/run_cyber_dojo_sh"
MIB = 1024 * 1024


async def settle() -> None:
    """Give everything that is due its turns."""
    for _ in range(10):
        await asyncio.sleep(0)


class Holder:
    """Takes a share, in a task, and holds it until it is told to go."""

    def __init__(self, bodies: Bodies, size_bytes: int) -> None:
        self.share: Share | None = None
        self.may_go = asyncio.Event()
        self.task = asyncio.create_task(self._hold(bodies, size_bytes))

    async def _hold(self, bodies: Bodies, size_bytes: int) -> None:
        with bodies.share() as share:
            await share.take_for(size_bytes, size_bytes)
            self.share = share
            await self.may_go.wait()


async def test_memory_is_given_in_the_order_of_arrival() -> None:
    """Bodies that wait for memory get it in the order of their arrival."""
    bodies = Bodies(10 * COST)
    large, second, third = (Holder(bodies, size) for size in (6, 8, 7))
    await settle()
    assert (large.share is None, second.share is None, third.share is None) == (False, True, True)
    large.may_go.set()
    await settle()
    assert (second.share is None, third.share is None) == (False, True)
    for one in (second, third):
        one.may_go.set()
    await settle()

    assert bodies.taken_bytes == 0


async def test_a_small_body_does_not_wait_for_a_large_one() -> None:
    """Learners' own are small: what fits is taken at once, and as soon as it fits."""
    bodies = Bodies(10 * COST)
    holders = [Holder(bodies, size) for size in (6, 8, 2, 5)]
    await settle()
    assert [holder.share is None for holder in holders] == [False, True, False, True]
    holders[0].may_go.set()
    await settle()
    assert [holder.share is None for holder in holders[1:]] == [False, False, True]
    for holder in holders:
        holder.may_go.set()
    await settle()

    assert bodies.taken_bytes == 0


async def test_one_that_is_larger_than_all_there_is_has_it_alone() -> None:
    """A body that needs more than all memory for bodies is served, but beside no other body."""
    bodies = Bodies(10 * COST)
    huge, small = Holder(bodies, 100), Holder(bodies, 1)
    await settle()
    assert (huge.share is None, small.share is None) == (False, True)
    huge.may_go.set()
    await settle()
    assert small.share is not None
    small.may_go.set()
    await settle()

    assert bodies.taken_bytes == 0


async def test_what_turns_out_smaller_gives_back_the_rest() -> None:
    """A body of unknown length is taken to be as large as may be, until it has come."""
    bodies = Bodies(10 * COST)
    with bodies.share() as share:
        await share.take_for(10, 10)
        waiting = Holder(bodies, 6)
        await settle()
        assert waiting.share is None
        share.keep_for(4)
        await settle()
        assert waiting.share is not None
        waiting.may_go.set()
        await settle()

    assert bodies.taken_bytes == 0


async def test_waiting_for_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that waits too long for memory is answered with 503, and no memory is lost."""
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.01)
    bodies = Bodies(COST)
    holder = Holder(bodies, 1)
    await settle()
    with pytest.raises(RequestError) as caught, bodies.share() as share:
        await share.take_for(1, 1)

    assert (caught.value.status, caught.value.message) == (
        503,
        "body: too many large bodies at once",
    )
    holder.may_go.set()
    await settle()
    assert bodies.taken_bytes == 0


async def test_only_so_many_wait_for_memory() -> None:
    """When as many bodies wait for memory as may, the next one is answered with 503 at once."""
    bodies = Bodies(COST)
    holders = [Holder(bodies, 1) for _ in range(MOST_WAITING + 2)]
    await settle()

    assert isinstance(holders[-1].task.exception(), RequestError)
    assert not any(holder.task.done() for holder in holders[:-1])
    for holder in holders:
        holder.may_go.set()
    await settle()
    await asyncio.gather(*(holder.task for holder in holders[:-1]))
    assert bodies.taken_bytes == 0


async def test_one_that_gives_up_waiting_makes_room_for_another() -> None:
    """Bodies whose clients have gone are not counted among those that wait."""
    bodies = Bodies(COST)
    holders = [Holder(bodies, 1) for _ in range(MOST_WAITING + 1)]
    await settle()
    holders[-1].task.cancel()
    await settle()
    holders[-1] = Holder(bodies, 1)
    await settle()
    for holder in holders:
        holder.may_go.set()

    await asyncio.gather(*(holder.task for holder in holders))
    assert bodies.taken_bytes == 0


STEPS = st.lists(
    st.tuples(st.sampled_from(["come", "go", "cancel", "turn"]), st.integers(0, 12)), max_size=60
)


@given(STEPS)
@example([("come", 10), ("come", 5), ("turn", 0), ("go", 0), ("turn", 0), ("cancel", 1)])
@example([("come", 10), ("come", 5), ("turn", 0), ("go", 0), ("cancel", 1)])
def test_no_cancellation_loses_memory(steps: list[tuple[str, int]]) -> None:
    """Whenever bodies are cancelled, also several in one turn of the loop, all
    memory is free at the end.
    """
    asyncio.run(_storm(steps))


async def _storm(steps: list[tuple[str, int]]) -> None:
    bodies = Bodies(10 * COST)
    holders: list[Holder] = []
    for what, number in steps:
        if what == "come":
            holders.append(Holder(bodies, number))
        elif what == "turn":
            await asyncio.sleep(0)
        elif holders:
            holder = holders[number % len(holders)]
            holder.may_go.set() if what == "go" else holder.task.cancel()
        assert bodies.taken_bytes <= 10 * COST
    for holder in holders:
        holder.may_go.set()
    ended = await asyncio.gather(*(holder.task for holder in holders), return_exceptions=True)

    assert all(isinstance(one, type(None) | asyncio.CancelledError) for one in ended)
    assert bodies.taken_bytes == 0


def headed(length: int) -> bytes:
    """The head of a run with a body of that size."""
    return b"GET %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (RUN.encode(), length)


async def test_a_large_body_waits_for_memory_and_small_ones_do_not(serve_fake: ServeFake) -> None:
    """While a large body is on its way another is not read, and learners' own runs go on."""
    async with serve_fake(bodies_memory_mib=1) as http, http.connection() as (reader, writer):
        await http.until_ready()
        body = json.dumps(http.kata("wc -c < x", {"x": "x" * MIB})).encode()
        writer.write(headed(len(body)) + body[: 2 * FREE_BYTES])
        await http.ask("/alive")
        waiting = asyncio.create_task(http.ask(RUN, io.BytesIO(body)))
        unread = asyncio.create_task(http.ask("/alive", b"{}".ljust(MIB)))
        assert (await http.run("exit 0"))["outcome"] == "green"
        done, _ = await asyncio.wait([waiting, unread], timeout=0.5)
        assert not done
        writer.write(body[2 * FREE_BYTES :])

        first, second, alive = await answer_from(reader), await waiting, await unread

    assert alive.body == {"alive?": True}
    for answer in (first, second):
        assert answer.body["run_cyber_dojo_sh"]["stdout"]["content"] == "1048576\n"


async def test_a_large_body_that_finds_no_memory_is_refused(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large body that finds no memory is answered with 503.

    The answer has a Retry-After and the body's beginning, and the connection ends.
    """
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.05)
    async with serve_fake(bodies_memory_mib=1) as http, http.connection() as (_, writer):
        writer.write(headed(MIB) + b" " * 2 * FREE_BYTES)
        await http.ask("/alive")
        answer = await http.ask("/alive", b"y" * MIB)

    assert answer.refusal == (503, "body: too many large bodies at once")
    assert answer.exception["body"] == "y" * 50 * 1024
    assert (answer.headers["Connection"], answer.headers["Retry-After"]) == ("close", "2")


async def test_a_large_body_must_come_fast(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large body that holds memory and trickles is 408 long before the limit for all bodies."""
    monkeypatch.setattr(module, "GRACE_S", 0.05)
    monkeypatch.setattr(module, "SLOWEST_BYTES_PER_S", 1000 * MIB)
    async with serve_fake(body_read_s=1000) as http, http.connection() as (reader, writer):
        writer.write(headed(MIB) + b" " * 2 * FREE_BYTES)
        answer = await answer_from(reader)

    assert answer.refusal == (408, "body: did not arrive in time")


async def test_a_body_is_not_read_that_a_full_queue_will_refuse(serve_fake: ServeFake) -> None:
    """A body that a full queue will refuse is not read beyond its first bytes.

    Other paths read on.
    """
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""
    async with serve_fake(engine, runs_at_once=1, queue=0) as http, http.connection() as (_, held):
        await http.until_ready()
        body = json.dumps(http.kata(max_seconds=20)).encode()
        held.write(headed(len(body)) + body)
        await eventually(lambda: running(http), bool)
        async with http.connection() as (reader, writer):
            writer.write(headed(15 * MIB) + b"z" * 2 * FREE_BYTES)
            answer = await answer_from(reader)
        alive = await http.ask("/alive", b"{}".ljust(MIB))

    assert answer.refusal == (503, "the queue is full (1 running, 0 waiting)")
    assert answer.exception["body"] == "z" * 50 * 1024
    assert answer.headers["Retry-After"] == "2"
    assert alive.body == {"alive?": True}


@pytest.mark.parametrize("chunked", [False, True])
async def test_large_bodies_come_whole(serve_fake: ServeFake, chunked: bool) -> None:
    """Several large bodies arrive whole at once, whether or not they announce a length."""

    async def pieces(body: bytes) -> Any:
        for at in range(0, len(body), 100_000):
            yield body[at : at + 100_000]

    async with serve_fake() as http:
        await http.until_ready()
        body = json.dumps(http.kata("md5sum < x | cut -c1-6", {"x": "é" * 700_000})).encode()
        answers = await asyncio.gather(
            *(http.ask(RUN, pieces(body) if chunked else io.BytesIO(body)) for _ in range(3))
        )

    printed = {answer.body["run_cyber_dojo_sh"]["stdout"]["content"] for answer in answers}
    assert len(printed) == 1


async def test_a_body_of_unknown_length_gives_back_what_it_does_not_need(
    serve_fake: ServeFake,
) -> None:
    """A body of unknown length leaves room for another once it is whole, although
    its run goes on.
    """
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""

    async def pieces(body: bytes) -> Any:
        yield body

    async with serve_fake(engine, bodies_memory_mib=3, budget_s=3) as http:
        await http.until_ready()
        body = json.dumps(http.kata(files={"x": "x" * 3 * FREE_BYTES}, max_seconds=1)).encode()
        asking = asyncio.create_task(http.ask(RUN, pieces(body)))
        await eventually(lambda: running(http), bool)
        alive = await http.ask("/alive", b"{}".ljust(3 * FREE_BYTES))
        assert not asking.done()
        await asking

    assert alive.body == {"alive?": True}


async def test_a_large_body_is_parsed_off_the_loop(serve_fake: ServeFake) -> None:
    """A large body waits for the thread that parses, and a small one is answered meanwhile."""
    thread_may_go_on = threading.Event()
    async with serve_fake() as http:
        busy = asyncio.create_task(in_turn(thread_may_go_on.wait, 20))
        asking = asyncio.create_task(http.ask("/alive", b"{}".ljust(3 * FREE_BYTES)))
        done, _ = await asyncio.wait([asking], timeout=0.3)
        small = await http.ask("/alive", b"{}")
        thread_may_go_on.set()
        large = await asking
        await busy

    assert not done
    assert small.body == large.body == {"alive?": True}


async def running(http: Served) -> int:
    """How many runs are under way."""
    return http.service.health().running
