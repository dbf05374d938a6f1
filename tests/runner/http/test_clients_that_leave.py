"""Clients that go away before they have their answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine
from tests.runner.operators.scrape import scrape
from tests.serving import Served
from tests.waiting import eventually

Events = list[dict[str, Any]]


class Held:
    """Runs that answer nothing until they are told to."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.engine.kata.answer = lambda kata: b"" if kata.kata_id.startswith("held") else None

    @property
    def seen(self) -> list[str]:
        """The ids of the runs that a container got, in order."""
        return [kata.kata_id for kata in self.engine.kata.seen]


def request(http: Served, kata_id: str) -> bytes:
    """A run as it comes over the wire."""
    body = json.dumps({**http.kata(max_seconds=20), "id": kata_id}).encode()
    return b"GET /run_cyber_dojo_sh HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


@asynccontextmanager
async def client(http: Served, kata_id: str) -> AsyncIterator[asyncio.StreamReader]:
    """One that leaves at the end of the block."""
    async with http.connection() as (reader, writer):
        writer.write(request(http, kata_id))
        yield reader


async def until(http: Served, running: int, queued: int) -> None:
    """Wait until the service is as busy as that."""

    async def busy() -> tuple[int, int]:
        health = http.service.health()
        return health.running, health.queued

    await eventually(busy, lambda seen: seen == (running, queued))


async def test_a_queued_run_is_dropped_at_once(serve_fake: ServeFake) -> None:
    """No container sees it, and the queue has room again."""
    held = Held()
    async with serve_fake(held.engine, runs_at_once=1, queue=2) as http:
        await http.until_ready()
        async with client(http, "held 1"):
            await until(http, 1, 0)
            async with client(http, "queued, and gone"):
                await until(http, 1, 1)
                async with client(http, "held 2"):
                    await until(http, 1, 2)
            await until(http, 1, 0)
    assert held.seen == ["held 1"]


async def test_a_living_client_gets_the_place_of_one_that_left(serve_fake: ServeFake) -> None:
    """A living client's run is answered when the run before it, which would take all
    its time, is broken off.
    """
    held = Held()
    held.engine.kata.answer = None
    async with serve_fake(held.engine, runs_at_once=1, queue=1) as http:
        await http.until_ready()
        held.engine.kata.answer = lambda kata: b""
        async with client(http, "held"):
            await until(http, 1, 0)
        held.engine.kata.answer = None
        result = await http.run("exit 0")

        assert result["outcome"] == "green"


async def test_a_run_under_way_ends_soon(serve_fake: ServeFake, logs: Events) -> None:
    """After a second; the container is discarded, and log and metrics tell of it."""
    held = Held()
    async with serve_fake(held.engine, warm=0) as http:
        await http.until_ready()
        async with client(http, "held"):
            await eventually(lambda: seen_by(held), lambda seen: seen == ["held"])
        await until(http, 0, 0)
        await eventually(lambda: left(held), lambda count: count == 0)
        metrics = await scrape(http)

    image = ("image", FAKE_IMAGE)
    assert metrics["runner_runs_total", (image, ("outcome", "abandoned"))] == 1
    (event,) = [event for event in logs if event["message"] == "run abandoned"]
    assert (event["level"], event["kata_id"], event["reason"]) == ("INFO", "held", "client gone")
    phases = [key for key in event if key.endswith("_ms")]
    assert phases == ["queue_ms", "lease_ms", "took_ms"]


async def test_a_run_under_way_may_be_set_to_finish(serve_fake: ServeFake) -> None:
    """With the setting `finish` a run whose client has left ends and counts as if
    the client were there.
    """
    engine = FakeEngine()
    async with serve_fake(engine, client_gone="finish") as http:
        await http.until_ready()
        body = json.dumps(http.kata("sleep 1.5; exit 0")).encode()
        async with http.connection() as (_, writer):
            writer.write(
                b"GET /run_cyber_dojo_sh HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                % len(body)
            )
            writer.write(body)
            await until(http, 1, 0)
        await until(http, 0, 0)
        metrics = await scrape(http)

    assert metrics["runner_runs_total", (("image", FAKE_IMAGE), ("outcome", "green"))] == 1


async def test_a_request_that_is_sent_again_is_a_new_run(serve_fake: ServeFake) -> None:
    """A client's library may do so after a connection reset: the answer is the second run's."""
    held = Held()
    async with serve_fake(held.engine, runs_at_once=2) as http:
        await http.until_ready()
        async with client(http, "held"):
            await until(http, 1, 0)
        held.engine.kata.answer = None
        answer = await http.raw(request(http, "held"))

        assert answer.body["run_cyber_dojo_sh"]["outcome"] == "green"
    assert held.seen == ["held", "held"]


async def test_a_client_that_is_gone_before_its_turn_to_be_read_runs_nothing(
    serve_fake: ServeFake,
) -> None:
    """A request whose connection has ended before the service reads it starts no run."""
    held = Held()
    async with serve_fake(held.engine, runs_at_once=1, queue=5) as http:
        await http.until_ready()
        async with client(http, "held 1"):
            await until(http, 1, 0)
            for number in range(5):
                async with client(http, f"gone {number}"):
                    pass
            await until(http, 1, 0)
    assert held.seen == ["held 1"]


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_a_client_may_leave_at_any_moment(serve_fake: ServeFake, turns: int) -> None:
    """Whatever the run was doing, no place, container or task is lost, and the next run is well."""
    engine = FakeEngine()
    async with serve_fake(engine, runs_at_once=1, warm=1) as http:
        await http.until_ready()
        async with client(http, "any"):
            for _ in range(turns):
                await asyncio.sleep(0)
        result = await http.run("exit 0")
        await until(http, 0, 0)

        assert result["outcome"] == "green"


async def seen_by(held: Held) -> list[str]:
    """The bytes that the service's containers have got."""
    return held.seen


async def left(held: Held) -> int:
    """How many of its containers of kata are there."""
    return len(held.engine.containers.of_image(FAKE_IMAGE))
