"""Telling siblings: real servers on loopback, good, slow, dead and lying."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import pytest
from aiohttp import web

from runner.siblings.notice import SIGNATURE_HEADER, is_signed
from runner.siblings.sibling import POSTS_AT_ONCE, Sibling
from runner.siblings.siblings import Siblings
from runner.siblings.teller import Standing
from tests.daemon_process import free_port
from tests.listening import listening
from tests.reports import unheard
from tests.waiting import eventually

SECRET = "sixteen letters!"  # noqa: S105
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Ear:
    """A sibling that notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.name = ""

    async def hear(self, request: web.Request) -> web.Response:
        """Note a notice, and answer that it counts."""
        body = await request.read()
        assert is_signed(SECRET, body, request.headers[SIGNATURE_HEADER])
        self.heard.append(json.loads(body))
        return web.json_response({"verdict": "counted"}, status=202)

    @asynccontextmanager
    async def listening(self, handler: Handler | None = None) -> AsyncIterator["Ear"]:
        """Listen on a port of its own, with `handler` if one is given."""
        app = web.Application()
        app.router.add_post("/refill", handler or self.hear)
        async with listening(app, shutdown_s=0.1) as self.name:
            yield self


@asynccontextmanager
async def telling(*names: str, told: int = 3) -> AsyncIterator[Siblings]:
    """Siblings that have been looked up, ready to be told."""
    siblings = Siblings(
        names,
        told=told,
        replica="me",
        secret=SECRET,
        standing=lambda image: Standing(0.5, 0.25, 2, 3) if image != "gone" else None,
        supervisor=unheard(),
    )
    siblings.start()
    await until(lambda: len(statuses(siblings)) == len(set(names)))
    yield siblings
    await siblings.close()


def statuses(siblings: Siblings) -> list[dict[str, Any]]:
    """What operators get to see of the siblings."""
    return [asdict(one) for one in siblings.statuses()]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""

    async def look() -> bool:
        return condition()

    await eventually(look)


async def test_what_is_told() -> None:
    """A signed notice tells who took how much of which image, and when."""
    async with Ear().listening() as ear, telling(ear.name) as siblings:
        siblings.took("image")
        await until(lambda: bool(ear.heard))

        [heard] = ear.heard
        assert heard["replica"] == "me"
        assert (heard["image"], heard["takes"], heard["told"]) == ("image", 1, 1)
        assert (heard["take_rate"], heard["fill_rate"]) == (0.5, 0.25)
        assert (heard["warm"], heard["target"]) == (2, 3)
        assert siblings.outcomes == {"sent": 1}


async def test_takes_within_a_second_are_told_together() -> None:
    """The first take is told at once, the others when its second is over; sequences grow."""
    async with Ear().listening() as ear, telling(ear.name) as siblings:
        siblings.took("image")
        await until(lambda: len(ear.heard) == 1)
        for _ in range(7):
            siblings.took("image")
        siblings.took("other")
        await until(lambda: len(ear.heard) == 2)
        await until(lambda: len(ear.heard) == 3)

        first, other, later = ear.heard
        assert (other["image"], other["takes"]) == ("other", 1)
        assert (later["image"], later["takes"]) == ("image", 7)
        assert later["sent_at"] - first["sent_at"] >= 0.9
        assert first["sequence"] < other["sequence"] < later["sequence"]


async def test_all_are_told_of_what_is_new() -> None:
    """All hear of the first take of an image in a minute, only some of the next ones."""
    ears = [Ear() for _ in range(3)]
    async with (
        ears[0].listening(),
        ears[1].listening(),
        ears[2].listening(),
        telling(*(ear.name for ear in ears), told=1) as siblings,
    ):
        siblings.took("image")
        await until(lambda: siblings.outcomes["sent"] == 3)
        siblings.took("image")
        await until(lambda: siblings.outcomes["sent"] == 4)
        siblings.took("other")
        await until(lambda: siblings.outcomes["sent"] == 7)

        told = [(one["image"], one["told"]) for ear in ears for one in ear.heard]
        assert sorted(told) == [("image", 1), *3 * [("image", 3)], *3 * [("other", 3)]]


async def test_a_dead_one_is_left_alone_for_a_while() -> None:
    """The living sibling hears of every take, and the dead one is not even tried."""
    dead = f"127.0.0.1:{free_port()}"
    async with Ear().listening() as ear, telling(ear.name, dead) as siblings:
        for number in range(10):
            siblings.took(f"image-{number}")
            await until(lambda: len(ear.heard) == number + 1)  # noqa: B023
        await until(lambda: siblings.outcomes["sent"] == 10)

        assert siblings.outcomes["failed"] <= POSTS_AT_ONCE
        [paused] = [one for one in statuses(siblings) if one["failed"]]
        assert paused["address"] == dead
        assert paused["paused_s"] > 0
        assert paused["last_error"]


@pytest.mark.parametrize("status", [401, 429, 500, 301])
async def test_one_that_refuses_is_left_alone_as_well(status: int) -> None:
    """A sibling that refuses is left alone whatever it says, and a redirect is not followed."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with Ear().listening(refuse) as ear, telling(ear.name) as siblings:
        siblings.took("image")
        await until(lambda: siblings.outcomes["failed"] == 1)

        [sibling] = statuses(siblings)
        assert sibling["last_error"] == f"status {status}"
        assert sibling["paused_s"] > 0


async def test_a_slow_one_holds_up_nobody() -> None:
    """A few notices at most wait for a slow sibling, and each gives up in a second."""

    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    slow = Ear()
    async with (
        slow.listening(never),
        Ear().listening() as ear,
        telling(ear.name, slow.name) as siblings,
    ):
        for number in range(20):
            siblings.took(f"image-{number}")
        await until(lambda: len(ear.heard) == POSTS_AT_ONCE)
        await until(lambda: siblings.outcomes["failed"] == POSTS_AT_ONCE)

        assert siblings.outcomes == {"sent": POSTS_AT_ONCE, "failed": POSTS_AT_ONCE}


async def test_an_endless_answer_is_not_read() -> None:
    """A sibling whose answer does not end costs a thousand bytes."""
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 100_000)
            written += 100_000

    async with Ear().listening(endless) as ear, telling(ear.name) as siblings:
        siblings.took("image")
        await until(lambda: bool(siblings.outcomes))

        assert siblings.outcomes == {"sent": 1}
        assert written < 20_000_000


async def test_ourselves_is_told_once() -> None:
    """A name may stand for ourselves, too, which is found out by one notice."""

    async def own(_request: web.Request) -> web.Response:
        return web.json_response({"verdict": "own"})

    async with Ear().listening(own) as ear, telling(ear.name) as siblings:
        siblings.took("image")
        await until(lambda: siblings.outcomes["sent"] == 1)
        siblings.took("other")
        await asyncio.sleep(0)

        assert statuses(siblings) == []
        assert siblings.outcomes == {"sent": 1}


async def test_without_siblings_nothing_happens() -> None:
    """Without siblings there is no task and no connection."""
    siblings = Siblings(
        (), told=3, replica="me", secret="", standing=lambda image: None, supervisor=unheard()
    )
    before = asyncio.all_tasks()
    siblings.start()
    siblings.took("image")

    assert asyncio.all_tasks() == before
    await siblings.close()


async def test_a_name_that_stands_for_nothing_does_no_harm() -> None:
    """A name that stands for nobody is looked up again, as it may stand for somebody later."""
    siblings = Siblings(
        ("no-such-host.invalid:4597",), told=3, replica="me", secret="",
        standing=lambda image: Standing(0, 0, 0, 0), supervisor=unheard(),
    )  # fmt: skip
    siblings.start()
    siblings.took("image")
    await asyncio.sleep(0)

    assert statuses(siblings) == []
    await siblings.close()


async def test_close_gives_up_what_is_under_way() -> None:
    """Closing ends a notice that is under way, and a pause."""

    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    before = asyncio.all_tasks()
    async with Ear().listening(never) as ear:
        async with telling(ear.name) as siblings:
            siblings.took("image")
            await asyncio.sleep(0)
            siblings.took("image")
        assert not siblings.outcomes
    assert not {task for task in asyncio.all_tasks() - before if "refill" in task.get_name()}


def test_pauses_grow_and_end() -> None:
    """Pauses are 1, 2, 4 ... 60 seconds, half of each by chance, and an answer ends them."""
    sibling, pauses = Sibling(("127.0.0.1", 1)), []
    for _ in range(10):
        sibling.missed("no", now_s=100.0)
        pauses.append(sibling.paused_until_s - 100.0)

    assert all(0.5 * 2**n <= pause <= 2**n for n, pause in enumerate(pauses[:6]))
    assert all(30 <= pause <= 60 for pause in pauses[6:])
    assert not sibling.may_be_told(100.0)
    assert sibling.may_be_told(161.0)

    sibling.answered()
    sibling.missed("no", now_s=200.0)
    assert sibling.paused_until_s <= 201.0


def test_an_address_of_either_kind() -> None:
    """Addresses of IPv4 are told plain, those of IPv6 in brackets."""
    assert Sibling(("10.0.0.1", 4597)).url == "http://10.0.0.1:4597/refill"
    assert Sibling(("::1", 4597)).url == "http://[::1]:4597/refill"
