"""The siblings' health for the live page: few at a time, bounded, and taken to be hostile."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from runner.operators.neighbours import (
    ANSWERS_WITHIN_S,
    AT_ONCE,
    LARGEST_BYTES,
    Neighbours,
)
from tests.listening import listening

HEALTH = json.dumps({"status": "ok", "replica": "b", "running": 2}).encode()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def sibling(handler: Handler) -> AsyncIterator[str]:
    """A sibling whose health is answered by `handler`; its address."""
    app = web.Application()
    app.router.add_get("/health", handler)
    app.router.add_get("/elsewhere", well)
    async with listening(app, shutdown_s=0.1) as address:
        yield address


@asynccontextmanager
async def looking_at(*addresses: str) -> AsyncIterator[Neighbours]:
    """Neighbours that have looked at these addresses once."""
    ours = Neighbours(lambda: addresses)
    try:
        await ours.look()
        yield ours
    finally:
        await ours.close()
        await ours.close()


async def well(request: web.Request) -> web.Response:
    """A sibling that is well."""
    return web.Response(body=HEALTH)


async def test_a_siblings_figures_are_fetched() -> None:
    """The page has the figures that the sibling gives of itself."""
    async with sibling(well) as address, looking_at(address) as ours:
        one = ours.by_address[address]

    assert (one.trouble, one.health and one.health.running) == ("", 2)


async def test_why_a_sibling_does_not_answer_is_told_in_an_operators_words() -> None:
    """The trouble of a sibling that does not answer has no words of the HTTP client."""
    async with looking_at("127.0.0.1:1") as ours:
        assert ours.by_address["127.0.0.1:1"].trouble == "cannot connect: connection refused"


async def test_a_sibling_that_has_gone_keeps_its_last_figures() -> None:
    """A sibling that does not answer keeps its last figures, with the reason.

    One that was removed is forgotten.
    """
    addresses: list[str] = []
    ours = Neighbours(lambda: addresses)
    async with sibling(well) as address:
        addresses.append(address)
        await ours.look()
    await ours.look()
    one = ours.by_address[address]
    addresses.clear()
    await ours.look()
    await ours.close()

    assert one.trouble
    assert one.health is not None
    assert ours.by_address == {}


async def redirect(request: web.Request) -> web.Response:
    """An answer that leads elsewhere, where there is a health."""
    raise web.HTTPFound("/elsewhere")


async def endless(request: web.Request) -> web.StreamResponse:
    """An answer that never ends."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def large(request: web.Request) -> web.Response:
    """A health with more blanks behind it than an answer may have bytes."""
    return web.Response(body=HEALTH.ljust(LARGEST_BYTES + 1))


async def bomb(request: web.Request) -> web.Response:
    """A few bytes that can be inflated to many."""
    return web.Response(body=gzip.compress(HEALTH), headers={"Content-Encoding": "gzip"})


async def fails(request: web.Request) -> web.Response:
    """An answer that is no health of ours."""
    return web.Response(status=500, body=HEALTH)


async def markup(request: web.Request) -> web.Response:
    """An answer that is no JSON."""
    return web.Response(text="<script>alert(1)</script>")


@pytest.mark.parametrize("handler", [redirect, large, endless, bomb, fails, markup])
async def test_a_bad_answer_is_a_sentence_of_trouble(handler: Handler) -> None:
    """A sibling's bad answer is neither followed, nor inflated, nor read beyond the limit."""
    async with sibling(handler) as address, looking_at(address) as ours:
        one = ours.by_address[address]

    assert (one.health, bool(one.trouble)) == (None, True)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:x", "a..b:80", "::1:1", "no port"])
async def test_an_address_that_leads_nowhere_is_trouble(address: str) -> None:
    """A malformed address keeps no other from being asked."""
    async with sibling(well) as good, looking_at(address, good) as ours:
        assert ours.by_address[address].trouble
        assert ours.by_address[good].health is not None


async def test_siblings_are_asked_a_few_at_a_time() -> None:
    """A hundred of them are no burst of connections."""
    under_way, most = 0, 0

    async def takes_a_while(request: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(0.05)
        finally:
            under_way -= 1
        return web.Response(body=HEALTH)

    async with sibling(takes_a_while) as address, looking_at(*[address] * (4 * AT_ONCE)):
        assert most == AT_ONCE


async def test_a_sibling_that_never_answers_is_given_up() -> None:
    """The page shows what is known of it, and why that is old."""

    async def hangs(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with sibling(hangs) as address, looking_at(address) as ours:
        assert ours.by_address[address].trouble == f"no answer within {ANSWERS_WITHIN_S:g} s"
